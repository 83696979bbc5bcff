//! The function's settings: what each environment variable means, its default, and what is wrong with it.

mod fingerprint;
mod memory;
mod target;

use std::{fmt::Display, str::FromStr};

use common::{
    Prefixes,
    settings::{InvalidSettings, Reader},
};
use thumbnail::{Limits, Options, Output, Size};

use self::memory::{OWN_MEMORY, memory};
use crate::{Layout, Metrics};

/// The function's settings. Each field names its environment variables, with their defaults in parentheses.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `UPLOADS_PREFIX` (`uploads/`) and `THUMBNAILS_PREFIX` (`thumbnails/`): the prefixes of the keys of sources and thumbnails.
    pub prefixes: Prefixes,
    /// Writes metrics to the log; `None` when people read the log. See [`Metrics::read`].
    pub metrics: Option<Metrics>,
    /// `OUTPUT_BUCKET` (the source's bucket): the bucket that thumbnails are written to.
    pub output_bucket: Option<String>,
    /// `THUMBNAIL_KEY` (the thumbnails prefix, then `{size}/{key}`): the template of thumbnail keys, or one template for each size.
    pub thumbnail_key: Layout,
    /// `CACHE_CONTROL` (`public, max-age=0, must-revalidate`): the `Cache-Control` header of every thumbnail. A thumbnail's
    /// content changes under the same key, so long caching needs a version in the URL.
    pub cache_control: String,
    /// `RETIRED_SIZES` (empty): sizes that are no longer made. Their thumbnails are deleted whenever their source changes, is
    /// deleted, or is processed by a backfill.
    pub retired_sizes: Vec<Size>,
    /// How thumbnails are made:
    ///
    /// - `SIZES` (`100,300,500`): the sizes, each with an optional format.
    /// - `FORMATS` (`source`): the formats of sizes that name none.
    /// - `JPEG_QUALITY` (80), `WEBP_QUALITY` (79), `AVIF_QUALITY` (60): 1 to 100, for formats that name no quality.
    /// - `BACKGROUND` (`ffffff`): the colour behind transparent pixels in a JPEG.
    /// - `KEEP` (empty): the metadata that thumbnails keep.
    /// - `ANIMATION` (`first`): `keep` animates thumbnails of up to `MAX_SOURCE_FRAMES` (500) frames.
    /// - `PLACEHOLDER` (`thumbhash`): `none` leaves the placeholder out.
    /// - `MAX_SOURCE_BYTES`, `MAX_SOURCE_PIXELS`: a larger source is rejected before it is downloaded or decoded.
    pub thumbnails: Options,
}

/// An entry of `SIZES`: `300`, or `300:webp` or `300:webp:75` for a size with its own output.
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

/// Red, green and blue, parsed from text such as `ffffff`.
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

/// Whether a placeholder is made, parsed from `thumbhash` or `none`.
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
    /// Returns one message that names every invalid variable.
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
}

/// Reads a comma-separated list and reports two items with the same `identity`.
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

fn cache_control(reader: &mut Reader) -> String {
    let cache_control = reader.or("CACHE_CONTROL", "public, max-age=0, must-revalidate".to_owned());
    if !cache_control.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        reader.problem("CACHE_CONTROL", &cache_control, "write it as a header: printable ASCII");
    }
    cache_control
}

/// Reads a value and reports it when it lies outside of `least` to `most`.
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
    use thumbnail::Format;

    use super::*;

    pub(super) fn read(variables: &[(&str, &str)]) -> Result<Settings, String> {
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
        let keys: Vec<_> = target.slots.iter().map(|slot| slot.location.key.as_str()).collect();
        assert_eq!(
            keys,
            ["thumbnails/100/uploads/a.jpg", "thumbnails/300/uploads/a.jpg", "thumbnails/500/uploads/a.jpg"]
        );
        assert!(target.slots.iter().all(|slot| slot.location.bucket == "b"));
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
    fn a_background_is_a_colour() {
        assert_eq!(read(&[("BACKGROUND", "1020Ff")]).unwrap().thumbnails.background, [0x10, 0x20, 0xff]);
        for wrong in ["fff", "#ffffff", "+fffff", "white", "gggggg"] {
            assert!(read(&[("BACKGROUND", wrong)]).unwrap_err().contains("six hexadecimal digits"), "{wrong}");
        }
    }
}
