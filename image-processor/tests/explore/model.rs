//! A bucket in memory with one source and its thumbnails. Objects are atomic and strongly consistent, as documented for S3. An `ETag`
//! is a hash of the content, so an object that is reverted to an earlier content has its earlier `ETag` again.

use std::fmt;

use thumbnail::Format;

/// The content of an upload: one of two images, or text, of which no thumbnail can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Content {
    X,
    Y,
    Text,
}

/// A change of the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Change {
    Put(Content),
    Delete,
}

impl Change {
    pub(crate) const ALL: [Self; 4] =
        [Self::Put(Content::X), Self::Put(Content::Y), Self::Put(Content::Text), Self::Delete];
}

/// The source: its content, and its version on a versioned bucket (else 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Source {
    pub(crate) content: Content,
    pub(crate) version: u8,
}

/// A thumbnail: what it shows, and whether it was made with the current settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Thumbnail {
    pub(crate) shows: Content,
    pub(crate) is_of_today: bool,
}

impl Content {
    /// The format of thumbnails of the image.
    pub(crate) fn format(self) -> Format {
        match self {
            Self::X => Format::Jpeg,
            Self::Y | Self::Text => Format::Png,
        }
    }
}

/// The slots of a bucket for thumbnails.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slots {
    /// The number of slots for thumbnails that are made: one for each size, or one for each of two formats of a size.
    pub(crate) made: usize,
    /// The number of slots for retired sizes, which come last.
    pub(crate) retired: usize,
    /// Whether each format has its own slot.
    pub(crate) by_format: bool,
}

impl Slots {
    /// Returns the format of a slot, if it has one.
    pub(crate) fn format(self, slot: usize) -> Option<Format> {
        self.by_format.then(|| if slot.is_multiple_of(2) { Format::Jpeg } else { Format::Png })
    }

    /// Adjusts an initial thumbnail to its slot: current settings never put an image of the other format there.
    pub(crate) fn possible(self, slot: usize, thumbnail: Thumbnail) -> Thumbnail {
        let is_possible = slot >= self.made || self.belongs(slot, thumbnail.shows);
        Thumbnail { is_of_today: thumbnail.is_of_today && is_possible, ..thumbnail }
    }

    /// Whether a thumbnail of the image belongs to a slot.
    fn belongs(self, slot: usize, content: Content) -> bool {
        slot < self.made && self.format(slot).is_none_or(|format| format == content.format())
    }
}

/// The maximum number of slots of a bucket.
pub(crate) const ROOM: usize = 4;

/// All objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Bucket {
    pub(crate) source: Option<Source>,
    pub(crate) thumbnails: [Option<Thumbnail>; ROOM],
}

/// An operation on an object. `at` is 0 for the source, else 1 + the index of the slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Call {
    pub(crate) at: u8,
    pub(crate) operation: Operation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    Get,
    Head,
    Put(Thumbnail),
    Delete,
}

/// The answer of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    Source(Option<Source>),
    Thumbnail(Option<Thumbnail>),
    Done,
    /// The operation failed, with or without taking effect.
    Failed,
}

impl Bucket {
    pub(crate) fn change(&mut self, change: Change, version: u8) {
        self.source = match change {
            Change::Put(content) => Some(Source { content, version }),
            Change::Delete => None,
        };
    }

    /// Applies an operation of an invocation.
    pub(crate) fn apply(&mut self, call: Call) -> Answer {
        let Some(slot) = call.at.checked_sub(1) else {
            assert!(matches!(call.operation, Operation::Get | Operation::Head), "sources are only read");
            return Answer::Source(self.source);
        };
        let thumbnail = &mut self.thumbnails[usize::from(slot)];
        match call.operation {
            Operation::Get => panic!("thumbnails are never read in full"),
            Operation::Head => return Answer::Thumbnail(*thumbnail),
            Operation::Put(new) => *thumbnail = Some(new),
            Operation::Delete => *thumbnail = None,
        }
        Answer::Done
    }

    /// Describes what is wrong with the thumbnails, if anything.
    pub(crate) fn complaint(&self, slots: Slots) -> Option<String> {
        let wanted = self.source.map(|source| source.content).filter(|content| *content != Content::Text);
        let wanted = wanted.map(|shows| Thumbnail { shows, is_of_today: true });
        self.thumbnails.iter().enumerate().find_map(|(slot, found)| {
            let wanted = wanted.filter(|wanted| slots.belongs(slot, wanted.shows));
            (*found != wanted).then(|| format!("thumbnail {} is {}, not {}", slot + 1, Shown(*found), Shown(wanted)))
        })
    }
}

/// Describes an optional thumbnail.
struct Shown(Option<Thumbnail>);

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => write!(f, "absent"),
            Some(Thumbnail { shows, is_of_today }) => {
                write!(f, "of {shows:?}{}", if is_of_today { "" } else { " by former settings" })
            }
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, operation } = self;
        let operation = match operation {
            Operation::Get => "GET",
            Operation::Head => "HEAD",
            Operation::Put(_) => "PUT",
            Operation::Delete => "DELETE",
        };
        match (at, self.operation) {
            (0, _) => write!(f, "{operation} source"),
            (_, Operation::Put(thumbnail)) => write!(f, "{operation} thumbnail {at} {}", Shown(Some(thumbnail))),
            _ => write!(f, "{operation} thumbnail {at}"),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source(None) => write!(f, "absent"),
            Self::Source(Some(source)) if source.version == 0 => write!(f, "{:?}", source.content),
            Self::Source(Some(source)) => write!(f, "{:?}, version {}", source.content, source.version),
            Self::Thumbnail(thumbnail) => write!(f, "{}", Shown(*thumbnail)),
            Self::Done => write!(f, "done"),
            Self::Failed => write!(f, "failed"),
        }
    }
}
