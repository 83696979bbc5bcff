use std::{fmt::Display, str::FromStr};

use thumbnail::{Animation, Format, Keep, Limits, Options, Output, Size};
use thumbnail_job::{
    Prefixes,
    settings::{InvalidSettings, Reader},
};

use crate::{
    Layout, Metrics,
    reconcile::{Location, Place, Target},
};

/// Longest key that S3 takes, in bytes of UTF-8.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
const MAX_KEY_BYTES: usize = 1024;

/// What the process takes of the function's memory, in bytes: the program, its connections, buffers of uploads under way.
const OWN_MEMORY: u64 = 96 << 20;

/// The generation of the pixel core. Whoever changes how thumbnails look raises it: a backfill then makes them all anew.
const PIXELS: u32 = 2;

/// The function's settings, each from the environment variable named in its documentation.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `UPLOADS_PREFIX` (`uploads/`) and `THUMBNAILS_PREFIX` (`thumbnails/`): which keys are sources, where thumbnails go.
    pub prefixes: Prefixes,
    /// Lines of metrics in the log, where that is one for machines; see [`Metrics::read`].
    pub metrics: Option<Metrics>,
    /// `OUTPUT_BUCKET` (the source's own): the bucket that thumbnails are written to.
    pub output_bucket: Option<String>,
    /// `THUMBNAIL_KEY` (`{size}/{key}` after the thumbnails prefix): the keys of thumbnails, of each size if wanted.
    pub thumbnail_key: Layout,
    /// `CACHE_CONTROL` (`public, max-age=0, must-revalidate`): the header of that name on every thumbnail. Thumbnail keys are
    /// mutable; long caching needs a version in the URL.
    pub cache_control: String,
    /// `RETIRED_SIZES` (none): sizes that were made once and are no more. Their thumbnails are removed whenever their source is
    /// looked at: when it changes, when it is deleted, and by a backfill.
    pub retired_sizes: Vec<Size>,
    /// `SIZES` (`100,300,500`), each with a format of its own if wanted, and `FORMATS` (`source`) for the others: what is made of each
    /// source. `JPEG_QUALITY` (80),
    /// `WEBP_QUALITY` (79), `AVIF_QUALITY` (60): 1 to 100, where `FORMATS` names none. `BACKGROUND` (`ffffff`): what shows through transparent pixels
    /// in a JPEG. `KEEP` (nothing): what of a source's metadata thumbnails keep. `ANIMATION`: `first` (the default) or `keep`, of up to
    /// `MAX_SOURCE_FRAMES` (500) frames. `PLACEHOLDER`: `thumbhash` (the default) or `none`. `MAX_SOURCE_BYTES` and `MAX_SOURCE_PIXELS`: a larger source is rejected before it is downloaded or decoded.
    pub thumbnails: Options,
}

/// An entry of `SIZES`: `300`, or with an output of its own `300:webp` or `300:webp:75`.
#[derive(Clone, Copy)]
struct SizeEntry {
    size: Size,
    output: Option<Output>,
}

impl FromStr for SizeEntry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (size, output) = text.split_once(':').map_or((text, None), |(size, output)| (size, Some(output)));
        Ok(Self { size: size.parse()?, output: output.map(str::parse).transpose()? })
    }
}

/// Red, green and blue, written like `ffffff`.
struct Colour([u8; 3]);

impl FromStr for Colour {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_hexadecimal = text.len() == 6 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = u32::from_str_radix(text, 16).ok().filter(|_| is_hexadecimal);
        let [_, rgb @ ..] = number.ok_or("write a colour as six hexadecimal digits, such as ffffff")?.to_be_bytes();
        Ok(Self(rgb))
    }
}

/// Whether there is one: `thumbhash` or `none`.
struct Placeholder(bool);

impl FromStr for Placeholder {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "thumbhash" => Ok(Self(true)),
            "none" => Ok(Self(false)),
            _ => Err("write thumbhash or none"),
        }
    }
}

