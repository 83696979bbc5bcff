//! Turns an asynchronous protocol into a state machine, so that a scheduler can hold every invocation at every operation.
//!
//! The state of an invocation is its history: the answers that it has received so far, by object. To find its next operations, the
//! real future is run from the start against a [`Replay`], which answers from the history and stays pending after it. The protocols
//! are deterministic, and an invocation never has two operations on one object in flight (the replay asserts this). So the history
//! determines the state, and the order in which parallel operations finish does not multiply the states.
//!
//! An invocation that reads the source again keeps nothing of what it did before. So its history is cut there, which merges states.
//! The machine verifies this: uncut histories are also run through the whole next round, for all answers that occur, and must do
//! the same as the cut ones ([`Machine::shadow`]). Random schedules cut no histories.

use std::{
    future::{Future, pending, ready},
    pin::Pin,
    sync::Mutex,
    task::{Context, Poll, Waker},
};

use futures_util::future::Either;
use image_processor::{Fetched, Head, Location, OutcomeSource, Record, Rejection, Slot, Store, Target, Version};
use rustc_hash::FxHashMap;
use thumbnail::{Look, Made, Size, Thumbnail};

use crate::model::{self, Answer, Call, Content, Operation, Slots};

/// A protocol to explore, which an invocation follows. Lambda retries after an `Err`.
pub(crate) type Protocol = for<'a> fn(&'a Replay<'a>, &'a Target) -> Pin<Box<dyn Future<Output = Result<(), ()>> + 'a>>;

/// The fingerprint of the current settings.
const TODAY: &str = "today";

/// The maximum number of uncut histories that are run for each state.
const SHADOWS: usize = 50;

/// The interned state of an invocation.
pub(crate) type Id = u32;

/// What an invocation does next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// These operations are in flight.
    Waits(Vec<Call>),
    /// The invocation has answered.
    Succeeded,
    /// The invocation has failed, and Lambda retries it.
    Failed,
}

/// The history of an invocation: the answers that it has received, ordered by object.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct History {
    /// The index of the protocol that the invocation begins with, and repeats in a retry.
    role: usize,
    /// The index of the protocol that the answers belong to. It is 0 for a cut history, because that protocol begins with reading the source.
    protocol: usize,
    answers: Vec<(u8, Answer)>,
}

/// An interned history.
struct Known {
    history: History,
    step: Step,
    next: Vec<((u8, Answer), Id)>,
    /// The uncut histories that were merged with this one.
    shadows: Vec<History>,
}

/// All states of all invocations met so far.
pub(crate) struct Machine {
    protocols: Vec<Protocol>,
    target: Target,
    /// Whether to cut histories.
    cuts: bool,
    ids: FxHashMap<History, Id>,
    known: Vec<Known>,
}

impl Machine {
    /// Creates a machine for invocations that follow `protocols`, on a source with `slots` for thumbnails. The id of an invocation's
    /// first state is the index of its protocol.
    pub(crate) fn new(protocols: &[Protocol], slots: Slots, cuts: bool) -> Self {
        let location = |object: usize| Location { bucket: "bucket".into(), key: object.to_string() };
        let slot = |slot: usize| Slot {
            size: size(if slots.by_format { slot / 2 } else { slot }),
            format: slots.format(slot),
            location: location(1 + slot),
        };
        let target = Target {
            source: location(0),
            slots: (0..slots.made).map(slot).collect(),
            retired: (1 + slots.made..=slots.made + slots.retired).map(location).collect(),
            configuration: TODAY.into(),
        };
        let protocols = protocols.to_vec();
        let mut this = Self { protocols, target, cuts, ids: FxHashMap::default(), known: Vec::new() };
        for role in 0..this.protocols.len() {
            let history = History { role, protocol: role, answers: Vec::new() };
            let step = this.run(&history);
            this.intern(history, step);
        }
        this
    }

    pub(crate) fn step(&self, id: Id) -> &Step {
        &self.known[id as usize].step
    }

    /// Returns the state in which the invocation and its retries begin.
    pub(crate) fn start(&self, id: Id) -> Id {
        Id::try_from(self.known[id as usize].history.role).unwrap_or(Id::MAX)
    }

    /// Whether an operation of the invocation failed.
    pub(crate) fn met_failure(&self, id: Id) -> bool {
        self.known[id as usize].history.answers.iter().any(|(_, answer)| *answer == Answer::Failed)
    }

