//! The protocols to explore: ours, and simpler ones, which the explorer must find to be wrong.

use std::{future::Future, pin::Pin};

use futures_util::future::try_join_all;
use image_processor::{Fetched, OutcomeSource, Record, RunOptions, Store, Target, reconcile};
use thumbnail::Made;

use crate::machine::{Replay, make};

type Answered<'a> = Pin<Box<dyn Future<Output = Result<(), ()>> + 'a>>;

/// Our protocol, for an event.
pub(crate) fn ours<'a>(store: &'a Replay<'a>, target: &'a Target) -> Answered<'a> {
    run(store, target, RunOptions::default())
}

/// Our protocol, for a backfill: skips current thumbnails.
pub(crate) fn ours_skipping<'a>(store: &'a Replay<'a>, target: &'a Target) -> Answered<'a> {
    run(store, target, RunOptions { skip_current: true, deadline: None })
}

fn run<'a>(store: &'a Replay<'a>, target: &'a Target, options: RunOptions) -> Answered<'a> {
    Box::pin(async move {
        let made = reconcile(store, target, options, async |source| make(source.as_bytes(), target)).await;
        made.map(drop).map_err(drop)
    })
}

/// Reads the source and writes its thumbnails, as nearly every thumbnail function does.
pub(crate) fn blind_write<'a>(store: &'a Replay<'a>, target: &'a Target) -> Answered<'a> {
    write(store, target, |_, _| true)
}

/// Writes only missing thumbnails.
pub(crate) fn write_if_absent<'a>(store: &'a Replay<'a>, target: &'a Target) -> Answered<'a> {
    write(store, target, |found, _| found.is_none())
}

/// Writes only over thumbnails that record a different source `ETag`.
pub(crate) fn compare_etag<'a>(store: &'a Replay<'a>, target: &'a Target) -> Answered<'a> {
    write(store, target, |found, wanted| found.is_none_or(|found| found.source_etag != wanted.source_etag))
}

/// Reads the source once. Deletes the thumbnails if the source is deleted or not an image. Otherwise writes the thumbnails for which
/// `is_due` returns true, given the existing and the new record.
fn write<'a>(store: &'a Replay<'a>, target: &'a Target, is_due: fn(Option<&Record>, &Record) -> bool) -> Answered<'a> {
    Box::pin(async move {
        let source = store.get(&target.source).await?;
        let made = source
            .and_then(|Fetched { version, content, .. }| Some((version, make(content.ok()?.as_bytes(), target).ok()?)));
        let Some((version, Made { thumbnails, .. })) = made else {
            try_join_all(target.slots.iter().map(|slot| store.delete(&slot.location))).await?;
            return Ok(());
        };
        let record = Record {
            source_etag: Some(version.etag),
            configuration: Some(target.configuration.clone()),
            formats: Some(1),
        };
        let facts = OutcomeSource::default();
        let writes = target.slots.iter().zip(thumbnails).map(async |(slot, thumbnail)| {
            let found = store.head(&slot.location).await?.map(|head| head.record);
            if is_due(found.as_ref(), &record) {
                store.put(&slot.location, thumbnail, &record, &facts).await?.map_err(drop)?;
            }
            Ok::<(), ()>(())
        });
        try_join_all(writes).await?;
        Ok(())
    })
}