impl Settings {
    /// Reads all settings.
    ///
    /// # Errors
    /// One message that names every variable that is wrong.
    pub fn read(mut reader: Reader) -> Result<Self, InvalidSettings> {
        let defaults = Options::default();
        let prefixes = Prefixes::read(&mut reader);
        let default_sizes = defaults.sizes.into_iter().map(|size| SizeEntry { size, output: None }).collect();
        let sizes = list(&mut reader, "SIZES", default_sizes, |entry| entry.size);
        let settings = Self {
            metrics: Metrics::read(&mut reader),
            thumbnail_key: reader.or("THUMBNAIL_KEY", Layout::below(prefixes.thumbnails())),
            prefixes,
            output_bucket: reader.optional("OUTPUT_BUCKET"),
            cache_control: cache_control(&mut reader),
            retired_sizes: list(&mut reader, "RETIRED_SIZES", Vec::new(), |size: &Size| *size),
            thumbnails: Options {
                sizes: sizes.iter().map(|entry| entry.size).collect(),
                outputs: list(&mut reader, "FORMATS", defaults.outputs, |output: &Output| output.format),
                own_outputs: sizes.iter().filter_map(|entry| Some((entry.size, entry.output?))).collect(),
                jpeg_quality: within(&mut reader, "JPEG_QUALITY", defaults.jpeg_quality, 1, 100),
                webp_quality: within(&mut reader, "WEBP_QUALITY", defaults.webp_quality, 1, 100),
                avif_quality: within(&mut reader, "AVIF_QUALITY", defaults.avif_quality, 1, 100),
                background: reader.or("BACKGROUND", Colour(defaults.background)).0,
                keep: reader.or("KEEP", defaults.keep),
                animation: reader.or("ANIMATION", defaults.animation),
                placeholder: reader.or("PLACEHOLDER", Placeholder(defaults.placeholder)).0,
                limits: Limits {
                    max_bytes: within(&mut reader, "MAX_SOURCE_BYTES", defaults.limits.max_bytes, 1, u64::MAX),
                    max_pixels: within(&mut reader, "MAX_SOURCE_PIXELS", defaults.limits.max_pixels, 1, u64::MAX),
                    max_frames: within(&mut reader, "MAX_SOURCE_FRAMES", defaults.limits.max_frames, 1, u32::MAX),
                    max_memory: memory(&mut reader, defaults.limits.max_memory),
                    other_memory: OWN_MEMORY,
                    ..defaults.limits
                },
            },
        };
        if let Some(size) = settings.retired_sizes.iter().find(|size| settings.thumbnails.sizes.contains(size)) {
            let text = reader.optional("RETIRED_SIZES").unwrap_or_default();
            reader.problem("RETIRED_SIZES", &text, &format!("{size} is in SIZES: name it in one of them"));
        }
        if let Err(remedy) = settings.check_keys() {
            reader.problem("THUMBNAIL_KEY", &settings.thumbnail_key.to_string(), &remedy);
        }
        reader.finish(settings)
    }

    /// Checks that no two thumbnails share a key, and that none is taken for a source.
    fn check_keys(&self) -> Result<(), String> {
        let mut thumbnails = Vec::new();
        for size in self.thumbnails.sizes.iter().chain(&self.retired_sizes) {
            let formats = self.formats_in_keys(*size);
            if formats == [None] && self.thumbnails.outputs.len() > 1 {
                return Err("name {format} in it: FORMATS asks for more than one thumbnail of each size".to_owned());
            }
            thumbnails.extend(formats.iter().map(|format| (size.to_string(), format.map_or("", Format::name))));
        }
        self.thumbnail_key.check(self.prefixes.thumbnails(), self.prefixes.uploads(), &thumbnails)
    }

    /// The formats that can be in keys of that size: all that a thumbnail can have, so that none is left when
    /// [`Options::outputs`] change, or none where keys do not tell.
    fn formats_in_keys(&self, size: Size) -> Vec<Option<Format>> {
        let tells_format = self.thumbnail_key.tells_format(&size.to_string());
        if tells_format { Format::OF_THUMBNAILS.map(Some).to_vec() } else { vec![None] }
    }

