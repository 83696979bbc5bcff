//! Compares all combinations of disposal, blending, place and transparency with a plain model.

mod unchanged;

use std::time::Duration;

use super::*;
use crate::{Animation, Output, Size, make as make_thumbnails};

/// A frame to write, pixel by pixel.
#[derive(Clone)]
struct Drawn {
    at: (u32, u32),
    size: (u32, u32),
    disposal: u8,
    blend: bool,
    /// In hundredths of a second for GIF, in milliseconds for WebP.
    delay: u32,
    pixels: Vec<[u8; 4]>,
}

const CANVAS: (u32, u32) = (12, 10);
const COLOURS: [[u8; 4]; 4] = [[0; 4], [250, 10, 20, 255], [10, 240, 30, 255], [20, 30, 230, 255]];

/// Returns the visible picture after each frame, composed pixel by pixel with a copy of every canvas.
fn model(frames: &[Drawn], size: (u32, u32)) -> Vec<Vec<u8>> {
    let mut canvas = vec![[0_u8; 4]; (size.0 * size.1) as usize];
    let mut seen = Vec::new();
    for frame in frames {
        let before = canvas.clone();
        let mut covered = Vec::new();
        for (i, pixel) in frame.pixels.iter().enumerate() {
            let i = u32::try_from(i).unwrap();
            let (x, y) = (frame.at.0 + i % frame.size.0, frame.at.1 + i / frame.size.0);
            if x < size.0 && y < size.1 {
                let place = (y * size.0 + x) as usize;
                covered.push(place);
                if pixel[3] == 255 || !frame.blend {
                    canvas[place] = *pixel;
                }
            }
        }
        seen.push(canvas.concat());
        for place in covered {
            match frame.disposal {
                2 => canvas[place] = [0; 4],
                3 => canvas[place] = before[place],
                _ => {}
            }
        }
    }
    seen
}

fn gif(frames: &[Drawn], loops: Option<u16>) -> Vec<u8> {
    let colours: Vec<u8> = COLOURS.iter().flat_map(|c| [c[0], c[1], c[2]]).collect();
    let edge = |edge: u32| u16::try_from(edge).unwrap();
    let mut encoder = ::gif::Encoder::new(Vec::new(), edge(CANVAS.0), edge(CANVAS.1), &colours).unwrap();
    match loops {
        None => {}
        Some(0) => encoder.set_repeat(::gif::Repeat::Infinite).unwrap(),
        Some(loops) => encoder.set_repeat(::gif::Repeat::Finite(loops)).unwrap(),
    }
    for frame in frames {
        let index = |pixel: &[u8; 4]| u8::try_from(COLOURS.iter().position(|c| c == pixel).unwrap()).unwrap();
        let dispose = match frame.disposal {
            0 => ::gif::DisposalMethod::Any,
            1 => ::gif::DisposalMethod::Keep,
            2 => ::gif::DisposalMethod::Background,
            _ => ::gif::DisposalMethod::Previous,
        };
        let frame = ::gif::Frame {
            left: edge(frame.at.0),
            top: edge(frame.at.1),
            width: edge(frame.size.0),
            height: edge(frame.size.1),
            delay: edge(frame.delay),
            dispose,
            transparent: Some(0),
            buffer: frame.pixels.iter().map(index).collect::<Vec<u8>>().into(),
            ..Default::default()
        };
        encoder.write_frame(&frame).unwrap();
    }
    encoder.into_inner().unwrap()
}

fn webp(frames: &[Drawn], loops: u16) -> Vec<u8> {
    let mut chunks = Vec::new();
    for frame in frames {
        let still =
            ::webp::Encoder::new(frame.pixels.as_flattened(), ::webp::PixelLayout::Rgba, frame.size.0, frame.size.1);
        let mut config = ::webp::WebPConfig::new().unwrap();
        (config.lossless, config.exact) = (1, 1);
        let still = still.encode_advanced(&config).unwrap();
        let picture = if &still[12..16] == b"VP8X" { &still[30..] } else { &still[12..] };
        chunks.extend(b"ANMF");
        chunks.extend(u32::try_from(picture.len() + 16).unwrap().to_le_bytes());
        for number in [frame.at.0 / 2, frame.at.1 / 2, frame.size.0 - 1, frame.size.1 - 1, frame.delay] {
            chunks.extend(&number.to_le_bytes()[..3]);
        }
        chunks.push(u8::from(frame.disposal == 2) | if frame.blend { 0 } else { 2 });
        chunks.extend(picture);
    }
    let mut file = b"RIFF".to_vec();
    file.extend(u32::try_from(36 + chunks.len()).unwrap().to_le_bytes());
    file.extend(b"WEBPVP8X\x0a\0\0\0\x12\0\0\0");
    file.extend([u8::try_from(CANVAS.0 - 1).unwrap(), 0, 0, u8::try_from(CANVAS.1 - 1).unwrap(), 0, 0]);
    // A red background, which browsers do not show.
    file.extend(b"ANIM\x06\0\0\0\0\0\xff\xff");
    file.extend(loops.to_le_bytes());
    file.extend(chunks);
    file
}

