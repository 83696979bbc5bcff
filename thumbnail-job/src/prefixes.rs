use crate::settings::Reader;

/// Where sources and thumbnails live. Both functions ask it which keys are sources, so that neither can be talked into
/// making thumbnails of thumbnails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prefixes {
    uploads: String,
    thumbnails: String,
}

/// Why a key is not a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotASource {
    /// It lies under the thumbnail prefix: following it would be a loop.
    InsideThumbnails,
    /// It does not lie under the uploads prefix.
    OutsideUploads,
    /// It ends in `/`: what the S3 console writes when someone creates a folder.
    Folder,
}

impl Prefixes {
    /// Reads `UPLOADS_PREFIX` (`uploads/`) and `THUMBNAILS_PREFIX` (`thumbnails/`). Each ends in `/`, and neither lies inside
    /// the other: a thumbnail written under the uploads prefix would come back as an upload.
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

    /// Whether `key` names a source.
    ///
    /// # Errors
    /// Why it does not.
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

    /// Keys of sources begin with it.
    #[must_use]
    pub fn uploads(&self) -> &str {
        &self.uploads
    }

    /// Keys of thumbnails begin with it.
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
