use common::{
    Prefixes,
    settings::{InvalidSettings, Reader},
};

use crate::KeyPatterns;

/// The function's settings. Each field names its environment variables, with their defaults in parentheses.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `UPLOADS_PREFIX` (`uploads/`) and `THUMBNAILS_PREFIX` (`thumbnails/`): the prefixes of the keys of sources and thumbnails.
    pub prefixes: Prefixes,
    /// `INCLUDE_KEYS` (empty: every key) and `EXCLUDE_KEYS` (empty): patterns of the keys of sources that get thumbnails.
    pub patterns: KeyPatterns,
    /// `IMAGE_PROCESSOR_FUNCTION` (required): the name or ARN of the image-processor function.
    pub image_processor_function: String,
}

impl Settings {
    /// Reads all settings.
    ///
    /// # Errors
    /// Returns one message that names every invalid variable.
    pub fn read(mut reader: Reader) -> Result<Self, InvalidSettings> {
        let settings = Self {
            prefixes: Prefixes::read(&mut reader),
            patterns: KeyPatterns::read(&mut reader),
            image_processor_function: reader
                .required("IMAGE_PROCESSOR_FUNCTION", "give the name or ARN of the image-processor function"),
        };
        reader.finish(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_wrong_variable_is_named_at_once() {
        let message = Settings::read(Reader::of(&[("UPLOADS_PREFIX", "uploads")])).unwrap_err().to_string();
        assert!(message.contains("UPLOADS_PREFIX=\"uploads\""), "{message}");
        assert!(message.contains("IMAGE_PROCESSOR_FUNCTION is not set"), "{message}");
    }
}
