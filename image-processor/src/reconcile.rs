//! The protocol that keeps thumbnails true to their source, whatever order S3's events come in and however often.
//!
//! An event says only "this key changed". So look at the source as it is *now*, write what it asks for, then look again:
//! if the source is still what was read, nobody can have read a newer one before these writes and be finished; if it is not,
//! start over. Duplicates, reordering, deletes, re-uploads and redrives are all this one operation.
//!
//! Written against the few operations it needs, so that interleavings and crashes can be explored in memory.

use std::{
    future::Future,
    time::{Duration, Instant},
};

use futures_util::future::{join, join_all};
use serde::Serialize;
use thumbnail::{Format, Look, Made, Motion, Size, Thumbnail};

/// Rounds before giving up on a source that changes as fast as its thumbnails are made. Lambda's retry comes a minute later.
pub const MAX_ROUNDS: u32 = 5;

/// Where an object is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Location {
    /// The bucket's name.
    pub bucket: String,
    /// The key, not URL-encoded.
    pub key: String,
}

/// One source and where its thumbnails belong.
#[derive(Debug, Clone)]
pub struct Target {
    /// The source.
    pub source: Location,
    /// Where thumbnails of it can be, size by size. Which of them there are depends on the source where the place depends on
    /// the format.
    pub places: Vec<Place>,
    /// Where thumbnails of sizes lie that are made no more: they are removed.
    pub retired: Vec<Location>,
    /// The fingerprint of the settings that thumbnails are made with.
    pub configuration: String,
}

/// Where one thumbnail of a source belongs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The size that belongs here.
    pub size: Size,
    /// The format that belongs here, or none for whichever is made.
    pub format: Option<Format>,
    /// The place.
    pub at: Location,
}

/// How one invocation goes about it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Approach {
    /// Look at the thumbnails first, and leave those alone that show the source as it is, made with these settings. Only for
    /// work that no event asked for: an event says that something changed, so looking first would nearly always be in vain.
    pub skip_current: bool,
    /// When the answer must be there; none to take all the time it needs.
    pub deadline: Option<Instant>,
}

/// Which of its contents an object has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    /// The `ETag`, without quotes.
    pub etag: String,
    /// The version id, on a versioned bucket.
    pub version_id: Option<String>,
}

/// A source as it was read.
#[derive(Debug)]
pub struct Source<Content> {
    /// Which content it is.
    pub version: Version,
    /// Its size in bytes.
    pub bytes: u64,
    /// What came of the content, which was received in full, or why it was not read.
    pub content: Result<Content, Rejection>,
}

/// An object, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Which content it is.
    pub version: Version,
    /// Its size in bytes.
    pub bytes: u64,
    /// Of a thumbnail: what it was made of and how.
    pub record: Record,
}

/// What a thumbnail's metadata says of its making; a field is missing where someone else wrote the object.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    /// The `ETag` of the source that it shows.
    pub source_etag: Option<String>,
    /// The fingerprint of the settings that it was made with.
    pub configuration: Option<String>,
    /// In how many formats this size of that source was made, this one included.
    pub formats: Option<usize>,
}

/// What is told of a source that thumbnails were made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// What its header says.
    pub header: thumbnail::Source,
    /// What it shows.
    pub look: Look,
    /// What became of its animation.
    pub motion: Option<Motion>,
}

/// Why no thumbnail can be made of a source, however often it is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejection {
    /// The stable reason code.
    pub reason: &'static str,
    /// What exactly was wrong, for a person.
    pub message: String,
    /// What its header says, where it was read.
    pub info: Option<thumbnail::Source>,
}

/// The operations on single objects that [`reconcile`] needs. Each is atomic per key and sees all earlier writes.
///
/// An error of any of them is one that a retry or an operator can mend.
pub trait Store {
    /// What such an error is.
    type Error: Send;
    /// An object's content, or what is being made of it already.
    type Content: Send;

