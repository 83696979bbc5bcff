//! Makes animated thumbnails: composes the frames of a GIF or an animated WebP as browsers do, and writes animations of all sizes.
//!
//! The file is read once, frame by frame. [`frames`] turns each frame into a still file, which the decoders of stills decode. [`canvas`]
//! draws it over the frames before. Then the whole canvas is reduced and passed to the writers ([`gif`], [`webp`]). Memory holds the
//! canvas, one frame, the part of the canvas that a frame will uncover again, and the files that are being written.

mod blocks;
mod canvas;
mod frames;
mod gif;
#[cfg(test)]
mod tests;
mod webp;

use std::{cmp::Reverse, time::Instant};

use crate::{
    Format, Limits, Options, Rejection, Thumbnail,
    box_filter::{self, BoxFilter},
    colour,
    decode::{self, Ratio},
    encode::{Encoding, Metadata},
    header::{self, Header},
    picture::{Model, Picture},
    plan::Plan,
    reason::contained,
    resample,
    size::Fit,
};

use canvas::Canvas;
use frames::{Frame, Frames};

/// What became of a source's animation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Motion {
    /// The thumbnails in GIF and WebP are animated. If they end before the source does, the text says why.
    Kept(Option<String>),
    /// All thumbnails show the first frame. The text says why.
    First(String),
}

/// The bytes of memory for each pixel of the canvas, or of a frame that is larger than the canvas.
const MEMORY: u64 = 32;

/// An animation that is being written: one size in one format.
enum Writer {
    Gif(gif::Writer),
    Webp(webp::Writer),
}

impl Writer {
    fn frame(&mut self, picture: &Picture, milliseconds: u32) -> Result<(), Rejection> {
        match self {
            Self::Gif(writer) => writer.frame(picture, milliseconds),
            Self::Webp(writer) => writer.frame(picture, milliseconds),
        }
    }

    /// The number of bytes written so far.
    fn length(&self) -> usize {
        match self {
            Self::Gif(writer) => writer.length(),
            Self::Webp(writer) => writer.length(),
        }
    }

    fn finish(self) -> Result<Vec<u8>, Rejection> {
        match self {
            Self::Gif(writer) => writer.finish(),
            Self::Webp(writer) => writer.finish(),
        }
    }
}

/// Replaces those of `thumbnails` that are GIF or WebP, and show the first frame, with animations. Returns `None` if the source has only
/// one frame, or if no thumbnail has a format with animation. `encoding` returns the encoding of a thumbnail.
pub(crate) fn animate(
    source: &[u8],
    header: &Header,
    plan: &Plan,
    encoding: impl Fn(&Thumbnail) -> Option<Encoding>,
    metadata: &Metadata,
    options: &Options,
    thumbnails: &mut [Thumbnail],
) -> Option<Motion> {
    let moving: Vec<usize> =
        (0..thumbnails.len()).filter(|&i| matches!(thumbnails[i].format, Format::Gif | Format::Webp)).collect();
    if header.frames() < 2 || moving.is_empty() {
        return None;
    }
    let mut outputs = Vec::new();
    for index in moving {
        let thumbnail = &thumbnails[index];
        let fit = plan.sizes.iter().find(|(size, _)| *size == thumbnail.size)?.1;
        outputs.push((index, fit, encoding(thumbnail)?));
    }
    // From large to small, because each picture is made from the one before.
    outputs.sort_by_key(|(_, fit, _)| Reverse(fit.scaled));
    let (order, outputs): (Vec<_>, Vec<_>) =
        outputs.into_iter().map(|(index, fit, encoding)| (index, (fit, encoding))).unzip();
    let named = |(files, early): (Vec<_>, _)| {
        let files =
            files.into_iter().zip(&outputs).map(|(file, (_, encoding))| metadata.add_names(file, encoding.format));
        Ok((files.collect::<Result<Vec<_>, _>>().map_err(said)?, early))
    };
    match make(source, header, plan, &outputs, &options.limits).and_then(named) {
        Ok((files, early)) => {
            order.into_iter().zip(files).for_each(|(index, file)| thumbnails[index].bytes = file);
            Some(Motion::Kept(early))
        }
        Err(reason) => Some(Motion::First(reason)),
    }
}

/// Makes the animations of `outputs`, which are sorted from large to small. Returns the files, and why they end early if they do.
///
/// # Errors
/// Returns why the thumbnails cannot be animated.
fn make(
    source: &[u8],
    header: &Header,
    plan: &Plan,
    outputs: &[(Fit, Encoding)],
    limits: &Limits,
) -> Result<(Vec<Vec<u8>>, Option<String>), String> {
    check(header, outputs, limits)?;
    let started = Instant::now();
    let mut frames = Frames::new(source, header);
    let mut canvas = Canvas::new(header.size());
    let mut writers = Vec::new();
    let mut shown = 0;
    let ended = loop {
        let Some(frame) = frames.next() else { break None };
        if let Err(why) = show(&frame, &mut canvas, limits) {
            break Some(why);
        }
        if shown == 0 {
            // Only here, because a GIF contains the number of repetitions between its screen and its first frame.
            writers = outputs
                .iter()
                .map(|(fit, encoding)| writer(fit, *encoding, frames.plays()))
                .collect::<Result<_, _>>()?;
        }
        let mut master = reduced(&canvas, header, plan).map_err(said)?;
        let mut rendered: Option<(Fit, Picture)> = None;
        for ((fit, _), writer) in outputs.iter().zip(&mut writers) {
            let picture = match rendered.take() {
                Some((of, picture)) if of == *fit => picture,
                _ => resample::render(&master, fit).map_err(said)?,
            };
            writer.frame(&picture, frame.milliseconds).map_err(said)?;
            if fit.is_whole() {
                master = picture.clone();
            }
            rendered = Some((*fit, picture));
        }
        shown += 1;
        let written: usize = writers.iter().map(Writer::length).sum();
        if written as u64 > limits.max_memory / 4 {
            return Err(format!("after {shown} frames its thumbnails have {written} bytes, too many for the memory"));
        }
        if started.elapsed() > limits.max_animation_time {
            let seconds = limits.max_animation_time.as_secs();
            return Err(format!("{shown} of {} frames took {seconds} seconds, which is the limit", header.frames()));
        }
    };
    // A damaged or cut file gives the frames before the damage.
    match ended {
        Some(why) if shown < 2 => Err(why),
        why => {
            let files = writers.into_iter().map(Writer::finish).collect::<Result<_, _>>().map_err(said)?;
            Ok((files, why.map(|why| format!("{shown} of {} frames are kept: {why}", header.frames()))))
        }
    }
}

