//! The keys of a source's thumbnails, and the check that no two thumbnails share a key.

use thumbnail::{Format, Size};

use super::Settings;
use crate::{
    keys::KeyTemplate,
    store::Location,
    target::{Slot, Target},
};

/// The longest key that S3 accepts, in bytes of UTF-8.
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html>
const MAX_KEY_BYTES: usize = 1024;

impl Settings {
    /// Checks that no two thumbnails share a key, and that no thumbnail has the key of a source.
    pub(super) fn check_keys(&self) -> Result<(), String> {
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

    /// Lists the formats that keys of `size` can name, or `[None]` when the key does not contain the format.
    ///
    /// These are all formats, not only the configured ones, so that thumbnails of a format that was configured before are found.
    fn formats_in_keys(&self, size: Size) -> Vec<Option<Format>> {
        let tells_format = self.thumbnail_key.of(&size.to_string()).is_some_and(KeyTemplate::tells_format);
        if tells_format { Format::OF_THUMBNAILS.map(Some).to_vec() } else { vec![None] }
    }

    /// Computes the keys of all thumbnails of the source `key` in `bucket`.
    ///
    /// # Errors
    /// Returns a stable reason code and a message when `key` is not the key of a source, or when a thumbnail's key would be too long.
    pub fn target(&self, bucket: &str, key: &str) -> Result<Target, (&'static str, String)> {
        self.prefixes.check(key).map_err(|reason| (reason.code(), format!("{key:?} is not the key of an upload")))?;
        let slots = |&size: &Size| {
            let name = size.to_string();
            let template = self.thumbnail_key.of(&name);
            let template = template.unwrap_or_else(|| unreachable!("`check_keys` finds a template for every size"));
            let bucket = self.output_bucket.as_deref().unwrap_or(bucket).to_owned();
            let slot = |format: Option<Format>| {
                let key = template.key(&name, format.map_or("", Format::name), key);
                Slot { size, format, location: Location { bucket: bucket.clone(), key } }
            };
            self.formats_in_keys(size).into_iter().map(slot).collect::<Vec<_>>()
        };
        let target = Target {
            source: Location { bucket: bucket.to_owned(), key: key.to_owned() },
            slots: self.thumbnails.sizes.iter().flat_map(slots).collect(),
            retired: self.retired_sizes.iter().flat_map(slots).map(|slot| slot.location).collect(),
            configuration: self.fingerprint(),
        };
        match target.slots.iter().map(|slot| slot.location.key.len()).max() {
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

#[cfg(test)]
mod tests {
    use super::{super::tests::read, *};

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
        let webp = target.slots.iter().find(|slot| slot.format == Some(Format::Webp)).unwrap();
        assert_eq!(webp.location.key, "thumbnails/uploads/a.jpg/100.webp");
        assert_eq!((target.slots.len(), target.retired.len()), (5, 5));
    }

    #[test]
    fn a_size_is_made_or_retired_not_both() {
        assert!(read(&[("RETIRED_SIZES", "64,300")]).unwrap_err().contains("300 is in SIZES"));
        let target = read(&[("RETIRED_SIZES", "64")]).unwrap().target("b", "uploads/a.jpg").unwrap();
        assert_eq!(target.retired, [Location { bucket: "b".into(), key: "thumbnails/64/uploads/a.jpg".into() }]);
    }

    #[test]
    fn output_bucket_takes_the_thumbnails() {
        let target = read(&[("OUTPUT_BUCKET", "out")]).unwrap().target("in", "uploads/a.jpg").unwrap();
        assert_eq!(target.source.bucket, "in");
        assert!(target.slots.iter().all(|slot| slot.location.bucket == "out"));
    }

    #[test]
    fn a_key_whose_thumbnail_keys_would_be_too_long_is_refused() {
        let longest = |length: usize| format!("uploads/{}", "k".repeat(length - "uploads/".len()));
        let settings = read(&[]).unwrap();
        let longest_source = MAX_KEY_BYTES - "thumbnails/100/".len();
        assert!(settings.target("b", &longest(longest_source)).is_ok());
        assert_eq!(settings.target("b", &longest(longest_source + 1)).unwrap_err().0, "key-too-long");
    }
}