    /// Reads an object in full; `None` where there is none.
    fn get(&self, at: &Location) -> impl Future<Output = Result<Option<Source<Self::Content>>, Self::Error>> + Send;
    /// Reads an object's head; `None` where there is none.
    fn head(&self, at: &Location) -> impl Future<Output = Result<Option<Head>, Self::Error>> + Send;
    /// Writes a thumbnail with its record and with facts about its source. The inner error: the store will never take it.
    fn put(
        &self,
        at: &Location,
        thumbnail: Thumbnail,
        record: &Record,
        facts: &Facts,
    ) -> impl Future<Output = Result<Result<(), Rejection>, Self::Error>> + Send;
    /// Deletes an object; it may be gone already.
    fn delete(&self, at: &Location) -> impl Future<Output = Result<(), Self::Error>> + Send;
}

/// What was found, and done about it.
#[derive(Debug)]
pub enum Done {
    /// The source is an image: these thumbnails were written.
    Made {
        /// Which source they show.
        version: Version,
        /// The source's size in bytes.
        bytes: u64,
        /// What is told of it.
        facts: Facts,
        /// The thumbnails, in the order they were made.
        thumbnails: Vec<Written>,
        /// Where thumbnails of retired sizes, or of other formats than this source's, were deleted.
        removed: Vec<Location>,
    },
    /// The thumbnails were there already, made of this source with these settings.
    Current {
        /// Which source they show.
        version: Version,
    },
    /// The source is gone: so are its thumbnails. Those at these places were still there.
    Removed {
        /// Where thumbnails were deleted.
        removed: Vec<Location>,
    },
    /// The source is there, but has no thumbnails.
    Rejected {
        /// Which source it was.
        version: Version,
        /// Its size in bytes.
        bytes: u64,
        /// Why.
        rejection: Rejection,
        /// Where thumbnails of earlier sources were deleted.
        removed: Vec<Location>,
    },
}

/// A thumbnail that was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// The size asked for.
    pub size: Size,
    /// Where it is.
    pub at: Location,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Its format.
    pub format: Format,
    /// Its size in bytes.
    pub bytes: usize,
}

/// A settled reconciliation.
#[derive(Debug)]
pub struct Reconciled {
    /// What was found and done in the last round.
    pub done: Done,
    /// How many rounds it took, 1 when the source held still.
    pub rounds: u32,
    /// Where the time went, over all rounds.
    pub milliseconds: Milliseconds,
}

/// Where the time went, in milliseconds. Of `make`, some may lie in `download`: a source can be worked on while it comes.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct Milliseconds {
    /// Reading the source.
    pub download: f64,
    /// Decoding it; a part of `make`.
    pub decode: f64,
    /// Making the thumbnails.
    pub make: f64,
    /// Writing them.
    pub upload: f64,
    /// Everything.
    pub total: f64,
}

/// Why a reconciliation ended without an answer. Each is for Lambda to try again.
#[derive(Debug, thiserror::Error)]
pub enum Failure<E> {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] E),
    /// The source changed in every round.
    #[error("the source changed in each of {MAX_ROUNDS} rounds")]
    Unsettled,
    /// The caller's deadline came first.
    #[error("not done in the function's time: raise its timeout, or its memory, which buys processor time")]
    OutOfTime,
}

