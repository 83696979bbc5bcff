//! Compares scaled-jpeg with libjpeg-turbo.
//!
//! - `jpeg-bench speed FILE…` prints how many times faster scaled-jpeg is, as a table, or as JSON if `JSON=1`.
//! - `jpeg-bench streams FILE…` prints how much faster it is by decoding several places of a scan at once.
//! - `jpeg-bench likeness FILE…` prints whose thumbnails are nearer to their source, and fails if ours are further away.
//!
//! `ROUNDS` sets the number of rounds that are measured.

use std::{iter, process::ExitCode};

use jpeg_bench::{File, files, likeness, smaller, speed};
use scaled_jpeg::Scale;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [command, paths @ ..] if command == "speed" => speed(&files(paths)),
        [command, paths @ ..] if command == "streams" => streams(&files(paths)),
        [command, paths @ ..] if command == "likeness" => likeness(&files(paths)),
        _ => {
            eprintln!("usage: jpeg-bench speed|streams|likeness FILE…");
            ExitCode::FAILURE
        }
    }
}

fn rounds() -> usize {
    std::env::var("ROUNDS").map_or(11, |rounds| rounds.parse().expect("ROUNDS is a number"))
}

fn streams(files: &[File]) -> ExitCode {
    let title = |scale: &Scale| format!(" {}/8 |", scale.eighths());
    let scales = Scale::ALL;
    println!("\nSequential files: how many times faster several places at once are decoded than one at a time\n");
    println!("| file |{}", scales.iter().map(title).collect::<String>());
    println!("|---|{}", "--:|".repeat(scales.len()));
    let mut logs = vec![0.0; scales.len()];
    for file in files {
        print!("| {} |", file.name);
        for (log, &scale) in logs.iter_mut().zip(&scales) {
            let times = speed::median(speed::streams(file, scale, rounds()));
            *log += times.ln() / files.len() as f64;
            print!(" {times:.2} |");
        }
        println!();
    }
    println!("| geometric mean |{}", logs.iter().map(|log| format!(" {:.2} |", log.exp())).collect::<String>());
    ExitCode::SUCCESS
}

fn speed(files: &[File]) -> ExitCode {
    let rounds = rounds();
    let json = std::env::var("JSON").is_ok_and(|json| json == "1");
    if !json {
        println!("| file | coding | scale | ours, ms | libjpeg-turbo, ms | × |\n|---|---|---|--:|--:|--:|");
    }
    let mut all = Vec::new();
    for measured in files.iter().flat_map(|file| speed::measure(file, rounds)) {
        let (file, coding, eighths) = (measured.file, measured.coding, measured.scale.eighths());
        if json {
            let rounded = |times: &[f64]| times.iter().map(|time| (time * 1e3).round() / 1e3).collect::<Vec<_>>();
            let (ours, turbo) = (rounded(&measured.ours), rounded(&measured.turbo));
            let line =
                serde_json::json!({ "file": file, "coding": coding, "eighths": eighths, "ours": ours, "turbo": turbo });
            all.push(line);
        } else {
            let (ours, turbo) = (speed::median(measured.ours.clone()), speed::median(measured.turbo.clone()));
            println!("| {file} | {coding} | {eighths}/8 | {ours:.1} | {turbo:.1} | {:.2} |", measured.times());
        }
    }
    if json {
        println!("{}", serde_json::Value::from(all));
    }
    ExitCode::SUCCESS
}

fn likeness(files: &[File]) -> ExitCode {
    println!("| file | coding | scale | width | before encoding | lead | after it | lead |");
    println!("|---|---|---|--:|--:|--:|--:|--:|");
    let (mut behind, mut count) = (0, 0);
    for photo in files {
        let smaller = smaller(photo);
        for (file, found) in
            [photo].into_iter().chain(&smaller).flat_map(|file| iter::repeat(file).zip(likeness::compare(file)))
        {
            let short = found.lead() < -likeness::MARGIN;
            (behind, count) = (behind + u32::from(short), count + 1);
            let (name, coding, eighths, width) = (&file.name, found.coding, found.scale.eighths(), found.width);
            let pair = |(ours, turbo): (f64, f64)| format!("{ours:.4} | {:+.4}", ours - turbo);
            let (pixels, shown) = (pair(found.pixels), pair(found.file));
            let mark = if short { " behind |" } else { "" };
            println!("| {name} | {coding} | {eighths}/8 | {width} | {pixels} | {shown} |{mark}");
        }
    }
    println!("\nSSIM of {behind} of {count} thumbnails is behind libjpeg-turbo's by more than {}.", likeness::MARGIN);
    if behind == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
