use std::{fmt::Display, str::FromStr};

use thumbnail::{Limits, Options, Size};
use thumbnail_job::{
    Prefixes,
    settings::{InvalidSettings, Reader},
};

use crate::{
    Metrics,
    reconcile::{Location, Target},
};

/// Longest key that S3 takes, in bytes of UTF-8.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
const MAX_KEY_BYTES: usize = 1024;

/// The generation of the pixel core. Whoever changes how thumbnails look raises it: a backfill then makes them all anew.
const PIXELS: u32 = 1;

/// The function's settings, each from the environment variable named in its documentation.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `UPLOADS_PREFIX` (`uploads/`) and `THUMBNAILS_PREFIX` (`thumbnails/`): which keys are sources, where thumbnails go.
    pub prefixes: Prefixes,
    /// Lines of metrics in the log, where that is one for machines; see [`Metrics::read`].
    pub metrics: Option<Metrics>,
    /// `OUTPUT_BUCKET` (the source's own): the bucket that thumbnails are written to.
    pub output_bucket: Option<String>,
    /// `CACHE_CONTROL` (`public, max-age=0, must-revalidate`): the header of that name on every thumbnail. Thumbnail keys are
    /// mutable; long caching needs a version in the URL.
    pub cache_control: String,
    /// `RETIRED_SIZES` (none): sizes that were made once and are no more. Their thumbnails are removed whenever their source is
    /// looked at: when it changes, when it is deleted, and by a backfill.
    pub retired_sizes: Vec<Size>,
    /// `SIZES` (`100,300,500`): widths in pixels. `JPEG_QUALITY` (80): 1 to 100. `MAX_SOURCE_BYTES` and `MAX_SOURCE_PIXELS`:
    /// a larger source is rejected before it is downloaded or decoded.
    pub thumbnails: Options,
}

/// The comma-separated list of a variable.
struct List<T>(Vec<T>);

impl<T: FromStr<Err: Display>> FromStr for List<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let items: Result<_, _> = text.split(',').map(|item| item.trim().parse()).collect();
        items.map(Self).map_err(|error: T::Err| error.to_string())
    }
}

impl Settings {
    /// Reads all settings.
    ///
    /// # Errors
    /// One message that names every variable that is wrong.
    pub fn read(mut reader: Reader) -> Result<Self, InvalidSettings> {
        let defaults = Options::default();
        let settings = Self {
            metrics: Metrics::read(&mut reader),
            prefixes: Prefixes::read(&mut reader),
            output_bucket: reader.optional("OUTPUT_BUCKET"),
            cache_control: cache_control(&mut reader),
            retired_sizes: sizes(&mut reader, "RETIRED_SIZES", Vec::new()),
            thumbnails: Options {
                sizes: sizes(&mut reader, "SIZES", defaults.sizes.clone()),
                jpeg_quality: within(&mut reader, "JPEG_QUALITY", defaults.jpeg_quality, 1, 100),
                limits: Limits {
                    max_bytes: within(&mut reader, "MAX_SOURCE_BYTES", defaults.limits.max_bytes, 1, u64::MAX),
                    max_pixels: within(&mut reader, "MAX_SOURCE_PIXELS", defaults.limits.max_pixels, 1, u64::MAX),
                    max_memory: memory(&mut reader, defaults.limits.max_memory),
                    ..defaults.limits
                },
                ..defaults
            },
        };
        if let Some(size) = settings.retired_sizes.iter().find(|size| settings.thumbnails.sizes.contains(size)) {
            let text = reader.optional("RETIRED_SIZES").unwrap_or_default();
            reader.problem("RETIRED_SIZES", &text, &format!("{size} is in SIZES: name it in one of them"));
        }
        reader.finish(settings)
    }