/// Makes the thumbnails of `target` agree with its source; `make` turns the source's content into thumbnails, each for
/// another of the target's places.
///
/// # Panics
/// Where `make` makes a thumbnail that the target has no place for.
///
/// # Errors
/// [`Failure`]: thumbnails may be missing or old, and the next attempt mends that.
pub async fn reconcile<S, M, F>(
    store: &S,
    target: &Target,
    approach: Approach,
    make: M,
) -> Result<Reconciled, Failure<S::Error>>
where
    S: Store,
    M: Fn(S::Content) -> F,
    F: Future<Output = Result<Made, Rejection>>,
{
    let started = Instant::now();
    let mut milliseconds = Milliseconds::default();
    if approach.skip_current
        && let Some(version) = current(store, target).await?
    {
        milliseconds.total = since(started);
        return Ok(Reconciled { done: Done::Current { version }, rounds: 0, milliseconds });
    }
    let mut longest = Duration::ZERO;
    for rounds in 1..=MAX_ROUNDS {
        let round_started = Instant::now();
        if approach.deadline.is_some_and(|deadline| deadline < round_started + longest) {
            return Err(Failure::OutOfTime);
        }
        let (seen, done) = round(store, target, &make, &mut milliseconds).await?;
        if store.head(&target.source).await?.map(|head| head.version) == seen {
            milliseconds.total = since(started);
            return Ok(Reconciled { done, rounds, milliseconds });
        }
        longest = longest.max(round_started.elapsed());
    }
    Err(Failure::Unsettled)
}

/// The source, if there is one whose thumbnails are all there and show it as it is, made with these settings, and there are
/// no others.
///
/// How many formats of each size there should be is not known without reading the source, but the thumbnails say so. No second
/// look at the source is needed: nothing is written, so nothing of what others wrote is undone.
async fn current<S: Store>(store: &S, target: &Target) -> Result<Option<Version>, S::Error> {
    let Some(Head { version, .. }) = store.head(&target.source).await? else { return Ok(None) };
    let places = join_all(target.places.iter().map(async |place| Ok((place.size, store.head(&place.at).await?))));
    let retired = join_all(target.retired.iter().map(|at| store.head(at)));
    let (places, retired) = join(places, retired).await;
    let places: Vec<_> = places.into_iter().collect::<Result<_, _>>()?;
    let retired: Vec<_> = retired.into_iter().collect::<Result<_, _>>()?;
    let is_complete = |of_one_size: &[(Size, Option<Head>)]| {
        let there: Vec<_> = of_one_size.iter().filter_map(|(_, head)| head.as_ref()).collect();
        let wanted = target.record(&version, there.len());
        !there.is_empty() && there.iter().all(|head| head.record == wanted)
    };
    let is_current =
        places.chunk_by(|(one, _), (other, _)| one == other).all(is_complete) && retired.iter().all(Option::is_none);
    Ok(is_current.then_some(version))
}

/// Reads the source and writes what it asks for. Answers which source that was, and what was done.
async fn round<S, M, F>(
    store: &S,
    target: &Target,
    make: &M,
    milliseconds: &mut Milliseconds,
) -> Result<(Option<Version>, Done), S::Error>
where
    S: Store,
    M: Fn(S::Content) -> F,
    F: Future<Output = Result<Made, Rejection>>,
{
    let started = Instant::now();
    let source = store.get(&target.source).await?;
    milliseconds.download += since(started);
    let Some(Source { version, bytes, content }) = source else {
        return Ok((None, Done::Removed { removed: remove(store, target.all(), |_| true).await? }));
    };

    let result = match content {
        Ok(content) => {
            let started = Instant::now();
            let result = make(content).await;
            let waited = since(started);
            milliseconds.make += result.as_ref().map_or(waited, |made| in_milliseconds(made.total));
            result
        }
        Err(rejection) => Err(rejection),
    };
    let done = match result {
        Ok(Made { source: header, look, motion, thumbnails, decode, .. }) => {
            let facts = Facts { header, look, motion };
            milliseconds.decode += in_milliseconds(decode);
            let started = Instant::now();
            let written = put_all(store, target, thumbnails, &version, &facts).await?;
            milliseconds.upload += since(started);
            match written {
                Ok(thumbnails) => {
                    let is_written = |at: &Location| thumbnails.iter().any(|written| written.at == *at);
                    let others = target.all().filter(|at| !is_written(at));
                    let removed = remove(store, others, |_| true).await?;
                    Done::Made { version: version.clone(), bytes, facts, thumbnails, removed }
                }
                // Never a partial set: what was written of it goes again.
                Err(rejection) => {
                    let removed = remove(store, target.all(), |_| true).await?;
                    Done::Rejected { version: version.clone(), bytes, rejection, removed }
                }
            }
        }
        // Thumbnails of this very source stay: they were made by a configuration that accepted it.
        Err(rejection) => {
            let is_of_this = |record: &Record| record.source_etag.as_ref() == Some(&version.etag);
            let places = remove(store, target.places.iter().map(|place| &place.at), |record| !is_of_this(record));
            let retired = remove(store, target.retired.iter(), |_| true);
            let (places, retired) = join(places, retired).await;
            let removed = [places?, retired?].concat();
            Done::Rejected { version: version.clone(), bytes, rejection, removed }
        }
    };
    Ok((Some(version), done))
}

