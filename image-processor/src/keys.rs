//! Where thumbnails go.

use std::{fmt, str::FromStr};

/// The key of a thumbnail as a template: text with the placeholders `{key}`, the source's key, exactly once, `{size}` and
/// `{format}`, those of the thumbnail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTemplate(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Size,
    Format,
    Key,
}

impl KeyTemplate {
    /// `{size}/{key}` below a prefix.
    #[must_use]
    pub fn below(prefix: &str) -> Self {
        Self(vec![Part::Text(prefix.to_owned()), Part::Size, Part::Text("/".to_owned()), Part::Key])
    }

    /// The thumbnail's key.
    #[must_use]
    pub fn key(&self, size: &str, format: &str, source: &str) -> String {
        fill(&self.0, size, format, source)
    }

    /// Whether the key tells the thumbnail's format.
    #[must_use]
    pub fn tells_format(&self) -> bool {
        self.0.contains(&Part::Format)
    }

    /// Checks that every key made by this template begins with `prefix`, and that no two thumbnails share one: of whichever
    /// sources under `uploads`, of different `sizes`, or of different `formats` where there is more than one.
    ///
    /// # Errors
    /// What is wrong with the template, and what would mend it.
    pub fn check(&self, prefix: &str, uploads: &str, sizes: &[String], formats: &[&str]) -> Result<(), String> {
        if !matches!(self.0.first(), Some(Part::Text(text)) if text.starts_with(prefix)) {
            return Err(format!("begin with THUMBNAILS_PREFIX={prefix:?}: by it both functions know a thumbnail"));
        }
        let mut thumbnails = Vec::new();
        for size in sizes {
            thumbnails.extend(formats.iter().map(|format| (size, format, self.around_key(size, format, uploads))));
        }
        for (at, (size, format, (before, after))) in thumbnails.iter().enumerate() {
            for (other_size, other_format, (other_before, other_after)) in &thumbnails[..at] {
                // Sources' keys are arbitrary below the uploads prefix, so two thumbnails can only be kept apart by what
                // comes before those keys or by what comes after them.
                let beginnings_meet =
                    before.starts_with(other_before.as_str()) || other_before.starts_with(before.as_str());
                let ends_meet = after.ends_with(other_after.as_str()) || other_after.ends_with(after.as_str());
                if beginnings_meet && ends_meet {
                    let (one, two, placeholder) = if size == other_size {
                        (**other_format, **format, "{format}")
                    } else {
                        (other_size.as_str(), size.as_str(), "{size}")
                    };
                    return Err(format!("thumbnails {one} and {two} could share a key: set {placeholder} off by /"));
                }
            }
        }
        Ok(())
    }

    /// What comes before a source's own part of the key, the uploads prefix included, and what comes after it.
    fn around_key(&self, size: &str, format: &str, uploads: &str) -> (String, String) {
        let at = self.0.iter().position(|part| *part == Part::Key).unwrap_or_default();
        (fill(&self.0[..=at], size, format, uploads), fill(&self.0[at + 1..], size, format, ""))
    }
}

fn fill(parts: &[Part], size: &str, format: &str, source: &str) -> String {
    let fill = |part: &Part| match part {
        Part::Text(text) => text.clone(),
        Part::Size => size.to_owned(),
        Part::Format => format.to_owned(),
        Part::Key => source.to_owned(),
    };
    parts.iter().map(fill).collect()
}

impl FromStr for KeyTemplate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (part, length) = if rest.starts_with("{size}") {
                (Part::Size, "{size}".len())
            } else if rest.starts_with("{format}") {
                (Part::Format, "{format}".len())
            } else if rest.starts_with("{key}") {
                (Part::Key, "{key}".len())
            } else if rest.starts_with(['{', '}']) {
                return Err("the placeholders are {size}, {format} and {key}".to_owned());
            } else {
                let length = rest.find(['{', '}']).unwrap_or(rest.len());
                (Part::Text(rest[..length].to_owned()), length)
            };
            parts.push(part);
            rest = &rest[length..];
        }
        if parts.iter().filter(|part| **part == Part::Key).count() != 1 {
            return Err("{key}, the source's key, is needed once: without it sources would share thumbnails".to_owned());
        }
        Ok(Self(parts))
    }
}

impl fmt::Display for KeyTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&fill(&self.0, "{size}", "{format}", "{key}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(template: &str, sizes: &[&str], formats: &[&str]) -> Result<(), String> {
        let sizes: Vec<_> = sizes.iter().map(|size| (*size).to_owned()).collect();
        template.parse::<KeyTemplate>()?.check("thumbnails/", "uploads/", &sizes, formats)
    }

    #[test]
    fn placeholders_are_filled() {
        let template: KeyTemplate = "thumbnails/{size}/{key}.{format}".parse().unwrap();
        assert_eq!(template.key("300x200", "webp", "uploads/{size}.jpg"), "thumbnails/300x200/uploads/{size}.jpg.webp");
        assert_eq!(template.to_string(), "thumbnails/{size}/{key}.{format}");
        assert_eq!(KeyTemplate::below("thumbnails/"), "thumbnails/{size}/{key}".parse().unwrap());
    }

    #[test]
    fn templates_that_keep_everything_apart() {
        for template in [
            "thumbnails/{size}/{key}",
            "thumbnails/{key}/{size}",
            "thumbnails/{key}-{size}",
            "thumbnails/v2/{size}_{key}",
        ] {
            assert_eq!(check(template, &["100", "1100", "100x100", "100x100-cover"], &[""]), Ok(()), "{template}");
        }
        for template in
            ["thumbnails/{format}/{size}/{key}", "thumbnails/{size}/{key}.{format}", "thumbnails/{key}/{size}.{format}"]
        {
            assert_eq!(check(template, &["100", "300"], &["jpeg", "webp"]), Ok(()), "{template}");
        }
    }

    #[test]
    fn templates_by_which_two_thumbnails_could_share_a_key() {
        // thumbnails/uploads/a1100 would be size 100 of uploads/a1 and size 1100 of uploads/a.
        assert!(check("thumbnails/{key}{size}", &["100", "1100"], &[""]).unwrap_err().contains("set {size} off by /"));
        assert!(check("thumbnails/{key}", &["100", "300"], &[""]).is_err());
        assert!(check("thumbnails/{size}/{key}", &["100"], &["jpeg", "webp"]).unwrap_err().contains("{format}"));
        assert_eq!(check("thumbnails/{key}", &["100"], &[""]), Ok(()), "one thumbnail cannot clash with itself");
    }

    #[test]
    fn templates_that_are_none() {
        for template in
            ["", "thumbnails/{size}", "thumbnails/{key}{key}", "thumbnails/{name}/{key}", "thumbnails/{key", "}"]
        {
            assert!(template.parse::<KeyTemplate>().is_err(), "{template}");
        }
        assert!(check("uploads/{size}/{key}", &["100"], &[""]).unwrap_err().contains("THUMBNAILS_PREFIX"));
        assert!(check("{size}/{key}", &["100"], &[""]).unwrap_err().contains("THUMBNAILS_PREFIX"));
    }
}
