use thumbnail_job::{
    Prefixes,
    settings::{InvalidSettings, Reader},
};

use crate::KeyPatterns;

/// The function's settings, each from the environment variable named in its documentation.
#[derive(Debug, Clone)]
pub struct Settings {
    /// `UPLOADS_PREFIX` (`uploads/`) and `THUMBNAILS_PREFIX` (`thumbnails/`): which keys are sources.
    pub prefixes: Prefixes,
    /// `INCLUDE_KEYS` (every key) and `EXCLUDE_KEYS` (none): which sources get thumbnails.
    pub patterns: KeyPatterns,
    /// `IMAGE_PROCESSOR_FUNCTION` (required): name or ARN of the function that gets the jobs.
    pub image_processor_function: String,
}

impl Settings {
    /// Reads all settings.
    ///
    /// # Errors
    /// One message that names every variable that is wrong.
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