    /// What a thumbnail depends on besides its source and its size, as 16 hexadecimal digits. It is written with every
    /// thumbnail, so that a backfill can tell which ones these settings would make otherwise.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // Taken apart field by field, so that whoever adds one decides whether thumbnails depend on it.
        let Options {
            sizes: _,
            limits: _,
            outputs,
            own_outputs,
            jpeg_quality,
            webp_quality,
            avif_quality,
            background,
            keep,
            animation,
            placeholder,
        } = &self.thumbnails;
        // Left out where there are none, so that the thumbnails of older settings stay current.
        let own_outputs = if own_outputs.is_empty() { String::new() } else { format!(" {own_outputs:?}") };
        let pixels =
            format!("{PIXELS} {outputs:?} {jpeg_quality} {webp_quality} {avif_quality} {background:?}{own_outputs}");
        let kept = if *keep == Keep::default() { String::new() } else { format!(" {keep:?}") };
        let animation = if *animation == Animation::First { "" } else { " animated" };
        let Self { cache_control, thumbnail_key, .. } = self;
        let text = format!("{pixels} {cache_control} {thumbnail_key} {placeholder}{kept}{animation}");
        format!("{:016x}", fnv1a(text.as_bytes()))
    }

    /// Where the source of that bucket and key and its thumbnails belong.
    ///
    /// # Errors
    /// The stable reason code, and a message, where that key is no source or has no room for the thumbnails' longer keys.
    pub fn target(&self, bucket: &str, key: &str) -> Result<Target, (&'static str, String)> {
        self.prefixes.check(key).map_err(|refusal| (refusal.code(), format!("{key:?} is not the key of an upload")))?;
        let places = |size: &Size| {
            let place = |format: Option<Format>| Place {
                size: *size,
                format,
                at: Location {
                    bucket: self.output_bucket.as_deref().unwrap_or(bucket).to_owned(),
                    key: self
                        .thumbnail_key
                        .key(&size.to_string(), format.map_or("", Format::name), key)
                        .unwrap_or_else(|| unreachable!("sizes without a template are refused at the start")),
                },
            };
            self.formats_in_keys(*size).into_iter().map(place).collect::<Vec<_>>()
        };
        let target = Target {
            source: Location { bucket: bucket.to_owned(), key: key.to_owned() },
            places: self.thumbnails.sizes.iter().flat_map(places).collect(),
            retired: self.retired_sizes.iter().flat_map(places).map(|place| place.at).collect(),
            configuration: self.fingerprint(),
        };
        match target.places.iter().map(|place| place.at.key.len()).max() {
            Some(longest) if longest > MAX_KEY_BYTES => Err((
                "key-too-long",
                format!(
                    "its thumbnails' keys would be {longest} bytes long, S3 takes {MAX_KEY_BYTES}: use a shorter key"
                ),
            )),
            _ => Ok(target),
        }
    }
}

/// The comma-separated list of a variable, whose items differ in what `identity` says of them.
fn list<T, I>(reader: &mut Reader, name: &str, default: Vec<T>, identity: impl Fn(&T) -> I) -> Vec<T>
where
    T: FromStr<Err: Display>,
    I: PartialEq,
{
    let items = reader.list(name, default);
    let is_repeated = |at: usize| items[..at].iter().any(|item| identity(item) == identity(&items[at]));
    if let Some(at) = (1..items.len()).find(|at| is_repeated(*at)) {
        let text = reader.optional(name).unwrap_or_default();
        let repeated = text.split(',').nth(at).unwrap_or_default().trim();
        reader.problem(name, &text, &format!("name {repeated} once"));
    }
    items
}

/// What of the function's memory is left for a picture, in bytes.
fn memory(reader: &mut Reader, default: u64) -> u64 {
    match reader.or("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 0_u64) {
        0 => default,
        mebibytes => (mebibytes << 20).saturating_sub(OWN_MEMORY),
    }
}

/// The 64-bit FNV-1a hash: the same on every machine and in every release, which the standard library's is not.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

fn cache_control(reader: &mut Reader) -> String {
    let cache_control = reader.or("CACHE_CONTROL", "public, max-age=0, must-revalidate".to_owned());
    if !cache_control.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        reader.problem("CACHE_CONTROL", &cache_control, "write it as a header: printable ASCII");
    }
    cache_control
}

