//! The images to upload, which are checked before anything is built.

use std::{
    collections::HashMap,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

/// A file and its key.
#[derive(Debug, PartialEq)]
pub(crate) struct Input {
    pub(crate) path: PathBuf,
    pub(crate) key: String,
}

/// Gives each file, and each image of a folder, the key `<prefix><file name>`.
///
/// # Errors
/// One line for each file that is missing, cannot be read, or has the same name as another file, and for each folder without images.
pub(crate) fn check(paths: impl IntoIterator<Item = PathBuf>, prefix: &str) -> Result<Vec<Input>, String> {
    let mut inputs: Vec<Input> = Vec::new();
    let mut problems = Vec::new();
    let mut seen = HashMap::new();
    let mut files = Vec::new();
    for path in paths {
        match images(&path) {
            Some(Ok(images)) if images.is_empty() => problems.push(format!("{}: has no images in it", path.display())),
            Some(Ok(images)) => files.extend(images),
            Some(Err(error)) => problems.push(format!("{}: {error}", path.display())),
            None => files.push(path),
        }
    }
    for path in files {
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

/// Lists the images in a folder by their extensions, sorted and without subfolders. Returns `None` if `path` is not a folder.
fn images(path: &Path) -> Option<io::Result<Vec<PathBuf>>> {
    path.is_dir().then(|| {
        let mut images = Vec::new();
        for entry in fs::read_dir(path)? {
            let path = entry?.path();
            let is_hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            if content_type(&path).is_some() && !is_hidden && path.is_file() {
                images.push(path);
            }
        }
        images.sort();
        Ok(images)
    })
}

fn name(path: &Path) -> Result<&str, String> {
    File::open(path).map_err(|error| error.to_string())?;
    path.file_name().and_then(|name| name.to_str()).ok_or_else(|| "its name is not UTF-8, as keys are".to_owned())
}

/// The content type that the AWS CLI would send. The functions ignore it.
pub(crate) fn content_type(path: &Path) -> Option<&'static str> {
    match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "jpg" | "jpeg" | "jfif" => Some("image/jpeg"),
        "png" => Some("image/png"),
        "webp" => Some("image/webp"),
        "gif" => Some("image/gif"),
        "tif" | "tiff" => Some("image/tiff"),
        "bmp" => Some("image/bmp"),
        "ico" => Some("image/x-icon"),
        "pbm" | "pgm" | "ppm" | "pnm" | "pam" => Some("image/x-portable-anymap"),
        "qoi" => Some("image/qoi"),
        "avif" => Some("image/avif"),
        "heic" | "heif" => Some("image/heic"),
        "svg" => Some("image/svg+xml"),
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

        let empty = folder.path().join("empty");
        std::fs::create_dir(&empty).unwrap();
        let told = check([a, b, empty, folder.path().join("none.jpg")], "up/").unwrap_err();
        assert_eq!(told.lines().count(), 4, "{told}");
        for part in ["same name", "empty: has no images", "none.jpg: No such file"] {
            assert!(told.contains(part), "{told}");
        }
    }

    #[test]
    fn a_folder_stands_for_its_images() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.PNG", "a.jpg", "notes.txt", ".hidden.jpg"] {
            std::fs::write(folder.path().join(name), "x").unwrap();
        }
        std::fs::create_dir(folder.path().join("folder.jpg")).unwrap();
        std::fs::write(folder.path().join("folder.jpg/c.jpg"), "x").unwrap();
        let inputs = check([folder.path().to_owned()], "up/").unwrap();
        let keys: Vec<_> = inputs.iter().map(|input| input.key.as_str()).collect();
        assert_eq!(keys, ["up/a.jpg", "up/b.PNG"]);
    }
}
