//! The assignment of key templates to sizes.

use std::{fmt, iter, str::FromStr};

use thumbnail::Size;

use crate::keys::{KeyTemplate, Surroundings};

/// The key template of each size: one general template, and templates for single sizes.
///
/// The text form is a list of templates, separated by commas. `SIZE=` assigns a template to one size, as in
/// `300=small/{key},450=medium/{key}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// The template of sizes that have no template of their own.
    general: Option<KeyTemplate>,
    /// The templates of single sizes, with the size spelt as in keys.
    own: Vec<(String, KeyTemplate)>,
}

impl Layout {
    /// The general template `{size}/{key}` after a prefix.
    #[must_use]
    pub fn below(prefix: &str) -> Self {
        Self { general: Some(KeyTemplate::below(prefix)), own: Vec::new() }
    }

    /// Checks that every key begins with `prefix`, and that no two of `thumbnails` can share a key, for whatever sources under
    /// `uploads`. Each of `thumbnails` is a size and a format.
    ///
    /// # Errors
    /// Returns what is wrong, and how to correct it.
    pub fn check(&self, prefix: &str, uploads: &str, thumbnails: &[(String, &str)]) -> Result<(), String> {
        let mut checked: Vec<(&str, &str, Surroundings)> = Vec::new();
        for (size, format) in thumbnails {
            let template = self.of(size).ok_or_else(|| format!("size {size} has no template: give it one"))?;
            let surroundings = template.check(prefix, size, format, uploads)?;
            if let Some((other, other_format, _)) =
                checked.iter().find(|(.., others)| !surroundings.is_apart_from(others))
            {
                let (one, two, placeholder) = if size == other {
                    (*other_format, *format, "{format}")
                } else {
                    (*other, size.as_str(), "{size}")
                };
                return Err(format!("thumbnails {one} and {two} could share a key: set {placeholder} off by /"));
            }
            checked.push((size, format, surroundings));
        }
        Ok(())
    }

    /// The template of `size`; `None` if the size has no template, which [`Self::check`] reports.
    pub(crate) fn of(&self, size: &str) -> Option<&KeyTemplate> {
        self.own.iter().find(|(own, _)| own == size).map(|(_, template)| template).or(self.general.as_ref())
    }
}

/// Splits an item of the list into its size and its template; `None` if the item names no size.
fn own(item: &str) -> Option<(Size, &str)> {
    let (size, template) = item.split_once('=')?;
    Some((size.trim().parse().ok()?, template))
}

impl FromStr for Layout {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // A key may contain commas: only a comma before `SIZE=` begins another template.
        let begins = text.match_indices(',').map(|(at, _)| at + 1).filter(|at| own(&text[*at..]).is_some());
        let bounds: Vec<_> = iter::once(0).chain(begins).chain([text.len() + 1]).collect();
        let mut this = Self { general: None, own: Vec::new() };
        for bounds in bounds.windows(2) {
            let item = &text[bounds[0]..bounds[1] - 1];
            match own(item).map(|(size, template)| (size.to_string(), template)) {
                None => this.general = Some(item.parse()?),
                Some((size, _)) if this.own.iter().any(|(known, _)| *known == size) => {
                    return Err(format!("give size {size} one template"));
                }
                Some((size, template)) => this.own.push((size, template.parse()?)),
            }
        }
        Ok(this)
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = self.own.iter().map(|(size, template)| format!("{size}={template}"));
        let all: Vec<_> = self.general.iter().map(ToString::to_string).chain(own).collect();
        f.write_str(&all.join(","))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn check(layout: &str, sizes: &[&str]) -> Result<(), String> {
        let thumbnails: Vec<_> = sizes.iter().map(|size| ((*size).to_owned(), "")).collect();
        layout.parse::<Layout>()?.check("t/", "u/", &thumbnails)
    }

    #[test]
    fn sizes_can_have_templates_of_their_own() {
        let text = "t/{size}/{key},300=t/small/{folder}resized-{name}.{extension},450=t/a,b/{stem}_medium.{extension}";
        let layout: Layout = text.parse().unwrap();
        assert_eq!(layout.to_string(), text);
        let key = |size| layout.of(size).unwrap().key(size, "", "u/cat.jpg");
        assert_eq!(key("300"), "t/small/u/resized-cat.jpg");
        assert_eq!(key("450"), "t/a,b/u/cat_medium.jpg");
        assert_eq!(key("900"), "t/900/u/cat.jpg");
        assert_eq!(check(text, &["300", "450", "900"]), Ok(()));
        let cover: Layout = "600x600^=t/{key}".parse().unwrap();
        assert_eq!(
            cover.of("600x600-cover").map(|template| template.key("600x600-cover", "", "a")),
            Some("t/a".into())
        );
    }

    #[test]
    fn layouts_that_are_none() {
        assert!(check("300=t/{key}", &["300", "450"]).unwrap_err().contains("450 has no template"));
        assert!("300=t/{key},300=t/a/{key}".parse::<Layout>().unwrap_err().contains("size 300 one"));
        assert!(check("300=t/{key},450=u/{key}", &["300", "450"]).unwrap_err().contains("THUMBNAILS_PREFIX"));
        let message = check("300=t/{stem}.{extension},450=t/m/{stem}.{extension}", &["300", "450"]).unwrap_err();
        assert!(message.contains("300 and 450 could share a key"), "{message}");
    }

    /// All texts of up to `most` pieces.
    fn texts(pieces: &[&str], most: usize) -> Vec<String> {
        let mut all = vec![String::new()];
        let mut longest = all.clone();
        for _ in 0..most {
            longest =
                longest.iter().flat_map(|text| pieces.iter().map(move |piece| format!("{text}{piece}"))).collect();
            all.extend(longest.iter().cloned());
        }
        all
    }

    /// Tries every pair of short templates with every short key: if a pair passes the check, no two sources share a thumbnail key.
    #[test]
    fn no_two_templates_that_pass_let_two_thumbnails_share_a_key() {
        let sources: Vec<_> = texts(&["1", ".", "/"], 4).into_iter().map(|key| format!("u/{key}")).collect();
        let is_template = |text: &String| text.parse::<KeyTemplate>().is_ok();
        let whole = texts(&["{key}", "{stem}", "{extension}", "1", ".", "/"], 4);
        let parts = texts(&["1", ".", "/"], 1).into_iter().flat_map(|before| {
            texts(&["1", "."], 2).into_iter().map(move |end| format!("{{folder}}{before}{{name}}{end}.{{extension}}"))
        });
        let templates: Vec<_> = whole.into_iter().chain(parts).filter(is_template).collect();
        let thumbnails = ["1", "2"].map(|size| (size.to_owned(), ""));
        let mut passed = [0, 0, 0];
        for (one, two) in templates.iter().flat_map(|one| templates.iter().map(move |two| (one, two))) {
            let text = format!("1=t/{one},2=t/{two}");
            let layout: Layout = text.parse().unwrap();
            if layout.check("t/", "u/", &thumbnails).is_err() {
                continue;
            }
            passed[usize::from(text.contains("{stem}")) + usize::from(text.contains("{folder}"))] += 1;
            let layout = &layout;
            let keys = |size| {
                let template = layout.of(size).unwrap();
                sources.iter().map(move |source| template.key(size, "", source))
            };
            let ones: HashSet<_> = keys("1").collect();
            assert_eq!(keys("2").find(|key| ones.contains(key)), None, "{text}");
        }
        assert!(
            passed.iter().all(|count| *count > 20),
            "{passed:?} passed, with whole keys, with parts, with parts of both kinds"
        );
    }
}
