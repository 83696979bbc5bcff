//! The fingerprint of the settings that thumbnails depend on.

use thumbnail::{Animation, Keep, Options};

use super::Settings;

/// The generation of the pixel code. Raise it whenever the look of thumbnails changes: a backfill then replaces all of them.
const PIXELS: u32 = 2;

impl Settings {
    /// Hashes everything that a thumbnail depends on besides its source and its size, and returns 16 hexadecimal digits.
    ///
    /// Every thumbnail records this fingerprint, so a backfill can find those that other settings have made.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        // Every field is named, so a new option does not compile until its author decides whether thumbnails depend on it.
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
        // Options at their default add nothing, so thumbnails from before the option existed stay current.
        let own_outputs = if own_outputs.is_empty() { String::new() } else { format!(" {own_outputs:?}") };
        let pixels =
            format!("{PIXELS} {outputs:?} {jpeg_quality} {webp_quality} {avif_quality} {background:?}{own_outputs}");
        let kept = if *keep == Keep::default() { String::new() } else { format!(" {keep:?}") };
        let animation = if *animation == Animation::First { "" } else { " animated" };
        let Self { cache_control, thumbnail_key, .. } = self;
        let text = format!("{pixels} {cache_control} {thumbnail_key} {placeholder}{kept}{animation}");
        format!("{:016x}", fnv1a(text.as_bytes()))
    }
}

/// Computes the 64-bit FNV-1a hash. Unlike the standard library's hash, it is the same on every machine and in every release.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::{super::tests::read, *};

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
}