fn within<T>(reader: &mut Reader, name: &str, default: T, least: T, most: T) -> T
where
    T: FromStr<Err: Display> + PartialOrd + Display + Copy,
{
    let value = reader.or(name, default);
    if value < least || value > most {
        reader.problem(name, &value.to_string(), &format!("choose one from {least} to {most}"));
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
        Settings::read(Reader::of(variables)).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_the_documented_ones() {
        let settings = read(&[("OUTPUT_BUCKET", "")]).unwrap();
        assert_eq!(settings.output_bucket, None);
        assert_eq!(settings.cache_control, "public, max-age=0, must-revalidate");
        let Options { outputs, jpeg_quality, webp_quality, avif_quality, background, .. } = settings.thumbnails.clone();
        assert_eq!((outputs, background), (vec![Output::SOURCE], [255; 3]));
        assert_eq!((jpeg_quality, webp_quality, avif_quality), (80, 79, 60));
        let target = settings.target("b", "uploads/a.jpg").unwrap();
        let keys: Vec<_> = target.places.iter().map(|place| place.at.key.as_str()).collect();
        assert_eq!(
            keys,
            ["thumbnails/100/uploads/a.jpg", "thumbnails/300/uploads/a.jpg", "thumbnails/500/uploads/a.jpg"]
        );
        assert!(target.places.iter().all(|place| place.at.bucket == "b"));
    }

    #[test]
    fn every_wrong_variable_is_named_at_once() {
        let wrong = [
            ("UPLOADS_PREFIX", "/uploads"),
            ("SIZES", "100,big"),
            ("FORMATS", "source,tiff"),
            ("JPEG_QUALITY", "0"),
            ("WEBP_QUALITY", "101"),
            ("AVIF_QUALITY", "high"),
            ("BACKGROUND", "#fff"),
            ("PLACEHOLDER", "blurhash"),
            ("KEEP", "gps"),
            ("ANIMATION", "all"),
            ("MAX_SOURCE_FRAMES", "0"),
            ("THUMBNAIL_KEY", "thumbnails/{size}"),
            ("CACHE_CONTROL", "no\ncache"),
            ("MAX_SOURCE_BYTES", "-1"),
            ("MAX_SOURCE_PIXELS", "lots"),
        ];
        let message = read(&wrong).unwrap_err();
        for (name, _) in wrong {
            assert!(message.contains(&format!("{name}=")), "{name} is not named in: {message}");
        }
    }

    #[test]
    fn the_functions_memory_limits_what_a_picture_may_take() {
        let max_memory = |variables: &[_]| read(variables).unwrap().thumbnails.limits.max_memory;
        assert_eq!(max_memory(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128")]), 32 << 20);
        assert_eq!(max_memory(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1769")]), 1673 << 20);
        assert_eq!(max_memory(&[]), Limits::default().max_memory);
    }

    /// A header of 20 megapixels, all of whose rows are kept until the last one has come.
    #[test]
    fn a_rejection_names_the_memory_with_which_the_picture_is_let_in() {
        let rejection = |megabytes: &str| {
            let options = read(&[("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", megabytes)]).unwrap().thumbnails;
            let header = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x14\0\0\0\x10\0\x10\x06\0\0\x01\0\0\0\0";
            thumbnail::make(header, &options).unwrap_err()
        };
        let refused = rejection("128");
        assert_eq!(refused.reason.code(), "needs-more-memory");
        assert!(refused.detail.contains("128 MB are there"), "{}", refused.detail);
        let named = refused.detail.split(' ').find(|word| word.parse::<u64>().is_ok()).unwrap();
        assert_ne!(rejection(named).reason, refused.reason, "{named}");
        let less = (named.parse::<u64>().unwrap() - 1).to_string();
        assert_eq!(rejection(&less).reason, refused.reason, "{less}");
    }

    #[test]
    fn a_size_named_twice_is_wrong() {
        assert!(read(&[("SIZES", "100,300,100")]).unwrap_err().contains("name 100 once"));
        assert_eq!(read(&[("SIZES", " 64, 128 ")]).unwrap().thumbnails.sizes.len(), 2);
    }

    #[test]
    fn a_size_can_have_an_output_of_its_own() {
        let options = read(&[("SIZES", "100, 300x200^:source:90,500:webp"), ("FORMATS", "jpeg")]).unwrap().thumbnails;
        assert_eq!(options.sizes, [Size::Width(100), Size::Cover(300, 200), Size::Width(500)]);
        let output = |format, quality| Output { format, quality };
        assert_eq!(
            options.own_outputs,
            [(Size::Cover(300, 200), output(None, Some(90))), (Size::Width(500), output(Some(Format::Webp), None))]
        );
        for (wrong, named) in
            [("100:gif", "gif"), ("100:webp:0", "quality"), ("webp:100", "no size"), ("100:", "no output")]
        {
            let message = read(&[("SIZES", wrong)]).unwrap_err();
            assert!(message.contains("SIZES") && message.contains(named), "{message}");
        }
        assert!(read(&[("SIZES", "100,100:webp")]).unwrap_err().contains("100:webp once"));
    }

    #[test]
    fn a_format_named_twice_is_wrong() {
        assert!(
            read(&[("FORMATS", "webp, webp:50"), ("THUMBNAIL_KEY", "thumbnails/{format}/{size}/{key}")])
                .unwrap_err()
                .contains("name webp:50 once")
        );
    }

    #[test]
    fn keys_that_thumbnails_could_share_are_wrong() {
        let formats = ("FORMATS", "source,webp");
        assert!(read(&[formats]).unwrap_err().contains("name {format} in it"));
        for wrong in ["thumbnails/{key}", "elsewhere/{size}/{key}", "uploads/{size}/{key}"] {
            let message = read(&[("THUMBNAIL_KEY", wrong)]).unwrap_err();
            assert!(message.contains(&format!("THUMBNAIL_KEY={wrong:?}")), "{message}");
        }
        // 1100 is no more, but its thumbnails of uploads/a would be those of uploads/a1 in size 100.
        let key = ("THUMBNAIL_KEY", "thumbnails/{key}{size}");
        assert!(read(&[key, ("SIZES", "100")]).is_ok());
        assert!(read(&[key, ("SIZES", "100"), ("RETIRED_SIZES", "1100")]).is_err());
    }

    #[test]
    fn keys_that_tell_the_format_have_a_place_for_each() {
        let variables = [
            ("FORMATS", "source,webp"),
            ("THUMBNAIL_KEY", "thumbnails/{key}/{size}.{format}"),
            ("SIZES", "100"),
            ("RETIRED_SIZES", "64"),
        ];
        let target = read(&variables).unwrap().target("b", "uploads/a.jpg").unwrap();
        let webp = target.places.iter().find(|place| place.format == Some(Format::Webp)).unwrap();
        assert_eq!(webp.at.key, "thumbnails/uploads/a.jpg/100.webp");
        assert_eq!((target.places.len(), target.retired.len()), (5, 5));
    }

    #[test]
    fn a_background_is_a_colour() {
        assert_eq!(read(&[("BACKGROUND", "1020Ff")]).unwrap().thumbnails.background, [0x10, 0x20, 0xff]);
        for wrong in ["fff", "#ffffff", "+fffff", "white", "gggggg"] {
            assert!(read(&[("BACKGROUND", wrong)]).unwrap_err().contains("six hexadecimal digits"), "{wrong}");
        }
    }

    #[test]
    fn a_size_is_made_or_retired_not_both() {
        assert!(read(&[("RETIRED_SIZES", "64,300")]).unwrap_err().contains("300 is in SIZES"));
        let target = read(&[("RETIRED_SIZES", "64")]).unwrap().target("b", "uploads/a.jpg").unwrap();
        assert_eq!(target.retired, [Location { bucket: "b".into(), key: "thumbnails/64/uploads/a.jpg".into() }]);
    }

    #[test]
    fn the_fingerprint_tells_what_thumbnails_depend_on() {
        let fingerprint = |variables: &[(&str, &str)]| read(variables).unwrap().fingerprint();
        let plain = fingerprint(&[]);
        assert_eq!(plain.len(), 16);
        for neutral in [("SIZES", "64"), ("RETIRED_SIZES", "64"), ("MAX_SOURCE_BYTES", "1"), ("OUTPUT_BUCKET", "b")] {
            assert_eq!(fingerprint(&[neutral]), plain, "{neutral:?}");
        }
        for telling in [
            ("FORMATS", "webp"),
            ("SIZES", "100:webp"),
            ("JPEG_QUALITY", "81"),
            ("BACKGROUND", "000000"),
            ("THUMBNAIL_KEY", "thumbnails/{key}/{size}"),
            ("CACHE_CONTROL", "no-cache"),
            ("PLACEHOLDER", "none"),
            ("KEEP", "copyright"),
            ("KEEP", "icc"),
            ("ANIMATION", "keep"),
        ] {
            assert_ne!(fingerprint(&[telling]), plain, "{telling:?}");
        }
        assert_eq!(fingerprint(&[("KEEP", "icc, copyright")]), fingerprint(&[("KEEP", "copyright,icc")]));
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn output_bucket_takes_the_thumbnails() {
        let target = read(&[("OUTPUT_BUCKET", "out")]).unwrap().target("in", "uploads/a.jpg").unwrap();
        assert_eq!(target.source.bucket, "in");
        assert!(target.places.iter().all(|place| place.at.bucket == "out"));
    }

    #[test]
    fn a_key_without_room_for_its_thumbnails_is_refused() {
        let longest = |length: usize| format!("uploads/{}", "k".repeat(length - "uploads/".len()));
        let settings = read(&[]).unwrap();
        let room = MAX_KEY_BYTES - "thumbnails/100/".len();
        assert!(settings.target("b", &longest(room)).is_ok());
        assert_eq!(settings.target("b", &longest(room + 1)).unwrap_err().0, "key-too-long");
    }
}
