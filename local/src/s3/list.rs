//! Lists one page of a bucket's objects, by prefix, delimiter and position.

use std::{collections::BTreeSet, ops::Bound, sync::Arc};

use s3s::dto;

use super::{notification::percent_encoded, object::Object, store::Objects};

/// S3's limit for the keys of a page.
const MOST_KEYS: usize = 1000;

/// The parameters of a listing.
pub(super) struct Query<'a> {
    pub(super) prefix: &'a str,
    pub(super) delimiter: Option<&'a str>,
    /// The listing begins after this key or common prefix: the last one of the page before, or the client's choice.
    pub(super) after: Option<&'a str>,
    pub(super) most: Option<i32>,
}

/// One page of a listing.
#[derive(Default)]
pub(super) struct Page {
    pub(super) objects: Vec<Arc<Object>>,
    pub(super) common_prefixes: BTreeSet<String>,
    /// The last key or common prefix of the page, if another page follows.
    pub(super) next: Option<String>,
}

impl Page {
    pub(super) fn count(&self) -> i32 {
        i32::try_from(self.objects.len() + self.common_prefixes.len()).unwrap_or(i32::MAX)
    }
}

/// The number of keys and common prefixes that a page may have.
pub(super) fn limit(most: Option<i32>) -> usize {
    most.map_or(MOST_KEYS, |most| usize::try_from(most).unwrap_or(0).min(MOST_KEYS))
}

/// Fills one page.
pub(super) fn page(objects: &Objects, query: &Query<'_>) -> Page {
    let Query { prefix, delimiter, after, most } = *query;
    let most = limit(most);
    let mut page = Page::default();
    let mut last = None;
    let from = after.map_or(Bound::Included(prefix), |after| {
        if after < prefix { Bound::Included(prefix) } else { Bound::Excluded(after) }
    });
    let group = |key: &str| -> Option<String> {
        let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
        let end = prefix.len() + key[prefix.len()..].find(delimiter)? + delimiter.len();
        Some(key[..end].to_owned())
    };
    let found = objects.range::<str, _>((from, Bound::Unbounded)).take_while(|(key, _)| key.starts_with(prefix));
    for (key, object) in found {
        let common = group(key);
        let told =
            common.as_deref().is_some_and(|common| page.common_prefixes.contains(common) || after == Some(common));
        if told {
            continue;
        }
        if page.objects.len() + page.common_prefixes.len() == most {
            page.next = last;
            break;
        }
        last = Some(common.clone().unwrap_or_else(|| key.clone()));
        match common {
            Some(common) => _ = page.common_prefixes.insert(common),
            None => page.objects.push(Arc::clone(object)),
        }
    }
    page
}

/// The objects of a page in the form of an answer.
pub(super) fn contents(page: &Page, encoding: Option<&dto::EncodingType>) -> dto::ObjectList {
    let object = |object: &Arc<Object>| dto::Object {
        key: Some(encoded(&object.key, encoding)),
        size: Some(object.length()),
        e_tag: Some(object.etag()),
        last_modified: Some(object.last_modified()),
        storage_class: Some(dto::ObjectStorageClass::from_static(dto::ObjectStorageClass::STANDARD)),
        ..Default::default()
    };
    page.objects.iter().map(object).collect()
}

/// A key, prefix, delimiter or marker in the form that the client asked for. `encoding-type=url` encodes the control characters that
/// XML 1.0 cannot contain.
pub(super) fn encoded(text: &str, encoding: Option<&dto::EncodingType>) -> String {
    match encoding {
        Some(encoding) if encoding.as_str() == dto::EncodingType::URL => percent_encoded(text),
        _ => text.to_owned(),
    }
}