/// Returns the visible pictures of a file with their durations, and how many times the animation is played.
fn play(file: &[u8]) -> (Vec<(Vec<u8>, u32)>, u32) {
    let header = header::read(file).unwrap();
    let (mut frames, mut canvas) = (Frames::new(file, &header), Canvas::new(header.size()));
    let mut seen = Vec::new();
    while let Some(frame) = frames.next() {
        if show(&frame, &mut canvas, &Limits::default()).is_err() {
            break;
        }
        seen.push((canvas.rows().flatten().copied().collect(), frame.milliseconds));
    }
    (seen, frames.plays())
}

/// Joins pictures that follow each other and are the same.
fn merged(seen: Vec<(Vec<u8>, u32)>) -> Vec<(Vec<u8>, u32)> {
    let mut merged: Vec<(Vec<u8>, u32)> = Vec::new();
    for (picture, time) in seen {
        match merged.last_mut() {
            Some((last, total)) if *last == picture => *total += time,
            _ => merged.push((picture, time)),
        }
    }
    merged
}

/// Makes an animation of three frames for each combination of disposal and blending of the first two.
fn combinations(disposals: &[u8], blends: &[bool]) -> Vec<Vec<Drawn>> {
    let mut all = Vec::new();
    let mut random = 1_u32;
    let mut frame = |at: (u32, u32), size: (u32, u32), disposal, blend, clear: bool, delay| {
        let pixels = (0..size.0 * size.1).map(|_| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            COLOURS[if clear { random >> 30 } else { 1 + (random >> 16) % 3 } as usize]
        });
        Drawn { at, size, disposal, blend, delay, pixels: pixels.collect() }
    };
    for &one in disposals {
        for &two in disposals {
            for &blend in blends {
                for clear in [false, true] {
                    for (at, size) in [((0, 0), CANVAS), ((2, 4), (5, 3)), ((8, 6), (4, 4))] {
                        all.push(vec![
                            frame(at, size, one, blend, clear, 30),
                            frame((4, 2), (6, 6), two, blend, clear, 50),
                            frame((2, 2), (8, 5), 1, true, true, 70),
                        ]);
                    }
                }
            }
        }
    }
    all
}

fn kept(file: &[u8], output: &str) -> crate::Made {
    let outputs = vec![output.parse::<Output>().unwrap()];
    let sizes = vec![Size::Width(CANVAS.0)];
    let options = Options { sizes, outputs, animation: Animation::Keep, ..Options::default() };
    make_thumbnails(file, &options).unwrap()
}

#[test]
fn gifs_are_composed_and_written_as_the_model_says() {
    for frames in combinations(&[0, 1, 2, 3], &[true]) {
        let file = gif(&frames, Some(0));
        let (seen, plays) = play(&file);
        assert_eq!(plays, 0);
        let pictures: Vec<_> = seen.iter().map(|(picture, _)| picture.clone()).collect();
        assert!(pictures == model(&frames, CANVAS), "disposals {}, {}", frames[0].disposal, frames[1].disposal);
        assert_eq!(seen.iter().map(|(_, time)| *time).collect::<Vec<_>>(), [300, 500, 700]);

        let made = kept(&file, "source");
        assert_eq!((made.motion, made.source.frames), (Some(Motion::Kept(None)), 3));
        let (again, plays) = play(&made.thumbnails[0].bytes);
        assert_eq!(plays, 0);
        let (again, seen) = (merged(again), merged(seen));
        for (i, (one, other)) in seen.iter().zip(&again).enumerate() {
            assert_eq!(one, other, "frame {i} of disposals {}, {}", frames[0].disposal, frames[1].disposal);
        }
        assert_eq!(again.len(), seen.len(), "disposals {}, {}", frames[0].disposal, frames[1].disposal);
    }
}