/// Checks that an animation does not take too long or need too much memory, before any is allocated.
///
/// # Errors
/// Returns the limit that the animation exceeds.
fn check(header: &Header, outputs: &[(Fit, Encoding)], limits: &Limits) -> Result<(), String> {
    /// The number of pixels that are decoded in the time in which one is encoded.
    const CODING: u64 = 8;
    let area = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
    let (frames, canvas) = (header.frames(), area(header.size()));
    if frames > limits.max_frames {
        return Err(format!("{frames} frames are more than the limit of {}", limits.max_frames));
    }
    let coded: u64 = outputs.iter().map(|(fit, _)| area(fit.output)).sum();
    let work = u64::from(frames).saturating_mul(canvas + CODING * coded);
    if work > limits.max_animation_pixels {
        let most = limits.max_animation_pixels;
        return Err(format!("{frames} frames are {work} pixels' worth of work, more than the limit of {most}"));
    }
    // The canvas, the memory for decoding a frame, the pixels under the frame, and the pictures that each writer compares.
    let needed = MEMORY * canvas + 24 * coded;
    if needed > limits.max_memory / 2 {
        return Err(format!("about {needed} bytes of memory are needed for each frame, too many"));
    }
    Ok(())
}

fn writer(fit: &Fit, encoding: Encoding, plays: u32) -> Result<Writer, String> {
    if encoding.format == Format::Gif {
        gif::Writer::new(fit.output, plays).map(Writer::Gif).map_err(said)
    } else {
        Ok(Writer::Webp(webp::Writer::new(fit.output, plays, encoding)))
    }
}

/// Decodes a frame and draws it on the canvas.
fn show(frame: &Frame, canvas: &mut Canvas, limits: &Limits) -> Result<(), String> {
    /// The maximum area of a frame in canvases. Pixels outside of the canvas are decoded but not shown, as in browsers.
    const MOST: u64 = 4;
    let area = |(width, height): (u32, u32)| u64::from(width) * u64::from(height);
    let (filled, canvas_area) = (area((frame.width, frame.height)), area(canvas.size()));
    // `check` allowed every frame that is no larger than the canvas.
    if filled > canvas_area && (filled > MOST * canvas_area || MEMORY * filled > limits.max_memory / 2) {
        return Err(format!("a frame of {} x {} is too large for the canvas", frame.width, frame.height));
    }
    let Some(file) = &frame.file else {
        canvas.draw(frame, None);
        return Ok(());
    };
    let header = header::read(file).map_err(said)?;
    let size = (frame.width, frame.height);
    if header.size() != size {
        return Err("a frame has another size than its picture".to_owned());
    }
    // A panic of the decoder ends the animation, but the source keeps its thumbnails.
    let decoded = contained(|| decode::decode(file, &header, size, limits, None)).map_err(said)?;
    if decoded.picture.size() != size {
        return Err("a frame has another size than its picture".to_owned());
    }
    canvas.draw(frame, Some(&decoded.picture));
    Ok(())
}

/// Reduces the whole canvas to the size of the largest thumbnail, upright and in sRGB.
fn reduced(canvas: &Canvas, header: &Header, plan: &Plan) -> Result<Picture, Rejection> {
    let (width, height) = canvas.size();
    let ratio = Ratio { from: box_filter::factor((width, height), plan.min_size), to: 1 };
    let mut rows = BoxFilter::new((width, height), Model::Rgba, ratio.from);
    canvas.rows().for_each(|row| rows.row(row));
    let picture = rows.finish().ok_or_else(|| crate::Reason::EncodeFailed.because("a canvas has lost rows"))?;
    let edge = |edge: u32| f64::from(edge) / f64::from(ratio.from);
    let reduced = resample::reduce(picture, (edge(width), edge(height)), header.orientation.swap(plan.largest))?;
    Ok(header.orientation.apply(colour::to_srgb(reduced, header.icc.as_deref())))
}

/// Copies a rectangle out of an RGBA picture of `width` pixels a row.
fn part(pixels: &[u8], width: u32, [left, top, wide, high]: [u32; 4]) -> Vec<u8> {
    let mut found = Vec::with_capacity(wide as usize * high as usize * 4);
    for row in pixels.chunks_exact(width as usize * 4).skip(top as usize).take(high as usize) {
        found.extend_from_slice(&row[left as usize * 4..(left + wide) as usize * 4]);
    }
    found
}

#[allow(clippy::needless_pass_by_value)] // the shape that `map_err` takes
fn said(rejection: Rejection) -> String {
    rejection.detail
}
