//! Key patterns, which choose the sources that get thumbnails.

use std::str::FromStr;

use common::settings::Reader;
use glob::{MatchOptions, Pattern};

/// The patterns that include and exclude sources by their keys.
#[derive(Debug, Clone)]
pub struct KeyPatterns {
    include: Vec<KeyPattern>,
    exclude: Vec<KeyPattern>,
}

/// A pattern that matches whole keys: `?` matches any character but `/`, `*` any number of such characters, `**` any number of
/// folders, and `[ab]` one of the characters. Case matters, as it does in S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyPattern(Pattern);

impl KeyPatterns {
    /// Reads `INCLUDE_KEYS` (empty: every key) and `EXCLUDE_KEYS` (empty), which are patterns separated by commas.
    pub fn read(reader: &mut Reader) -> Self {
        Self { include: reader.list("INCLUDE_KEYS", Vec::new()), exclude: reader.list("EXCLUDE_KEYS", Vec::new()) }
    }

    /// Whether the source `key` gets thumbnails: it matches a pattern to include, if there are any, and no pattern to exclude.
    #[must_use]
    pub fn admit(&self, key: &str) -> bool {
        const OPTIONS: MatchOptions =
            MatchOptions { case_sensitive: true, require_literal_separator: true, require_literal_leading_dot: false };
        let matches = |patterns: &[KeyPattern]| patterns.iter().any(|pattern| pattern.0.matches_with(key, OPTIONS));
        (self.include.is_empty() || matches(&self.include)) && !matches(&self.exclude)
    }
}

impl FromStr for KeyPattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // Braces would match themselves, which nobody intends.
        if text.contains(['{', '}']) {
            return Err(format!("{text:?}: {{a,b}} is not supported, write two patterns"));
        }
        if text.is_empty() {
            return Err("a pattern is empty".to_owned());
        }
        Pattern::new(text).map(Self).map_err(|error| format!("{text:?} is no pattern: {error}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<KeyPatterns, String> {
        let mut reader = Reader::of(variables);
        let patterns = KeyPatterns::read(&mut reader);
        reader.finish(patterns).map_err(|error| error.to_string())
    }

    #[test]
    fn every_key_is_admitted_by_default() {
        assert!(read(&[]).unwrap().admit("uploads/.hidden/a b.[x]"));
    }

    #[test]
    fn patterns_are_of_whole_keys() {
        let patterns = read(&[("INCLUDE_KEYS", "uploads/*.jpg, uploads/**/photo-?.[pj]*")]).unwrap();
        for admitted in ["uploads/a.jpg", "uploads/.jpg", "uploads/photo-1.png", "uploads/2026/07/photo-é.jpeg"] {
            assert!(patterns.admit(admitted), "{admitted}");
        }
        for other in ["uploads/2026/a.jpg", "uploads/a.jpg.txt", "uploads/a.JPG", "a.jpg", "uploads/x/photo-12.png"] {
            assert!(!patterns.admit(other), "{other}");
        }
    }

    #[test]
    fn exclusion_comes_last() {
        let patterns = read(&[("INCLUDE_KEYS", "**/*.jpg"), ("EXCLUDE_KEYS", "uploads/private/**")]).unwrap();
        assert!(patterns.admit("uploads/a.jpg"));
        assert!(!patterns.admit("uploads/private/a.jpg"));
        assert!(!patterns.admit("uploads/private/deep/a.jpg"));
    }

    #[test]
    fn what_is_no_pattern_is_named() {
        for wrong in ["uploads/[a", "uploads/***", "a,,b", "*.{jpg,png}"] {
            assert!(read(&[("EXCLUDE_KEYS", wrong)]).unwrap_err().contains("EXCLUDE_KEYS="), "{wrong}");
        }
    }
}