#[test]
fn webps_are_composed_and_written_as_the_model_says() {
    for frames in combinations(&[1, 2], &[true, false]) {
        let frames: Vec<_> = frames.into_iter().map(|frame| Drawn { delay: frame.delay * 10 + 1, ..frame }).collect();
        let file = webp(&frames, 3);
        let (seen, plays) = play(&file);
        assert_eq!(plays, 3);
        let pictures: Vec<_> = seen.iter().map(|(picture, _)| picture.clone()).collect();
        assert!(pictures == model(&frames, CANVAS), "{} {}", frames[0].disposal, frames[0].blend);

        // In GIF exactly, but for times, which it has in hundredths of a second.
        let outputs = vec![Output { format: Some(Format::Gif), quality: None }];
        let (sizes, animation) = (vec![Size::Width(CANVAS.0)], Animation::Keep);
        let options = Options { sizes, outputs, animation, ..Options::default() };
        let made = make_thumbnails(&file, &options).unwrap();
        let (again, plays) = play(&made.thumbnails[0].bytes);
        assert_eq!(plays, 3);
        let only = |seen: Vec<(Vec<u8>, u32)>| merged(seen).into_iter().map(|(picture, _)| picture).collect::<Vec<_>>();
        assert!(only(again) == only(seen), "{} {}", frames[0].disposal, frames[0].blend);
    }
}

#[test]
fn a_frame_without_a_transparent_colour_can_become_transparent() {
    let colour = |i: u8| [i, 255 - i, i / 2, 255];
    let palette: Vec<u8> = (0..=255).flat_map(|i| colour(i)[..3].to_vec()).collect();
    let mut encoder = ::gif::Encoder::new(Vec::new(), 12, 22, &palette).unwrap();
    let all = ::gif::Frame {
        width: 12,
        height: 22,
        delay: 10,
        dispose: ::gif::DisposalMethod::Background,
        buffer: (0..=255).chain(0..8).collect::<Vec<_>>().into(),
        ..Default::default()
    };
    let small = ::gif::Frame {
        left: 8,
        top: 8,
        width: 4,
        height: 4,
        delay: 10,
        buffer: vec![200; 16].into(),
        ..Default::default()
    };
    encoder.write_frame(&all).unwrap();
    encoder.write_frame(&small).unwrap();
    let file = encoder.into_inner().unwrap();
    let (source, _) = play(&file);
    for format in ["source", "webp"] {
        let (seen, _) = play(&kept(&file, format).thumbnails[0].bytes);
        assert_eq!(seen.len(), 2, "{format}");
        let alpha = |picture: &[u8]| picture.iter().skip(3).step_by(4).copied().collect::<Vec<_>>();
        for ((seen, _), (source, _)) in seen.iter().zip(&source) {
            assert_eq!(alpha(seen), alpha(source), "{format}");
        }
        assert_eq!(alpha(&seen[1].0).into_iter().map(u32::from).sum::<u32>(), 16 * 255);
        let levels =
            seen[0].0.iter().zip(&source[0].0).map(|(a, b)| u32::from(a.abs_diff(*b))).sum::<u32>() / (12 * 22 * 4);
        assert!(levels < if format == "source" { 2 } else { 12 }, "{format}: {levels}");
    }
}

/// Lossy, so only what is transparent and when is compared exactly.
#[test]
fn a_gif_becomes_a_webp_that_shows_the_same() {
    for frames in combinations(&[1, 2, 3], &[true]) {
        let (seen, _) = play(&gif(&frames, None));
        let made = kept(&gif(&frames, None), "webp:95");
        assert_eq!((made.thumbnails[0].format, &made.motion), (Format::Webp, &Some(Motion::Kept(None))));
        let (again, plays) = play(&made.thumbnails[0].bytes);
        assert_eq!(plays, 1);
        let (seen, again) = (merged(seen), merged(again));
        assert_eq!(seen.len(), again.len());
        for ((one, time), (other, time_again)) in seen.iter().zip(&again) {
            assert_eq!(time, time_again);
            let alphas = |picture: &[u8]| picture.iter().skip(3).step_by(4).copied().collect::<Vec<u8>>();
            assert_eq!(alphas(one), alphas(other));
        }
    }
}

#[test]
fn times_are_those_of_browsers_and_rounding_does_not_add_up() {
    let frame = |i: u32, delay| Drawn {
        at: (0, 0),
        size: CANVAS,
        disposal: 1,
        blend: true,
        delay,
        pixels: vec![COLOURS[1 + i as usize % 3]; (CANVAS.0 * CANVAS.1) as usize],
    };
    let times = |file: &[u8]| play(file).0.into_iter().map(|(_, time)| time).collect::<Vec<_>>();
    let frames: Vec<_> = (0..).zip([0, 1, 2, 300]).map(|(i, delay)| frame(i, delay)).collect();
    assert_eq!(times(&kept(&gif(&frames, None), "source").thumbnails[0].bytes), [100, 100, 20, 3000]);
    let frames: Vec<_> = (0..).zip([0, 10, 11, 2]).map(|(i, delay)| frame(i, delay)).collect();
    assert_eq!(times(&kept(&webp(&frames, 0), "webp").thumbnails[0].bytes), [100, 100, 11, 100]);
    let frames: Vec<_> = (0..10).map(|i| frame(i, 33)).collect();
    let options = Options {
        sizes: vec![Size::Width(CANVAS.0)],
        outputs: vec![Output { format: Some(Format::Gif), quality: None }],
        animation: Animation::Keep,
        ..Options::default()
    };
    let made = make_thumbnails(&webp(&frames, 0), &options).unwrap();
    assert_eq!(times(&made.thumbnails[0].bytes).iter().sum::<u32>(), 330);
}

