//! The bucket in memory: one source and its thumbnails, each object atomic and strongly consistent, as S3 documents of
//! itself. An `ETag` is the content's hash, so that an object reverted to an earlier content has its earlier `ETag` again.

use std::fmt;

use thumbnail::Format;

/// What an upload can hold: two images, and something of which no thumbnail can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Content {
    X,
    Y,
    Text,
}

/// What happens to the source from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Change {
    Put(Content),
    Delete,
}

impl Change {
    pub(crate) const ALL: [Self; 4] =
        [Self::Put(Content::X), Self::Put(Content::Y), Self::Put(Content::Text), Self::Delete];
}

/// The source as it is: its content and, on a versioned bucket, which version that is (else 0).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Source {
    pub(crate) content: Content,
    pub(crate) version: u8,
}

/// A thumbnail: what it shows, and whether it was made with today's settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Thumbnail {
    pub(crate) shows: Content,
    pub(crate) is_of_today: bool,
}

impl Content {
    /// The format of thumbnails of that image.
    pub(crate) fn format(self) -> Format {
        match self {
            Self::X => Format::Jpeg,
            Self::Y | Self::Text => Format::Png,
        }
    }
}

/// Which thumbnails a bucket has slots for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slots {
    /// How many are made: sizes, or pairs of size and format, two formats to a size.
    pub(crate) made: usize,
    /// How many are of retired sizes; they come after those.
    pub(crate) retired: usize,
    /// Whether each format has a slot of its own.
    pub(crate) by_format: bool,
}

impl Slots {
    /// The format that belongs to a slot, by its index, where it has one.
    pub(crate) fn format(self, slot: usize) -> Option<Format> {
        self.by_format.then(|| if slot.is_multiple_of(2) { Format::Jpeg } else { Format::Png })
    }

    /// What can be at a slot, by its index, when all begins: today's settings never put an image of the other format there.
    pub(crate) fn possible(self, slot: usize, thumbnail: Thumbnail) -> Thumbnail {
        let is_possible = slot >= self.made || self.belongs(slot, thumbnail.shows);
        Thumbnail { is_of_today: thumbnail.is_of_today && is_possible, ..thumbnail }
    }

    /// Whether a thumbnail of that image belongs to a slot, by its index.
    fn belongs(self, slot: usize, content: Content) -> bool {
        slot < self.made && self.format(slot).is_none_or(|format| format == content.format())
    }
}

/// Room for the thumbnails of a bucket: those that are made, then those of retired sizes.
pub(crate) const ROOM: usize = 4;

/// All objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub(crate) struct Bucket {
    pub(crate) source: Option<Source>,
    pub(crate) thumbnails: [Option<Thumbnail>; ROOM],
}

/// One operation on one object; `at` is 0 for the source, else 1 + the thumbnail's slot.
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

/// What an operation answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    Source(Option<Source>),
    Thumbnail(Option<Thumbnail>),
    Done,
    /// The operation failed; whether it was carried out is another matter.
    Failed,
}

impl Bucket {
    pub(crate) fn change(&mut self, change: Change, version: u8) {
        self.source = match change {
            Change::Put(content) => Some(Source { content, version }),
            Change::Delete => None,
        };
    }

    /// Carries out one operation of an invocation.
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

    /// What is wrong with the thumbnails.
    pub(crate) fn complaint(&self, slots: Slots) -> Option<String> {
        let wanted = self.source.map(|source| source.content).filter(|content| *content != Content::Text);
        let wanted = wanted.map(|shows| Thumbnail { shows, is_of_today: true });
        self.thumbnails.iter().enumerate().find_map(|(slot, found)| {
            let wanted = wanted.filter(|wanted| slots.belongs(slot, wanted.shows));
            (*found != wanted).then(|| format!("thumbnail {} is {}, not {}", slot + 1, Shown(*found), Shown(wanted)))
        })
    }
}

/// An optional thumbnail, in words.
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
