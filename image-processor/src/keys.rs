//! Templates of thumbnail keys, and the check that no two thumbnails can share a key.

use std::{fmt, mem, str::FromStr};

/// A template of thumbnail keys: text with placeholders.
///
/// | placeholder | value | for `uploads/pets/cat.jpg` |
/// |---|---|---|
/// | `{key}` | the source's key | `uploads/pets/cat.jpg` |
/// | `{stem}` | the key without the extension and its dot | `uploads/pets/cat` |
/// | `{folder}` | the key up to and including its last slash | `uploads/pets/` |
/// | `{name}` | the rest after the folder, without the extension and its dot | `cat` |
/// | `{extension}` | the rest after the last dot of the file name; empty without a dot | `jpg` |
/// | `{size}`, `{format}` | the size and the format of the thumbnail | |
///
/// A template must contain the whole key of the source, so that no two sources share a thumbnail: `{key}`; or `{stem}` and
/// `{extension}`; or `{folder}`, `{name}` and `{extension}`; in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyTemplate(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Placeholder(Placeholder),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Placeholder {
    Size,
    Format,
    Key,
    Stem,
    Folder,
    Name,
    Extension,
}

impl Placeholder {
    const ALL: [(&'static str, Self); 7] = [
        ("{size}", Self::Size),
        ("{format}", Self::Format),
        ("{key}", Self::Key),
        ("{stem}", Self::Stem),
        ("{folder}", Self::Folder),
        ("{name}", Self::Name),
        ("{extension}", Self::Extension),
    ];
    /// The sequences of placeholders that contain the whole key of the source.
    const WHOLE: [&'static [Self]; 3] =
        [&[Self::Key], &[Self::Stem, Self::Extension], &[Self::Folder, Self::Name, Self::Extension]];
}

impl KeyTemplate {
    /// The template `{size}/{key}` after a prefix.
    #[must_use]
    pub(crate) fn below(prefix: &str) -> Self {
        let slash = Part::Text("/".to_owned());
        let [size, key] = [Placeholder::Size, Placeholder::Key].map(Part::Placeholder);
        Self(vec![Part::Text(prefix.to_owned()), size, slash, key])
    }

    /// Fills in the template for a thumbnail of `source`.
    #[must_use]
    pub(crate) fn key(&self, size: &str, format: &str, source: &str) -> String {
        let file = source.rfind('/').map_or(0, |slash| slash + 1);
        let dot = source[file..].rfind('.').map(|dot| file + dot).filter(|dot| dot + 1 < source.len());
        let stem = dot.unwrap_or(source.len());
        self.fill(|placeholder| match placeholder {
            Placeholder::Size => size,
            Placeholder::Format => format,
            Placeholder::Key => source,
            Placeholder::Stem => &source[..stem],
            Placeholder::Folder => &source[..file],
            Placeholder::Name => &source[file..stem],
            Placeholder::Extension => dot.map_or("", |dot| &source[dot + 1..]),
        })
    }

    fn fill<'a>(&'a self, value: impl Fn(Placeholder) -> &'a str) -> String {
        let fill = |part: &'a Part| match part {
            Part::Text(text) => text.as_str(),
            Part::Placeholder(placeholder) => value(*placeholder),
        };
        self.0.iter().map(fill).collect()
    }

    /// Whether the key contains the thumbnail's format.
    #[must_use]
    pub(crate) fn tells_format(&self) -> bool {
        self.0.contains(&Part::Placeholder(Placeholder::Format))
    }

    /// Checks that every key begins with `prefix`, and that no two sources under `uploads` have the same key for thumbnails of `size`
    /// and `format`. Returns the text around the placeholders.
    ///
    /// # Errors
    /// Returns what is wrong with the template, and how to correct it.
    pub(crate) fn check(&self, prefix: &str, size: &str, format: &str, uploads: &str) -> Result<Surroundings, String> {
        if !matches!(self.0.first(), Some(Part::Text(text)) if text.starts_with(prefix)) {
            return Err(format!("begin with THUMBNAILS_PREFIX={prefix:?}: by it both functions know a thumbnail"));
        }
        let (mut texts, mut text) = (Vec::new(), String::new());
        for part in &self.0 {
            match part {
                Part::Text(own) => text.push_str(own),
                Part::Placeholder(Placeholder::Size) => text.push_str(size),
                Part::Placeholder(Placeholder::Format) => text.push_str(format),
                Part::Placeholder(of_source) => {
                    if *of_source == Placeholder::Key {
                        // The key of every source begins with the uploads prefix.
                        text.push_str(uploads);
                    }
                    texts.push(mem::take(&mut text));
                }
            }
        }
        let surroundings = Surroundings { before: texts.remove(0), between: texts, after: text };
        surroundings.check()?;
        Ok(surroundings)
    }
}