    /// Whether the invocation last saw that the object exists.
    pub(crate) fn has_seen(&self, id: Id, at: u8) -> bool {
        let last = self.known[id as usize].history.answers.iter().rfind(|(slot, _)| *slot == at);
        matches!(last, Some((_, Answer::Thumbnail(Some(_)))))
    }

    /// Returns the state of the invocation after an answer.
    pub(crate) fn answered(&mut self, id: Id, at: u8, answer: Answer) -> Id {
        let known = &self.known[id as usize];
        if let Some((_, next)) = known.next.iter().find(|(known, _)| *known == (at, answer)) {
            return *next;
        }
        let uncut = known.history.with(at, answer);
        let step = self.run(&uncut);
        let begins_anew = step == Step::Waits(vec![Call { at: 0, operation: Operation::Get }]);
        let next = if self.cuts && begins_anew {
            let cut = History { role: uncut.role, protocol: 0, answers: Vec::new() };
            let next = self.intern(cut, step);
            self.shadow(next, &uncut);
            next
        } else {
            self.intern(uncut, step)
        };
        let known = &mut self.known[id as usize];
        known.next.push(((at, answer), next));
        for shadow in known.shadows.clone() {
            self.shadow(next, &shadow.with(at, answer));
        }
        next
    }

    /// Asserts that an invocation with the uncut history is in state `id`, now and after every answer, until it reads the source
    /// again.
    fn shadow(&mut self, id: Id, uncut: &History) {
        assert_eq!(
            self.run(uncut),
            *self.step(id),
            "an invocation remembers what its cut history does not say: {uncut:?}"
        );
        let known = &mut self.known[id as usize];
        let is_at_start = known.history.answers.is_empty();
        let is_enough = known.shadows.len() == SHADOWS || known.shadows.contains(uncut);
        if is_enough || (is_at_start && uncut.rounds() > 1) {
            return;
        }
        known.shadows.push(uncut.clone());
        for ((at, answer), next) in known.next.clone() {
            self.shadow(next, &uncut.with(at, answer));
        }
    }

    fn intern(&mut self, history: History, step: Step) -> Id {
        let id = Id::try_from(self.known.len()).expect("fewer states");
        *self.ids.entry(history.clone()).or_insert_with(|| {
            self.known.push(Known { history, step, next: Vec::new(), shadows: Vec::new() });
            id
        })
    }

    /// Returns what an invocation with this history does next.
    fn run(&self, history: &History) -> Step {
        let replay = Replay { history, target: &self.target, progress: Mutex::default() };
        let mut future = self.protocols[history.protocol](&replay, &self.target);
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(future);
        match polled {
            Poll::Ready(Ok(())) => Step::Succeeded,
            Poll::Ready(Err(())) => Step::Failed,
            Poll::Pending => Step::Waits(replay.progress.into_inner().expect("no panic").in_flight),
        }
    }
}

impl History {
    fn with(&self, at: u8, answer: Answer) -> Self {
        let mut history = self.clone();
        let end = history.answers.partition_point(|(slot, _)| *slot <= at);
        history.answers.insert(end, (at, answer));
        history
    }

    /// Counts the rounds: each reads the source and then its head.
    fn rounds(&self) -> usize {
        self.answers.iter().filter(|(at, _)| *at == 0).count() / 2
    }
}

/// A store that answers from a history, and stays pending after it.
pub(crate) struct Replay<'a> {
    history: &'a History,
    target: &'a Target,
    progress: Mutex<Progress>,
}

#[derive(Default)]
struct Progress {
    /// The number of operations that were begun on each object.
    begun: [usize; 1 + model::ROOM],
    in_flight: Vec<Call>,
}

impl Replay<'_> {
    fn ask(
        &self,
        location: &Location,
        operation: Operation,
    ) -> impl Future<Output = Result<Answer, ()>> + Send + use<> {
        let at: u8 = location.key.parse().expect("an object's number");
        let progress = &mut *self.progress.lock().expect("no panic");
        assert!(
            progress.in_flight.iter().all(|call| call.at != at),
            "two operations on one object are in flight: their order is not in the history"
        );
        let begun = &mut progress.begun[usize::from(at)];
        let mut answers = self.history.answers.iter().filter(|(slot, _)| *slot == at);
        let answer = answers.nth(*begun).map(|(_, answer)| *answer);
        *begun += 1;
        match answer {
            Some(Answer::Failed) => Either::Left(ready(Err(()))),
            Some(answer) => Either::Left(ready(Ok(answer))),
            None => {
                progress.in_flight.push(Call { at, operation });
                Either::Right(pending())
            }
        }
    }
}