/// Writes every thumbnail, in parallel; all are attempted, so that as few as can be are missing until the next attempt.
async fn put_all<S: Store>(
    store: &S,
    target: &Target,
    thumbnails: Vec<Thumbnail>,
    version: &Version,
    facts: &Facts,
) -> Result<Result<Vec<Written>, Rejection>, S::Error> {
    let sizes: Vec<_> = thumbnails.iter().map(|thumbnail| thumbnail.size).collect();
    let formats_of = |size: Size| sizes.iter().filter(|other| **other == size).count();
    let puts = thumbnails.into_iter().map(async |thumbnail| {
        let Thumbnail { size, width, height, format, .. } = thumbnail;
        let record = target.record(version, formats_of(size));
        let at = target.place(size, format);
        let written = Written { size, at: at.clone(), width, height, format, bytes: thumbnail.bytes.len() };
        Ok(store.put(at, thumbnail, &record, facts).await?.map(|()| written))
    });
    let attempts: Result<Vec<Result<Written, Rejection>>, S::Error> = join_all(puts).await.into_iter().collect();
    Ok(attempts?.into_iter().collect())
}

/// Deletes what is there and `unwanted`, and answers where it was. Only what is there is deleted: on a versioned bucket a
/// needless delete leaves a marker behind. When one fails the others are still finished: an operation left in flight could
/// land after the next attempt.
async fn remove<S: Store>(
    store: &S,
    candidates: impl Iterator<Item = &Location>,
    unwanted: impl Fn(&Record) -> bool,
) -> Result<Vec<Location>, S::Error> {
    let removals = candidates.map(async |at| {
        let unwanted = store.head(at).await?.is_some_and(|head| unwanted(&head.record));
        if unwanted {
            store.delete(at).await?;
        }
        Ok(unwanted.then(|| at.clone()))
    });
    let removed: Result<Vec<Option<Location>>, S::Error> = join_all(removals).await.into_iter().collect();
    Ok(removed?.into_iter().flatten().collect())
}

impl Target {
    /// Where the thumbnail of that size and format belongs.
    fn place(&self, size: Size, format: Format) -> &Location {
        let belongs_here = |place: &&Place| place.size == size && place.format.is_none_or(|here| here == format);
        let place = self.places.iter().find(belongs_here);
        &place.unwrap_or_else(|| unreachable!("a thumbnail of size {size} in {format} belongs nowhere")).at
    }

    /// Everywhere thumbnails can be, those of retired sizes included.
    fn all(&self) -> impl Iterator<Item = &Location> {
        self.places.iter().map(|place| &place.at).chain(&self.retired)
    }

    /// The record of thumbnails that show that source, of which there are so many of one size.
    fn record(&self, version: &Version, formats: usize) -> Record {
        Record {
            source_etag: Some(version.etag.clone()),
            configuration: Some(self.configuration.clone()),
            formats: Some(formats),
        }
    }
}

fn since(started: Instant) -> f64 {
    in_milliseconds(started.elapsed())
}

fn in_milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

impl From<thumbnail::Rejection> for Rejection {
    fn from(rejection: thumbnail::Rejection) -> Self {
        Self { reason: rejection.reason.code(), message: rejection.detail, info: rejection.source_info }
    }
}
