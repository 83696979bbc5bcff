use crate::settings::Reader;

/// The prefixes of the keys of sources and thumbnails. Both functions check keys by them, so that neither makes thumbnails of
/// thumbnails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefixes {
    uploads: String,
    thumbnails: String,
}

/// Why a key is not the key of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotASource {
    /// The key begins with the thumbnails prefix: processing it would make thumbnails of thumbnails.
    InsideThumbnails,
    /// The key does not begin with the uploads prefix.
    OutsideUploads,
    /// The key ends in `/`: the S3 console writes such an object when someone creates a folder.
    Folder,
}

impl Prefixes {
    /// Reads `UPLOADS_PREFIX` (`uploads/`) and `THUMBNAILS_PREFIX` (`thumbnails/`).
    ///
    /// Each must end in `/`. Neither may begin with the other, or thumbnails would be processed as uploads.
    pub fn read(reader: &mut Reader) -> Self {
        let mut prefix = |name: &str, default: &str| {
            let prefix: String = reader.or(name, default.to_owned());
            if !prefix.ends_with('/') || prefix.starts_with('/') || prefix.contains("//") {
                reader.problem(
                    name,
                    &prefix,
                    &format!("write it like {default:?}: one / at the end, none at the start"),
                );
            }
            prefix
        };
        let this = Self {
            uploads: prefix("UPLOADS_PREFIX", "uploads/"),
            thumbnails: prefix("THUMBNAILS_PREFIX", "thumbnails/"),
        };
        if this.uploads.starts_with(&this.thumbnails) || this.thumbnails.starts_with(&this.uploads) {
            reader.problem(
                "THUMBNAILS_PREFIX",
                &this.thumbnails,
                &format!("neither it nor UPLOADS_PREFIX={:?} may lie inside the other", this.uploads),
            );
        }
        this
    }

    /// Checks that `key` is the key of a source.
    ///
    /// # Errors
    /// Returns why it is not.
    pub fn check(&self, key: &str) -> Result<(), NotASource> {
        if key.starts_with(&self.thumbnails) {
            Err(NotASource::InsideThumbnails)
        } else if !key.starts_with(&self.uploads) {
            Err(NotASource::OutsideUploads)
        } else if key.ends_with('/') {
            Err(NotASource::Folder)
        } else {
            Ok(())
        }
    }

    /// The prefix of sources.
    #[must_use]
    pub fn uploads(&self) -> &str {
        &self.uploads
    }

    /// The prefix of thumbnails.
    #[must_use]
    pub fn thumbnails(&self) -> &str {
        &self.thumbnails
    }
}

impl NotASource {
    /// The stable reason code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::InsideThumbnails => "inside-thumbnails",
            Self::OutsideUploads => "outside-uploads",
            Self::Folder => "folder",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Prefixes, String> {
        let mut reader = Reader::of(variables);
        let prefixes = Prefixes::read(&mut reader);
        reader.finish(prefixes).map_err(|error| error.to_string())
    }

    #[test]
    fn only_uploads_are_sources() {
        let prefixes = read(&[]).unwrap();
        assert_eq!(prefixes.check("uploads/a.jpg"), Ok(()));
        assert_eq!(prefixes.check("uploads/thumbnails/a.jpg"), Ok(()));
        assert_eq!(prefixes.check("uploads"), Err(NotASource::OutsideUploads));
        assert_eq!(prefixes.check("a.jpg"), Err(NotASource::OutsideUploads));
        assert_eq!(prefixes.check("uploads/"), Err(NotASource::Folder));
        assert_eq!(prefixes.check("uploads/2026/"), Err(NotASource::Folder));
        assert_eq!(prefixes.check("thumbnails/100/uploads/a.jpg"), Err(NotASource::InsideThumbnails));
    }

    #[test]
    fn prefixes_that_would_loop_are_refused() {
        for (uploads, thumbnails) in [("a/", "a/"), ("a/", "a/b/"), ("a/b/", "a/")] {
            let message = read(&[("UPLOADS_PREFIX", uploads), ("THUMBNAILS_PREFIX", thumbnails)]).unwrap_err();
            assert!(message.contains("inside the other"), "{message}");
        }
        assert!(read(&[("UPLOADS_PREFIX", "thumb/"), ("THUMBNAILS_PREFIX", "thumbnails/")]).is_ok());
    }

    #[test]
    fn both_prefixes_are_complained_of_at_once() {
        let message = read(&[("UPLOADS_PREFIX", "uploads"), ("THUMBNAILS_PREFIX", "/t/")]).unwrap_err();
        assert!(
            message.contains("UPLOADS_PREFIX=\"uploads\"") && message.contains("THUMBNAILS_PREFIX=\"/t/\""),
            "{message}"
        );
    }
}