/// The texts before, between and after the placeholders of the source's key.
pub(crate) struct Surroundings {
    before: String,
    between: Vec<String>,
    after: String,
}

impl Surroundings {
    /// Checks that the source's key can be recovered from the thumbnail's key.
    ///
    /// An extension contains neither a dot nor a slash, a name contains no slash, and a folder is empty or ends with a slash. The start of
    /// the extension is therefore known if the text before it contains a dot or a slash. The end of the folder is known if no text
    /// after it contains a slash.
    fn check(&self) -> Result<(), String> {
        let Some((at_extension, at_name)) = self.between.split_last() else { return Ok(()) };
        if !at_extension.contains(['.', '/']) {
            return Err("put a dot before {extension}: without it two sources could share a key".to_owned());
        }
        let slash_behind = self.between.iter().chain([&self.after]).any(|text| text.contains('/'));
        if !at_name.is_empty() && (slash_behind || !self.before.ends_with('/')) {
            return Err("put / before {folder} and none behind it: otherwise two sources could share a key".to_owned());
        }
        Ok(())
    }

    /// Whether no key with these texts can equal a key with the texts of `other`, for whatever two sources.
    ///
    /// Both have passed [`Self::check`], so the starts of extensions and names are known and the texts there can be compared.
    pub(crate) fn is_apart_from(&self, other: &Self) -> bool {
        if !one_begins_the_other(&self.before, &other.before) || !one_ends_the_other(&self.after, &other.after) {
            return true;
        }
        let (Some((at_extension, at_name)), Some((other_at_extension, other_at_name))) =
            (self.between.split_last(), other.between.split_last())
        else {
            return false;
        };
        if at_name.iter().zip(other_at_name).any(|(one, two)| !one_begins_the_other(one, two)) {
            return true;
        }
        let [(end, start), (other_end, other_start)] =
            [at_extension, other_at_extension].map(|text| text.split_at(text.rfind(['.', '/']).map_or(0, |at| at + 1)));
        self.after == other.after
            && (!one_begins_the_other(start, other_start)
                || start == other_start && !one_ends_the_other(end, other_end))
    }
}

fn one_begins_the_other(one: &str, two: &str) -> bool {
    one.starts_with(two) || two.starts_with(one)
}

fn one_ends_the_other(one: &str, two: &str) -> bool {
    one.ends_with(two) || two.ends_with(one)
}

impl FromStr for KeyTemplate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let known = Placeholder::ALL.into_iter().find(|(name, _)| rest.starts_with(name));
            let (part, length) = match known {
                Some((name, placeholder)) => (Part::Placeholder(placeholder), name.len()),
                None if rest.starts_with(['{', '}']) => {
                    let names = Placeholder::ALL.map(|(name, _)| name);
                    return Err(format!("the placeholders are {}", names.join(", ")));
                }
                None => {
                    let length = rest.find(['{', '}']).unwrap_or(rest.len());
                    (Part::Text(rest[..length].to_owned()), length)
                }
            };
            parts.push(part);
            rest = &rest[length..];
        }
        let of_source: Vec<_> = parts
            .iter()
            .filter_map(|part| match part {
                Part::Text(_) | Part::Placeholder(Placeholder::Size | Placeholder::Format) => None,
                Part::Placeholder(of_source) => Some(*of_source),
            })
            .collect();
        if !Placeholder::WHOLE.contains(&&of_source[..]) {
            return Err("name the source once, by {key}, by {stem} and {extension}, or by {folder}, {name} and {extension}, in this \
                        order: without all of it sources would share thumbnails"
                .to_owned());
        }
        Ok(Self(parts))
    }
}

