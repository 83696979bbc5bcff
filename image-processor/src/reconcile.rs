//! The protocol that keeps thumbnails true to their source, in whatever order and however often S3 delivers events.
//!
//! An event says only that a key changed. So the protocol reads the source as it is *now*, writes the thumbnails, then reads
//! the source's head again. If the source has changed in between, the protocol starts over; if not, no invocation that read a
//! newer source can have finished before these writes. Duplicates, reordering, deletes, re-uploads and redrives all need
//! nothing but this one operation.
//!
//! The protocol is written against the few operations of [`Store`], so that `tests/explore` can run it in memory under every
//! interleaving and crash.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use futures_util::future::{join, join_all};
use thumbnail::{Made, Size, Thumbnail};

use crate::{
    outcome::{Milliseconds, Outcome, OutcomeThumbnail},
    store::{Fetched, Head, Location, OutcomeSource, Record, Rejection, Store, Version},
    target::Target,
};

/// The number of rounds after which the protocol gives up on a source that keeps changing. Lambda retries a minute later.
pub const MAX_ROUNDS: u32 = 5;

/// How one invocation runs the protocol.
#[derive(Debug, Clone, Copy, Default)]
pub struct RunOptions {
    /// Looks at the thumbnails first, and leaves them alone if all are current. Only a backfill does so: an event says that the
    /// source has changed, so that looking first would nearly always be in vain.
    pub skip_current: bool,
    /// When the answer is due; `None` for no limit.
    pub deadline: Option<Instant>,
}

