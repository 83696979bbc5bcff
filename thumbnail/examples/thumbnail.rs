//! Makes thumbnails of files on disk, and prints a line of JSON for each file.
//!
//! `cargo run --release -p thumbnail --example thumbnail -- [--sizes 100,300,500] [--out DIR] FILE…`

use std::{fs, path::Path, process::ExitCode, time::Instant};

use serde_json::{Value, json};
use thumbnail::{Motion, Options, Size, SourceInfo, Thumbnail};

const USAGE: &str = "usage: thumbnail [--sizes 100,300,500] [--outputs source,webp:75] [--keep copyright,icc] \
                     [--animation keep] [--out DIR] FILE…";

fn main() -> ExitCode {
    match run(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("{message}\n{USAGE}");
            ExitCode::from(2)
        }
    }
}

fn run(mut arguments: impl Iterator<Item = String>) -> Result<(), String> {
    let mut options = Options::default();
    let mut out = None;
    let mut files = Vec::new();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value"));
        match argument.as_str() {
            "--sizes" => options.sizes = list(&value()?)?,
            "--outputs" => options.outputs = list(&value()?)?,
            "--keep" => options.keep = value()?.parse()?,
            "--animation" => options.animation = value()?.parse().map_err(str::to_owned)?,
            "--out" => out = Some(value()?),
            "--" => files.extend(arguments.by_ref()),
            option if option.starts_with("--") => return Err(format!("unknown option {option}")),
            _ => files.push(argument),
        }
    }
    if files.is_empty() {
        return Err("no file was named".into());
    }
    for file in files {
        println!("{}", describe(&file, out.as_deref(), &options));
    }
    Ok(())
}

fn list<T: std::str::FromStr<Err = String>>(text: &str) -> Result<Vec<T>, String> {
    text.split(',').map(|item| item.trim().parse()).collect()
}

/// Makes the thumbnails of one file, and returns the line about it.
fn describe(file: &str, out: Option<&str>, options: &Options) -> Value {
    let mut start = Instant::now();
    let rejected = |reason: &str, detail: String, source: Option<SourceInfo>, start: Instant| {
        json!({"file": file, "status": "rejected", "reason": reason, "detail": detail, "source": source.map(describe_source),
            "thumbnails": [], "decode_ms": 0.0, "total_ms": milliseconds(start.elapsed())})
    };
    let bytes = match fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => return rejected("unreadable", error.to_string(), None, start),
    };
    start = Instant::now();
    let made = match thumbnail::make(&bytes, options) {
        Ok(made) => made,
        Err(rejection) => return rejected(rejection.reason.code(), rejection.detail, rejection.source_info, start),
    };
    if let Some(Err(error)) = out.map(|out| write(out, file, &made)) {
        return rejected("unwritable", error.to_string(), Some(made.source), start);
    }
    let describe = |thumbnail: &Thumbnail| {
        json!({"size": size(thumbnail.size), "width": thumbnail.width, "height": thumbnail.height,
            "format": thumbnail.format.name(), "bytes": thumbnail.bytes.len()})
    };
    let (animation, animation_message) = animation(made.motion.as_ref());
    json!({"file": file, "status": "ok", "reason": null, "source": describe_source(made.source),
        "thumbnails": made.thumbnails.iter().map(describe).collect::<Vec<_>>(),
        "animation": animation, "animation_message": animation_message,
        "decode_ms": milliseconds(made.decode), "total_ms": milliseconds(made.total)})
}

fn describe_source(SourceInfo { width, height, format, frames }: SourceInfo) -> Value {
    json!({"width": width, "height": height, "format": format.name(), "frames": frames})
}

/// Describes what became of the animation, as image-processor reports it, and why it is not kept whole.
fn animation(motion: Option<&Motion>) -> (Option<&'static str>, Option<&str>) {
    match motion {
        None => (None, None),
        Some(Motion::Kept(message)) => (Some("keep"), message.as_deref()),
        Some(Motion::First(message)) => (Some("first"), Some(message)),
    }
}

/// Writes a plain width as a number, and any other size as it is spelt in a key.
fn size(size: Size) -> Value {
    match size {
        Size::Width(width) => width.into(),
        other => other.to_string().into(),
    }
}

/// Converts a time to milliseconds, with a precision of a microsecond.
fn milliseconds(time: std::time::Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// Writes the thumbnails to `out/{size}/{file name}`. Of several formats of a size, all but the first are appended to the name.
fn write(out: &str, file: &str, made: &thumbnail::Made) -> std::io::Result<()> {
    let name = Path::new(file).file_name().unwrap_or_default();
    for (index, thumbnail) in made.thumbnails.iter().enumerate() {
        let folder = Path::new(out).join(thumbnail.size.to_string());
        fs::create_dir_all(&folder)?;
        let first = made.thumbnails[..index].iter().all(|earlier| earlier.size != thumbnail.size);
        let mut path = folder.join(name);
        if !first {
            path.as_mut_os_string().push(format!(".{}", thumbnail.format.name()));
        }
        fs::write(path, &thumbnail.bytes)?;
    }
    Ok(())
}