impl fmt::Display for KeyTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |placeholder| {
            Placeholder::ALL.iter().find(|(_, known)| *known == placeholder).map_or("", |(name, _)| *name)
        };
        f.write_str(&self.fill(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Layout;

    fn check(template: &str, sizes: &[&str], formats: &[&str]) -> Result<(), String> {
        let thumbnails: Vec<_> =
            sizes.iter().flat_map(|size| formats.iter().map(move |format| ((*size).to_owned(), *format))).collect();
        template.parse::<Layout>()?.check("thumbnails/", "uploads/", &thumbnails)
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
    fn sources_are_named_by_their_parts() {
        let key = |template: &str, source: &str| template.parse::<KeyTemplate>().unwrap().key("100", "webp", source);
        assert_eq!(
            key("thumbnails/{stem}_{size}.{extension}", "uploads/a.b/cat.jpg"),
            "thumbnails/uploads/a.b/cat_100.jpg"
        );
        assert_eq!(key("t/{folder}small-{name}.{extension}", "uploads/cat.tar.gz"), "t/uploads/small-cat.tar.gz");
        for (source, made) in
            [("uploads/cat", "uploads/cat|."), ("uploads/cat.", "uploads/cat.|."), ("u/.png", "u/|.png")]
        {
            assert_eq!(key("{stem}|.{extension}", source), made);
        }
    }

    #[test]
    fn layouts_of_others_keep_everything_apart() {
        for template in [
            "thumbnails/{stem}_{size}.{extension}",
            "thumbnails/{size}/{stem}.{extension}",
            "thumbnails/{size}/{folder}resized-{name}.{extension}",
            "thumbnails/{folder}{size}_{name}.{extension}",
            "thumbnails/{folder}{name}-{size}.{extension}",
        ] {
            assert_eq!(check(template, &["200x200", "400x400", "1200x200"], &[""]), Ok(()), "{template}");
        }
        assert_eq!(check("thumbnails/{stem}_{size}.{extension}.{format}", &["100", "300"], &["jpeg", "webp"]), Ok(()));
    }

    #[test]
    fn parts_by_which_sources_could_share_a_key() {
        for (template, remedy) in [
            ("thumbnails/{stem}_{size}.{format}", "{stem} and {extension}"),
            ("thumbnails/{name}.{extension}", "{folder}"),
            ("thumbnails/{extension}/{stem}", "in this order"),
            ("thumbnails/{key}.{extension}", "once"),
            ("thumbnails/{stem}-{extension}", "dot before {extension}"),
            ("thumbnails/{folder}x/{name}.{extension}", "none behind it"),
            ("thumbnails/x{folder}{name}.{extension}", "/ before {folder}"),
        ] {
            let message = check(template, &["100"], &[""]).unwrap_err();
            assert!(message.contains(remedy), "{template}: {message}");
        }
        assert!(check("thumbnails/{stem}{size}.{extension}", &["100", "1100"], &[""]).unwrap_err().contains("{size}"));
        assert!(check("thumbnails/{stem}.{extension}", &["100", "300"], &[""]).is_err());
    }

    /// Random templates of each form against every short key: what passes the check keeps all thumbnails apart.
    #[test]
    fn no_template_that_passes_lets_two_thumbnails_share_a_key() {
        const TEXTS: [&str; 6] = ["{size}", "/", ".", "1", "_", "a"];
        let mut random = fastrand::Rng::with_seed(3);
        let mut sources = vec![String::new()];
        for at in 0.. {
            if sources[at].len() == 5 {
                break;
            }
            for letter in ["a", "1", ".", "/"] {
                sources.push(format!("{}{letter}", sources[at]));
            }
        }
        let sizes = ["1", "11", "1x1"].map(str::to_owned);
        for form in ["|{key}|", "|{stem}|{extension}|", "|{folder}|{name}|{extension}|"] {
            let mut passed = 0;
            while passed < 30 {
                let mut text = "t".to_owned();
                for piece in form.split_inclusive('|') {
                    text += piece.trim_end_matches('|');
                    text.extend((0..random.usize(..3)).map(|_| TEXTS[random.usize(..TEXTS.len())]));
                }
                let template: Layout = text.parse().unwrap();
                if template.check("t", "", &sizes.clone().map(|size| (size, ""))).is_err() {
                    continue;
                }
                passed += 1;
                let mut keys = std::collections::HashSet::new();
                for (size, source) in sizes.iter().flat_map(|size| sources.iter().map(move |source| (size, source))) {
                    assert!(
                        keys.insert(template.of(size).unwrap().key(size, "", source)),
                        "{text}: size {size} of {source:?}"
                    );
                }
            }
        }
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
