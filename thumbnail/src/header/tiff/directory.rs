//! The directory of a TIFF: its tags and their values.

use crate::{Reason, Rejection, bytes::Reader, orientation::Orientation};

/// The maximum number of values of a tag, which allows a strip for each row of a very high picture.
pub(super) const MOST_VALUES: usize = 1 << 18;

/// The tag of the orientation, in TIFF and in Exif.
pub(crate) const ORIENTATION: u16 = 274;

pub(crate) struct Directory<'a> {
    reader: Reader<'a>,
    big: bool,
    /// The offset of the first entry, and the number of entries.
    start: usize,
    entries: usize,
}

pub(super) struct Entry {
    kind: u16,
    pub(super) count: usize,
    /// The offset of the values, within the entry or elsewhere.
    pub(super) value_at: usize,
}

impl<'a> Directory<'a> {
    pub(crate) fn first(bytes: &'a [u8]) -> Option<Self> {
        let reader = Reader::tiff(bytes)?;
        let big = reader.u16(2)? == 43;
        let (size, count_size) = if big { (8, 8) } else { (4, 2) };
        let at = usize::try_from(reader.number(size, size)?).ok()?;
        let entries = usize::try_from(reader.number(at, count_size)?).ok()?;
        Some(Self { reader, big, start: at.checked_add(count_size)?, entries })
    }

    /// Iterates over the offsets of the entries.
    fn entry_offsets(&self) -> impl Iterator<Item = usize> {
        let size = self.entry_size();
        // Real files have few entries, and a wrong number ends with the file.
        let offsets = (0..self.entries.min(4096)).map(move |i| self.start + i * size);
        offsets.take_while(move |&at| self.reader.slice(at, size).is_some())
    }

    fn entry_size(&self) -> usize {
        if self.big { 20 } else { 12 }
    }

    /// Whether the file ends before the entries do.
    pub(super) fn is_cut(&self) -> bool {
        self.entry_offsets().count() < self.entries.min(4096)
    }

    pub(super) fn find(&self, tag: u16) -> Option<Entry> {
        let at = self.entry_offsets().find(|&at| self.reader.u16(at) == Some(tag))?;
        let kind = self.reader.u16(at + 2)?;
        // The size of a count, and of an offset or the values in its place.
        let size = if self.big { 8 } else { 4 };
        let number = |at: usize| usize::try_from(self.reader.number(at, size)?).ok();
        let (count, value) = (number(at + 4)?, at + 4 + size);
        let value_at = if count.checked_mul(width(kind)?)? <= size { value } else { number(value)? };
        Some(Entry { kind, count, value_at })
    }

    pub(super) fn value(&self, entry: &Entry, index: usize) -> Option<u32> {
        if !matches!(entry.kind, 1 | 3 | 4 | 6..=9 | 13 | 16..=18) {
            return None;
        }
        let size = width(entry.kind)?;
        let number = self.reader.number(entry.value_at.checked_add(index.checked_mul(size)?)?, size)?;
        // No number that is read here may be negative.
        let negative = matches!(entry.kind, 6 | 8 | 9 | 17) && number >> (8 * size - 1) == 1;
        if negative { None } else { u32::try_from(number).ok() }
    }

    /// Reads the first value of a tag; returns `None` if there is no such tag.
    ///
    /// # Errors
    /// Returns [`Reason::Corrupt`] if the value is not a whole number or lies outside of the file.
    pub(super) fn number(&self, tag: u16) -> Result<Option<u32>, Rejection> {
        let Some(at) = self.entry_offsets().find(|&at| self.reader.u16(at) == Some(tag)) else { return Ok(None) };
        let value = self.find(tag).filter(|entry| entry.count > 0).and_then(|entry| self.value(&entry, 0));
        let kind = self.reader.u16(at + 2).unwrap_or(0);
        let rejection = || Reason::Corrupt.because(format!("the TIFF's tag {tag} of type {kind} has no number"));
        value.ok_or_else(rejection).map(Some)
    }

    /// Reads the first value of a tag like [`number`](Self::number), or returns `default` if there is no such tag.
    pub(super) fn number_or(&self, tag: u16, default: u32) -> Result<u32, Rejection> {
        Ok(self.number(tag)?.unwrap_or(default))
    }

    /// Returns the type of a tag's values; `None` if there is no such tag.
    pub(crate) fn kind(&self, tag: u16) -> Option<u16> {
        self.find(tag).map(|entry| entry.kind)
    }

    /// Reads the orientation. Returns upright if it is missing or damaged.
    pub(crate) fn orientation(&self) -> Orientation {
        let value = self.number(ORIENTATION).ok().flatten().and_then(|value| u16::try_from(value).ok());
        value.map(Orientation::from_exif).unwrap_or_default()
    }

    /// Reads all values of a tag within the file, at most [`MOST_VALUES`].
    pub(super) fn numbers(&self, tag: u16) -> Vec<u32> {
        let Some(entry) = self.find(tag) else { return Vec::new() };
        (0..entry.count.min(MOST_VALUES)).map_while(|i| self.value(&entry, i)).collect()
    }

    /// Reads the fractions of a tag; returns `None` if there are not exactly `N`.
    #[allow(clippy::cast_precision_loss)] // they stand for colours
    pub(super) fn fractions<const N: usize>(&self, tag: u16) -> Option<[f32; N]> {
        let entry = self.find(tag).filter(|entry| entry.kind == 5 && entry.count == N)?;
        let number = |at: usize| self.reader.u32(at).map(|number| number as f32);
        let mut values = [0.0; N];
        for (i, value) in values.iter_mut().enumerate() {
            let at = entry.value_at.checked_add(8 * i)?;
            *value = number(at)? / number(at.checked_add(4)?)?;
        }
        values.iter().all(|value| value.is_finite()).then_some(values)
    }

    /// Returns the value of a tag whose type is bytes.
    pub(crate) fn bytes(&self, tag: u16) -> Option<&'a [u8]> {
        let entry = self.find(tag).filter(|entry| width(entry.kind) == Some(1))?;
        self.reader.slice(entry.value_at, entry.count)
    }

    /// Returns the bytes of a tag's values, of any type.
    pub(crate) fn raw(&self, tag: u16) -> Option<&'a [u8]> {
        let entry = self.find(tag)?;
        self.reader.slice(entry.value_at, entry.count.checked_mul(width(entry.kind)?)?)
    }

    /// Reads the red, green and blue of each palette entry.
    pub(super) fn palette(&self) -> Vec<[u8; 3]> {
        let values = self.numbers(320);
        // Values have 16 bits, but some writers store eight.
        let shift = if values.iter().all(|&value| value < 256) { 0 } else { 8 };
        let channel = |value: u32| u8::try_from(value >> shift).unwrap_or(255);
        let colours = values.len() / 3;
        let colour = |i| [values[i], values[colours + i], values[2 * colours + i]].map(channel);
        (0..colours).map(colour).collect()
    }
}

/// Returns the number of bytes of a value of a type.
fn width(kind: u16) -> Option<usize> {
    match kind {
        // 129 is UTF-8 text in Exif.
        1 | 2 | 6 | 7 | 129 => Some(1),
        3 | 8 => Some(2),
        4 | 9 | 11 | 13 => Some(4),
        5 | 10 | 12 | 16..=18 => Some(8),
        _ => None,
    }
}