impl Store for Replay<'_> {
    type Error = ();
    type Content = &'static str;

    async fn get(&self, location: &Location) -> Result<Option<Fetched<&'static str>>, ()> {
        let Answer::Source(source) = self.ask(location, Operation::Get).await? else { panic!("only sources are read") };
        Ok(source.map(|source| Fetched { version: version(source), bytes: 1, content: Ok(name(source.content)) }))
    }

    async fn head(&self, location: &Location) -> Result<Option<Head>, ()> {
        Ok(match self.ask(location, Operation::Head).await? {
            Answer::Source(source) => {
                source.map(|source| Head { version: version(source), bytes: 1, record: Record::default() })
            }
            Answer::Thumbnail(thumbnail) => thumbnail.map(|thumbnail| Head {
                version: Version { etag: "a thumbnail's own".into(), version_id: None },
                bytes: 1,
                record: Record {
                    source_etag: Some(name(thumbnail.shows).into()),
                    configuration: Some(if thumbnail.is_of_today { TODAY } else { "former" }.into()),
                    formats: Some(1),
                },
            }),
            other => panic!("{other:?} is no answer to HEAD"),
        })
    }

    async fn put(
        &self,
        location: &Location,
        thumbnail: Thumbnail,
        record: &Record,
        _: &OutcomeSource,
    ) -> Result<Result<(), Rejection>, ()> {
        let slot =
            self.target.slots.iter().find(|slot| slot.location == *location).expect("only thumbnails are written");
        let format = slot.format.unwrap_or(thumbnail.format);
        assert_eq!((thumbnail.size, thumbnail.format), (slot.size, format), "a thumbnail goes to its own slot");
        assert_eq!(
            record.source_etag.as_ref().map(String::as_bytes),
            Some(&*thumbnail.bytes),
            "it records what it shows"
        );
        let shows = content(&thumbnail.bytes);
        let is_of_today = record.configuration.as_deref() == Some(TODAY);
        self.ask(location, Operation::Put(model::Thumbnail { shows, is_of_today })).await?;
        Ok(Ok(()))
    }

    async fn delete(&self, location: &Location) -> Result<(), ()> {
        self.ask(location, Operation::Delete).await.map(drop)
    }
}

/// Replaces the pixel code: the bytes of a thumbnail are the name of the image that it shows.
pub(crate) fn make(source: &[u8], target: &Target) -> Result<Made, Rejection> {
    if content(source) == Content::Text {
        return Err(Rejection { reason: "unsupported-format", detail: String::new(), source_info: None });
    }
    let format = content(source).format();
    let thumbnail = |size| Thumbnail { size, width: 1, height: 1, format, bytes: source.to_vec() };
    Ok(Made {
        source: thumbnail::SourceInfo { width: 1, height: 1, format, frames: 1 },
        look: Look::default(),
        motion: None,
        thumbnails: sizes(target).into_iter().map(thumbnail).collect(),
        decode: std::time::Duration::ZERO,
        total: std::time::Duration::ZERO,
    })
}

/// Lists the sizes to make.
fn sizes(target: &Target) -> Vec<Size> {
    let mut sizes: Vec<_> = target.slots.iter().map(|slot| slot.size).collect();
    sizes.dedup();
    sizes
}

/// Returns a different size for each number, so that mix-ups are found.
fn size(number: usize) -> Size {
    Size::Width(1 + u32::try_from(number).expect("few sizes"))
}

fn version(source: model::Source) -> Version {
    let version_id = (source.version > 0).then(|| source.version.to_string());
    Version { etag: name(source.content).into(), version_id }
}

fn name(content: Content) -> &'static str {
    match content {
        Content::X => "X",
        Content::Y => "Y",
        Content::Text => "text",
    }
}

fn content(name: &[u8]) -> Content {
    match name {
        b"X" => Content::X,
        b"Y" => Content::Y,
        b"text" => Content::Text,
        other => panic!("{other:?} was never uploaded"),
    }
}