    /// What a thumbnail depends on besides its source and its size, as 16 hexadecimal digits. It is written with every
    /// thumbnail, so that a backfill can tell which ones these settings would make otherwise.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // Taken apart field by field, so that whoever adds one decides whether thumbnails depend on it.
        let Options { sizes: _, limits: _, outputs, jpeg_quality, webp_quality, avif_quality, background } =
            &self.thumbnails;
        let pixels = format!("{PIXELS} {outputs:?} {jpeg_quality} {webp_quality} {avif_quality} {background:?}");
        format!("{:016x}", fnv1a(format!("{pixels} {}", self.cache_control).as_bytes()))
    }

    /// Where the source of that bucket and key and its thumbnails belong.
    ///
    /// # Errors
    /// The stable reason code, and a message, where that key is no source or has no room for the thumbnails' longer keys.
    pub fn target(&self, bucket: &str, key: &str) -> Result<Target, (&'static str, String)> {
        self.prefixes.check(key).map_err(|refusal| (refusal.code(), format!("{key:?} is not the key of an upload")))?;
        let output_bucket = self.output_bucket.as_deref().unwrap_or(bucket);
        let place = |size: &Size| Location {
            bucket: output_bucket.to_owned(),
            key: self.prefixes.thumbnail_key(&size.to_string(), key),
        };
        let thumbnails: Vec<_> = self.thumbnails.sizes.iter().map(|size| (*size, place(size))).collect();
        match thumbnails.iter().map(|(_, at)| at.key.len()).max() {
            Some(longest) if longest > MAX_KEY_BYTES => Err((
                "key-too-long",
                format!(
                    "its thumbnails' keys would be {longest} bytes long, S3 takes {MAX_KEY_BYTES}: use a shorter key"
                ),
            )),
            _ => Ok(Target {
                source: Location { bucket: bucket.to_owned(), key: key.to_owned() },
                thumbnails,
                retired: self.retired_sizes.iter().map(place).collect(),
                configuration: self.fingerprint(),
            }),
        }
    }
}

fn sizes(reader: &mut Reader, name: &str, default: Vec<Size>) -> Vec<Size> {
    let List(sizes) = reader.or(name, List(default));
    if let Some(repeated) = sizes.iter().enumerate().find_map(|(at, size)| sizes[..at].contains(size).then_some(size)) {
        let text = reader.optional(name).unwrap_or_default();
        reader.problem(name, &text, &format!("name {repeated} once"));
    }
    sizes
}

/// What of the function's memory is left for a picture, in bytes.
fn memory(reader: &mut Reader, default: u64) -> u64 {
    /// The process itself: the program, its connections, buffers of uploads under way.
    const OWN: u64 = 96 << 20;
    match reader.or("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 0_u64) {
        0 => default,
        mebibytes => (mebibytes << 20).saturating_sub(OWN),
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
        assert_eq!(settings.thumbnails.jpeg_quality, 80);
        let target = settings.target("b", "uploads/a.jpg").unwrap();
        let keys: Vec<_> = target.thumbnails.iter().map(|(_, at)| at.key.as_str()).collect();
        assert_eq!(
            keys,
            ["thumbnails/100/uploads/a.jpg", "thumbnails/300/uploads/a.jpg", "thumbnails/500/uploads/a.jpg"]
        );
        assert!(target.thumbnails.iter().all(|(_, at)| at.bucket == "b"));
    }

    #[test]
    fn every_wrong_variable_is_named_at_once() {
        let wrong = [
            ("UPLOADS_PREFIX", "/uploads"),
            ("SIZES", "100,big"),
            ("JPEG_QUALITY", "0"),
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

    #[test]
    fn a_size_named_twice_is_wrong() {
        assert!(read(&[("SIZES", "100,300,100")]).unwrap_err().contains("name 100 once"));
        assert_eq!(read(&[("SIZES", " 64, 128 ")]).unwrap().thumbnails.sizes.len(), 2);
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
        for telling in [("JPEG_QUALITY", "81"), ("CACHE_CONTROL", "no-cache")] {
            assert_ne!(fingerprint(&[telling]), plain, "{telling:?}");
        }
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"foobar"), 0x8594_4171_f739_67e8);
    }

    #[test]
    fn output_bucket_takes_the_thumbnails() {
        let target = read(&[("OUTPUT_BUCKET", "out")]).unwrap().target("in", "uploads/a.jpg").unwrap();
        assert_eq!(target.source.bucket, "in");
        assert!(target.thumbnails.iter().all(|(_, at)| at.bucket == "out"));
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
