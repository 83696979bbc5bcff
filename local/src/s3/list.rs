//! Lists one page of a bucket's objects, by prefix, delimiter and position.

use std::{collections::BTreeSet, ops::Bound, sync::Arc};

use s3s::dto;

use super::{notification::percent_encoded, object::Object, store::Objects};

/// S3's limit for the keys and common prefixes of a page.
const MOST_KEYS: usize = 1000;

/// One page of a listing.
#[derive(Default)]
struct Page {
    objects: Vec<Arc<Object>>,
    common_prefixes: BTreeSet<String>,
    /// The last key or common prefix of the page, if another page follows.
    next: Option<String>,
}

impl Page {
    fn count(&self) -> usize {
        self.objects.len() + self.common_prefixes.len()
    }
}

/// Answers a request for a page.
pub(super) fn list(objects: &Objects, input: dto::ListObjectsV2Input) -> dto::ListObjectsV2Output {
    let most = input.max_keys.map_or(MOST_KEYS, |most| usize::try_from(most).unwrap_or(0).min(MOST_KEYS));
    let page = page(objects, &input, most);
    // XML 1.0 cannot contain control characters. Clients ask for `encoding-type=url` to get keys that contain them.
    let is_url = input.encoding_type.as_ref().is_some_and(|encoding| encoding.as_str() == dto::EncodingType::URL);
    let encoded = |text: &str| if is_url { percent_encoded(text) } else { text.to_owned() };
    let object = |object: &Arc<Object>| dto::Object {
        key: Some(encoded(&object.key)),
        size: Some(object.length()),
        e_tag: Some(object.etag()),
        last_modified: Some(object.last_modified()),
        storage_class: Some(dto::ObjectStorageClass::from_static(dto::ObjectStorageClass::STANDARD)),
        ..Default::default()
    };
    let common_prefix = |prefix: &String| dto::CommonPrefix { prefix: Some(encoded(prefix)) };
    dto::ListObjectsV2Output {
        key_count: i32::try_from(page.count()).ok(),
        max_keys: i32::try_from(most).ok(),
        is_truncated: Some(page.next.is_some()),
        contents: Some(page.objects.iter().map(object).collect()),
        common_prefixes: Some(page.common_prefixes.iter().map(common_prefix).collect()),
        next_continuation_token: page.next,
        continuation_token: input.continuation_token,
        delimiter: input.delimiter.as_deref().map(encoded),
        prefix: Some(encoded(input.prefix.as_deref().unwrap_or_default())),
        start_after: input.start_after.as_deref().map(encoded),
        encoding_type: input.encoding_type,
        name: Some(input.bucket),
        ..Default::default()
    }
}

/// Fills a page with at most `most` keys and common prefixes.
fn page(objects: &Objects, input: &dto::ListObjectsV2Input, most: usize) -> Page {
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let after = input.continuation_token.as_deref().or(input.start_after.as_deref());
    let delimiter = input.delimiter.as_deref().filter(|delimiter| !delimiter.is_empty());
    let from = after.map_or(Bound::Included(prefix), |after| {
        if after < prefix { Bound::Included(prefix) } else { Bound::Excluded(after) }
    });
    let common_prefix = |key: &str| -> Option<String> {
        let end = prefix.len() + key[prefix.len()..].find(delimiter?)? + delimiter?.len();
        Some(key[..end].to_owned())
    };
    let mut page = Page::default();
    let mut last = None;
    let found = objects.range::<str, _>((from, Bound::Unbounded)).take_while(|(key, _)| key.starts_with(prefix));
    for (key, object) in found {
        let common = common_prefix(key);
        let is_listed =
            common.as_ref().is_some_and(|common| page.common_prefixes.contains(common) || after == Some(common));
        if is_listed {
            continue;
        }
        if page.count() == most {
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
