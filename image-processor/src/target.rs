//! The locations of one source and its thumbnails.

use thumbnail::{Format, Size};

use crate::store::{Location, Record, Version};

/// A source and the locations of all its thumbnails.
#[derive(Debug, Clone)]
pub struct Target {
    /// The source.
    pub source: Location,
    /// The locations that thumbnails can have, ordered by size. A size has one slot for each format if its key contains the format.
    pub slots: Vec<Slot>,
    /// The locations of thumbnails of retired sizes, which are deleted.
    pub retired: Vec<Location>,
    /// The fingerprint of the current settings.
    pub configuration: String,
}

/// The location of the thumbnail of one size, or of one size in one format.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Slot {
    /// The thumbnail's size.
    pub size: Size,
    /// The thumbnail's format; `None` if the key does not depend on the format.
    pub format: Option<Format>,
    /// The thumbnail's location.
    pub location: Location,
}

impl Target {
    /// The location of the thumbnail of `size` in `format`.
    ///
    /// # Panics
    /// Panics if the target has no slot for this thumbnail.
    pub(crate) fn location(&self, size: Size, format: Format) -> &Location {
        let fits = |slot: &&Slot| slot.size == size && slot.format.is_none_or(|of_slot| of_slot == format);
        let slot = self.slots.iter().find(fits);
        &slot.unwrap_or_else(|| unreachable!("no slot for a thumbnail of size {size} in {format}")).location
    }

    /// The locations of all thumbnails, including those of retired sizes.
    pub(crate) fn locations(&self) -> impl Iterator<Item = &Location> {
        self.slots.iter().map(|slot| &slot.location).chain(&self.retired)
    }

    /// The record of a current thumbnail of `version`, when its size is made in `formats` formats.
    pub(crate) fn record(&self, version: &Version, formats: usize) -> Record {
        Record {
            source_etag: Some(version.etag.clone()),
            configuration: Some(self.configuration.clone()),
            formats: Some(formats),
        }
    }
}