#[test]
fn loops_are_kept() {
    let frames = combinations(&[1], &[true]).remove(0);
    for (loops, plays) in [(None, 1), (Some(0), 0), (Some(1), 2), (Some(7), 8)] {
        for output in ["source", "webp"] {
            assert_eq!(play(&kept(&gif(&frames, loops), output).thumbnails[0].bytes).1, plays, "{loops:?} {output}");
        }
    }
}

#[test]
fn over_a_limit_the_first_frame_is_shown_and_said_why() {
    let file = gif(&combinations(&[1], &[true]).remove(0), None);
    let first = make_thumbnails(&file, &Options { sizes: vec![Size::Width(CANVAS.0)], ..Options::default() }).unwrap();
    assert_eq!(first.motion, None);
    for limits in [
        Limits { max_frames: 2, ..Limits::default() },
        Limits { max_animation_pixels: 3000, ..Limits::default() },
        Limits { max_animation_time: Duration::ZERO, ..Limits::default() },
    ] {
        let sizes = vec![Size::Width(CANVAS.0)];
        let options = Options { sizes, limits, animation: Animation::Keep, ..Options::default() };
        let made = make_thumbnails(&file, &options).unwrap();
        assert!(matches!(&made.motion, Some(Motion::First(why)) if why.contains("limit")), "{:?}", made.motion);
        assert_eq!(made.thumbnails[0].bytes, first.thumbnails[0].bytes);
    }
}

#[test]
fn formats_without_animation_show_the_first_frame() {
    let file = gif(&combinations(&[1], &[true]).remove(0), None);
    assert_eq!(kept(&file, "png").motion, None);
    assert_eq!(kept(&file, "jpeg").motion, None);
}

#[test]
fn of_a_cut_animation_the_frames_that_are_there_are_kept() {
    let frames: Vec<_> = combinations(&[1], &[true]).remove(0);
    for (file, all) in [(gif(&frames, None), 3), (webp(&frames, 1), 3)] {
        let mut counts = Vec::new();
        for length in 1..file.len() {
            let sizes = vec![Size::Width(CANVAS.0)];
            let options = Options { sizes, animation: Animation::Keep, ..Options::default() };
            if let Ok(made) = make_thumbnails(&file[..length], &options) {
                counts.push(play(&made.thumbnails[0].bytes).0.len());
            }
        }
        assert!(counts.is_sorted() && counts.contains(&2) && *counts.last().unwrap() >= all - 1, "{counts:?}");
    }
}

#[test]
fn a_broken_frame_ends_the_animation_and_the_reason_is_told() {
    let frames: Vec<_> = combinations(&[1], &[false]).remove(0);
    let mut file = webp(&frames, 1);
    // The last frame's bit stream.
    let at = file.windows(4).rposition(|chunk| chunk == b"VP8L").unwrap();
    file[at + 8] ^= 0xff;
    let made = kept(&file, "source");
    assert!(
        matches!(&made.motion, Some(Motion::Kept(Some(why))) if why.contains("2 of 3 frames")),
        "{:?}",
        made.motion
    );
    assert_eq!(play(&made.thumbnails[0].bytes).0.len(), 2);
}

#[test]
fn of_a_frame_larger_than_the_canvas_what_lies_on_it_is_shown() {
    let mut frames: Vec<_> = combinations(&[1], &[true]).remove(0);
    let mut larger = |size: (u32, u32)| {
        frames[1].size = size;
        frames[1].pixels = (0..size.0 * size.1).map(|i| COLOURS[1 + i as usize % 3]).collect();
        (kept(&gif(&frames, None), "source"), model(&frames, CANVAS))
    };
    let (made, model) = larger((15, 31));
    assert_eq!(made.motion, Some(Motion::Kept(None)));
    let seen: Vec<_> = play(&made.thumbnails[0].bytes).0.into_iter().map(|(picture, _)| picture).collect();
    assert!(seen == model);

    let (made, _) = larger((15, 33));
    assert!(matches!(&made.motion, Some(Motion::First(why)) if why.contains("too large")), "{:?}", made.motion);
}
