//! The crate `thumbnail` as a contestant: reads commands, a line each, and answers each with a line.
//!
//! | command | answer |
//! |---|---|
//! | `make COUNT FILE` | the bytes of all thumbnails of one making, after COUNT of them |
//! | `dump FOLDER FILE` | the same; writes each thumbnail as FOLDER/WIDTH.file, and as FOLDER/WIDTH.pixels what was encoded |
//! | `curve FOLDER FILE` | the same; writes each thumbnail at several qualities, as FOLDER/WIDTH.QUALITY.file |
//!
//! With the argument `keep`, thumbnails of animations move.
//!
//! A file is read once and kept until another one is named, so that repetitions measure no file system.

use std::{
    error::Error,
    fs,
    io::{self, Write},
    path::Path,
};

use thumbnail::{Animation, Format, Made, Options, Output};

/// Around those that people use, near enough to one another to tell what lies between.
const QUALITIES: [u8; 9] = [40, 50, 60, 70, 75, 80, 85, 90, 95];

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn main() -> Result<()> {
    let animation = if std::env::args().nth(1).as_deref() == Some("keep") { Animation::Keep } else { Animation::First };
    let options = Options { animation, ..Options::default() };
    let mut kept = (String::new(), Vec::new());
    for line in io::stdin().lines() {
        let line = line?;
        let [command, argument, file] = line.splitn(3, ' ').collect::<Vec<_>>()[..] else {
            return Err(format!("{line:?} is no command").into());
        };
        if kept.0 != file {
            kept = (file.to_owned(), fs::read(file).map_err(|error| format!("{file}: {error}"))?);
        }
        let bytes = match command {
            "make" => repeat(argument.parse()?, &kept.1, &options)?,
            "dump" => dump(Path::new(argument), &kept.1, &options)?,
            "curve" => curve(Path::new(argument), &kept.1, &options)?,
            _ => return Err(format!("{command:?} is no command").into()),
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
    // PNG is lossless: it holds the very pixels that an encoder gets.
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
