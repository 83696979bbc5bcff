//! The images to upload, checked before anything is built.

use std::collections::HashMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// A file and the key that it gets.
#[derive(Debug, PartialEq)]
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    pub(crate) key: String,
}

/// Gives each file the key `<prefix><file name>`.
///
/// # Errors
/// One line for each file that is not there, is a folder, cannot be read, or has the name of another.
pub(crate) fn check(paths: impl IntoIterator<Item = PathBuf>, prefix: &str) -> Result<Vec<Input>, String> {
    let mut inputs: Vec<Input> = Vec::new();
    let mut problems = Vec::new();
    let mut seen = HashMap::new();
    for path in paths {
        match name(&path) {
            Err(problem) => problems.push(format!("{}: {problem}", path.display())),
            Ok(name) => {
                let key = format!("{prefix}{name}");
                if let Some(first) = seen.insert(key.clone(), path.clone()) {
                    let first = first.display();
                    problems.push(format!("{}: {first} has the same name and would get the same key", path.display()));
                }
                inputs.push(Input { path, key });
            }
        }
    }
    if problems.is_empty() { Ok(inputs) } else { Err(format!("cannot upload\n  {}", problems.join("\n  "))) }
}

fn name(path: &Path) -> Result<&str, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    let metadata = file.metadata().map_err(|error| error.to_string())?;
    if metadata.is_dir() {
        return Err("is a folder; name the images in it".to_owned());
    }
    path.file_name().and_then(|name| name.to_str()).ok_or_else(|| "its name is not UTF-8, as keys are".to_owned())
}

/// The type that the AWS CLI would send; nothing believes it.
pub(crate) fn content_type(path: &Path) -> Option<&'static str> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" => Some("image/jpeg"),
        "png" => Some("image/png"),
        "webp" => Some("image/webp"),
        "gif" => Some("image/gif"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_problem_is_told_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("cat.jpg"), folder.path().join("sub/cat.jpg"));
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        for file in [&a, &b] {
            std::fs::write(file, "x").unwrap();
        }
        assert_eq!(check([a.clone()], "up/").unwrap(), [Input { path: a.clone(), key: "up/cat.jpg".into() }]);

        let told = check([a, b, folder.path().to_owned(), folder.path().join("none.jpg")], "up/").unwrap_err();
        assert_eq!(told.lines().count(), 4, "{told}");
        for part in ["same name", "is a folder", "none.jpg: No such file"] {
            assert!(told.contains(part), "{told}");
        }
    }
}
