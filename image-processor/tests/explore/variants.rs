//! The protocols under exploration: ours, and the obvious ones that are wrong and must be found to be.

use std::{future::Future, pin::Pin};

use futures_util::future::try_join_all;
use image_processor::{Fetched, OutcomeSource, Record, RunOptions, Store, Target, reconcile};
use thumbnail::Made;

use crate::machine::{Replay, make};

type Answered<'a> = Pin<Box<dyn Future<Output = Result<(), ()>> + 'a>>;

/// Ours, for an event.
pub(crate) fn ours<'a>(store: &'a Replay<'a>, target: &'a Target) -> Answered<'a> {
    run(store, target, RunOptions::default())
}

/// Ours, for a backfill: leaves alone what is current.
pub(crate) fn ours_skipping<'a>(store: &'a Replay<'a>, target: &'a Target) -> Answered<'a> {
    run(store, target, RunOptions { skip_current: true, deadline: None })
}

fn run<'a>(store: &'a Replay<'a>, target: &'a Target, options: RunOptions) -> Answered<'a> {
    Box::pin(async move {
        let made = reconcile(store, target, options, async |source| make(source.as_bytes(), target)).await;
        made.map(drop).map_err(drop)
    })
}

/// Reads the source and writes what it asks for, as nearly every thumbnail function does.
pub(crate) fn blind_write<'a>(store: &'a Replay<'a>, target: &'a Target) -> Answered<'a> {
    write(store, target, |_, _| true)
}

/// Writes only what is not there yet.
pub(crate) fn write_if_absent<'a>(store: &'a Replay<'a>, target: &'a Target) -> Answered<'a> {
    write(store, target, |found, _| found.is_none())
}

/// Writes only over thumbnails that record another source `ETag` than the one that was read.
pub(crate) fn compare_etag<'a>(store: &'a Replay<'a>, target: &'a Target) -> Answered<'a> {
    write(store, target, |found, wanted| found.is_none_or(|found| found.source_etag != wanted.source_etag))
}

/// One look at the source, none after: of a source that is gone or no image it deletes the thumbnails, of an image it writes
/// those that `is_due` says of what is there and what is wanted.
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
