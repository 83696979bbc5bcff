//! The crate `thumbnail` as a contestant. It reads one command a line, and answers each with a line: the bytes of all thumbnails together.
//!
//! | command | action |
//! |---|---|
//! | `make COUNT FILE` | makes the thumbnails COUNT times |
//! | `dump FOLDER FILE` | writes each thumbnail to FOLDER/WIDTH.file, and its pixels before encoding to FOLDER/WIDTH.pixels |
//! | `curve FOLDER FILE` | writes each thumbnail at several qualities, to FOLDER/WIDTH.QUALITY.file |
//!
//! With the argument `keep`, the thumbnails of animations are animated.
//!
//! A file stays in memory until a command names another one, so that repetitions do not measure the file system.

use std::{
    error::Error,
    fs,
    io::{self, Write},
    path::Path,
};

use thumbnail::{Animation, Format, Made, Options, Output};

/// The qualities of `curve`: around the usual ones, and near enough to interpolate between.
const QUALITIES: [u8; 9] = [40, 50, 60, 70, 75, 80, 85, 90, 95];

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let animation = if std::env::args().nth(1).as_deref() == Some("keep") { Animation::Keep } else { Animation::First };
    let options = Options { animation, ..Options::default() };
    let mut kept = (String::new(), Vec::new());
    for line in io::stdin().lines() {
        let line = line?;
        let [command, argument, file] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else {
            return Err(format!("{line:?} is not a command").into());
        };
        if kept.0 != file {
            kept = (file.to_owned(), fs::read(file).map_err(|error| format!("{file}: {error}"))?);
        }
        let bytes = match command {
            "make" => repeat(argument.parse()?, &kept.1, &options)?,
            "dump" => dump(Path::new(argument), &kept.1, &options)?,
            "curve" => curve(Path::new(argument), &kept.1, &options)?,
            _ => return Err(format!("{command:?} is not a command").into()),
        };
        println!("{bytes}");
        io::stdout().flush()?;
    }
    Ok(())
}

fn repeat(count: usize, source: &[u8], options: &Options) -> Result<usize> {
    let mut bytes = 0;
    for _ in 0..count {
        bytes = size(&thumbnail::make(source, options)?);
    }
    Ok(bytes)
}

fn dump(folder: &Path, source: &[u8], options: &Options) -> Result<usize> {
    let made = thumbnail::make(source, options)?;
    for thumbnail in &made.thumbnails {
        fs::write(folder.join(format!("{}.file", thumbnail.size)), &thumbnail.bytes)?;
    }
    // PNG is lossless, so it holds exactly the pixels that an encoder gets.
    let lossless = Options { outputs: vec![Output { format: Some(Format::Png), quality: None }], ..Options::default() };
    for thumbnail in thumbnail::make(source, &lossless)?.thumbnails {
        fs::write(folder.join(format!("{}.pixels", thumbnail.size)), &thumbnail.bytes)?;
    }
    Ok(size(&made))
}

fn curve(folder: &Path, source: &[u8], options: &Options) -> Result<usize> {
    let mut bytes = 0;
    for quality in QUALITIES {
        let outputs = vec![Output { format: None, quality: Some(quality) }];
        let made = thumbnail::make(source, &Options { outputs, ..options.clone() })?;
        for thumbnail in &made.thumbnails {
            fs::write(folder.join(format!("{}.{quality}.file", thumbnail.size)), &thumbnail.bytes)?;
        }
        bytes += size(&made);
    }
    Ok(bytes)
}

fn size(made: &Made) -> usize {
    made.thumbnails.iter().map(|thumbnail| thumbnail.bytes.len()).sum()
}