/// Why the protocol ended without an outcome. Lambda retries after each of these.
#[derive(Debug, thiserror::Error)]
pub enum Failure<E> {
    /// An operation of the store failed.
    #[error(transparent)]
    Store(#[from] E),
    /// The source changed in every round.
    #[error("the source changed in each of {MAX_ROUNDS} rounds")]
    Unsettled,
    /// The deadline passed.
    #[error("not done in the function's time: raise its timeout, or its memory, which buys processor time")]
    OutOfTime,
}

/// Makes the thumbnails of `target` agree with its source. `make` turns the source's content into thumbnails.
///
/// # Panics
/// Panics if `make` returns a thumbnail for which `target` has no slot.
///
/// # Errors
/// Returns a [`Failure`] when thumbnails may be missing or outdated; the next attempt repairs them.
pub async fn reconcile<S, M, F>(
    store: &S,
    target: &Target,
    options: RunOptions,
    make: M,
) -> Result<Outcome, Failure<S::Error>>
where
    S: Store,
    M: Fn(S::Content) -> F,
    F: Future<Output = Result<Made, Rejection>>,
{
    let started = Instant::now();
    let mut milliseconds = Milliseconds::default();
    if options.skip_current
        && let Some(version) = current(store, target).await?
    {
        milliseconds.total = since(started);
        let source = Some(OutcomeSource::new(&version, None, None));
        return Ok(Outcome { outcome: "current", source, milliseconds, ..Outcome::of(target) });
    }
    let mut longest_round = Duration::ZERO;
    for rounds in 1..=MAX_ROUNDS {
        let round_started = Instant::now();
        if options.deadline.is_some_and(|deadline| deadline < round_started + longest_round) {
            return Err(Failure::OutOfTime);
        }
        let (version, outcome) = round(store, target, &make, &mut milliseconds).await?;
        if store.head(&target.source).await?.map(|head| head.version) == version {
            milliseconds.total = since(started);
            return Ok(Outcome { rounds, milliseconds, ..outcome });
        }
        longest_round = longest_round.max(round_started.elapsed());
    }
    Err(Failure::Unsettled)
}

/// Returns the source's version if all thumbnails are current and no others exist.
///
/// The source need not be read to know how many formats each size has: the thumbnails record the number. The source need not
/// be checked again either: nothing is written here, so no other invocation's write is undone.
async fn current<S: Store>(store: &S, target: &Target) -> Result<Option<Version>, S::Error> {
    let Some(Head { version, .. }) = store.head(&target.source).await? else { return Ok(None) };
    let slots = join_all(target.slots.iter().map(async |slot| Ok((slot.size, store.head(&slot.location).await?))));
    let retired = join_all(target.retired.iter().map(|location| store.head(location)));
    let (slots, retired) = join(slots, retired).await;
    let slots: Vec<_> = slots.into_iter().collect::<Result<_, _>>()?;
    let retired: Vec<_> = retired.into_iter().collect::<Result<_, _>>()?;
    let is_complete = |of_one_size: &[(Size, Option<Head>)]| {
        let heads: Vec<_> = of_one_size.iter().filter_map(|(_, head)| head.as_ref()).collect();
        let expected = target.record(&version, heads.len());
        !heads.is_empty() && heads.iter().all(|head| head.record == expected)
    };
    let is_current =
        slots.chunk_by(|(one, _), (other, _)| one == other).all(is_complete) && retired.iter().all(Option::is_none);
    Ok(is_current.then_some(version))
}

/// Reads the source and writes its thumbnails. Returns the version that was read, and the outcome.
async fn round<S, M, F>(
    store: &S,
    target: &Target,
    make: &M,
    milliseconds: &mut Milliseconds,
) -> Result<(Option<Version>, Outcome), S::Error>
where
    S: Store,
    M: Fn(S::Content) -> F,
    F: Future<Output = Result<Made, Rejection>>,
{
    let started = Instant::now();
    let fetched = store.get(&target.source).await?;
    milliseconds.download += since(started);
    let Some(Fetched { version, bytes, content }) = fetched else {
        let removed = remove(store, target.locations(), |_| true).await?;
        return Ok((None, Outcome { outcome: "removed", removed, ..Outcome::of(target) }));
    };

    let result = match content {
        Ok(content) => {
            let started = Instant::now();
            let result = make(content).await;
            let waited = since(started);
            milliseconds.make += result.as_ref().map_or(waited, |thumbnails| in_milliseconds(thumbnails.total));
            result
        }
        Err(rejection) => Err(rejection),
    };
    let outcome = match result {
        Ok(thumbnails) => write(store, target, thumbnails, &version, bytes, milliseconds).await?,
        // Thumbnails of this very version stay: other settings accepted it.
        Err(rejection) => {
            let is_other = |record: &Record| record.source_etag.as_ref() != Some(&version.etag);
            let slots = remove(store, target.slots.iter().map(|slot| &slot.location), is_other);
            let retired = remove(store, target.retired.iter(), |_| true);
            let (slots, retired) = join(slots, retired).await;
            Outcome::rejected(target, &version, bytes, rejection, [slots?, retired?].concat())
        }
    };
    Ok((Some(version), outcome))
}

/// Writes the thumbnails that were made, and deletes all others.
async fn write<S: Store>(
    store: &S,
    target: &Target,
    made: Made,
    version: &Version,
    bytes: u64,
    milliseconds: &mut Milliseconds,
) -> Result<Outcome, S::Error> {
    milliseconds.decode += in_milliseconds(made.decode);
    let source = OutcomeSource::made(version, bytes, made.source, made.look);
    let started = Instant::now();
    let written = put_all(store, target, made.thumbnails, version, &source).await?;
    milliseconds.upload += since(started);
    match written {
        Ok(thumbnails) => {
            let is_written = |location: &Location| thumbnails.iter().any(|written| written.location == *location);
            let others = target.locations().filter(|location| !is_written(location));
            let removed = remove(store, others, |_| true).await?;
            Ok(Outcome { removed, ..Outcome::made(target, source, made.motion, thumbnails) })
        }
        // An incomplete set is worse than none, so the thumbnails that were written are deleted, too.
        Err(rejection) => {
            let removed = remove(store, target.locations(), |_| true).await?;
            Ok(Outcome::rejected(target, version, bytes, rejection, removed))
        }
    }
}

/// Writes all thumbnails in parallel. An error does not stop the others, so that few thumbnails are missing until the next attempt.
async fn put_all<S: Store>(
    store: &S,
    target: &Target,
    thumbnails: Vec<Thumbnail>,
    version: &Version,
    source: &OutcomeSource,
) -> Result<Result<Vec<OutcomeThumbnail>, Rejection>, S::Error> {
    let sizes: Vec<_> = thumbnails.iter().map(|thumbnail| thumbnail.size).collect();
    let formats_of = |size: Size| sizes.iter().filter(|other| **other == size).count();
    let puts = thumbnails.into_iter().map(async |thumbnail| {
        let location = target.location(thumbnail.size, thumbnail.format);
        let record = target.record(version, formats_of(thumbnail.size));
        let written = OutcomeThumbnail::new(&thumbnail, location.clone());
        Ok(store.put(location, thumbnail, &record, source).await?.map(|()| written))
    });
    let attempts: Result<Vec<Result<OutcomeThumbnail, Rejection>>, S::Error> =
        join_all(puts).await.into_iter().collect();
    Ok(attempts?.into_iter().collect())
}

/// Deletes the existing thumbnails whose record is `unwanted`, and returns their keys.
///
/// Only existing objects are deleted: on a versioned bucket a needless delete leaves a marker behind. An error does not stop
/// the other deletions: one that is left in flight could take effect after the next attempt.
async fn remove<S: Store>(
    store: &S,
    candidates: impl Iterator<Item = &Location>,
    unwanted: impl Fn(&Record) -> bool,
) -> Result<Vec<String>, S::Error> {
    let removals = candidates.map(async |location| {
        let unwanted = store.head(location).await?.is_some_and(|head| unwanted(&head.record));
        if unwanted {
            store.delete(location).await?;
        }
        Ok(unwanted.then(|| location.key.clone()))
    });
    let removed: Result<Vec<Option<String>>, S::Error> = join_all(removals).await.into_iter().collect();
    Ok(removed?.into_iter().flatten().collect())
}

fn since(started: Instant) -> f64 {
    in_milliseconds(started.elapsed())
}

fn in_milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
