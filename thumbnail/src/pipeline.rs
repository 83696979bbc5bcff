//! The pipeline: the steps from bytes to thumbnails, in order.

use std::time::{Duration, Instant};

use crate::{
    Animation, Incoming, Look, Made, Options, Rejection, Size, Thumbnail, admission, animation, colour,
    decode::{self, Ahead, Ratio},
    encode::{self, Encoding, Metadata},
    header::{self, Coding, Header},
    picture::Picture,
    plan::Plan,
    reason::contained,
    resample,
};

/// Makes all thumbnails of `source`, which is decoded once.
///
/// # Errors
/// Returns a [`Rejection`] if the bytes are not a supported image, exceed a limit, or make a decoder panic.
pub fn make(source: &[u8], options: &Options) -> Result<Made, Rejection> {
    make_with(source, options, None)
}

/// Makes all thumbnails of a source that still arrives. Blocks until it has arrived in full, and decodes JPEGs and PNGs meanwhile.
///
/// Returns `None` if the source never arrives in full. Errors are those of [`make`].
#[must_use]
pub fn make_incoming(source: Incoming, options: &Options) -> Option<Result<Made, Rejection>> {
    // An error here is ignored: the whole file decides.
    let ahead = contained(|| Ok(ahead(&source, options))).ok().flatten();
    Some(make_with(&source.whole()?, options, ahead))
}

fn make_with(source: &[u8], options: &Options, ahead: Option<Ahead>) -> Result<Made, Rejection> {
    let mut seen = None;
    contained(|| run(source, options, ahead, &mut seen))
        .map_err(|rejection| Rejection { source_info: rejection.source_info.or(seen), ..rejection })
}

/// Decodes a source while it arrives, if its format allows that and its header passes the limits.
fn ahead(source: &Incoming, options: &Options) -> Option<Ahead> {
    /// Most headers fit into the first of these lengths in bytes, and nearly all into the last.
    const STARTS: [usize; 3] = [64 << 10, 512 << 10, 4 << 20];
    let length = source.length();
    admission::check_bytes(length, &options.limits).ok()?;
    source.peek(STARTS[0], |start| header::sniff(start).filter(|&format| Ahead::is_possible(format)))??;
    let (header, min_size) = STARTS.into_iter().find_map(|start| {
        let read = source.peek(start, |start| {
            let header = header::read(start).ok()?;
            let plan = Plan::new(&header, &options.sizes);
            admission::check_header(&header, length, &plan, &options.limits).ok()?;
            // The profile borrows from the source, which keeps growing.
            Some((Header { icc: None, ..header }, plan.min_size))
        });
        read.flatten()
    })?;
    Some(Ahead::decode(source.reader(), &header, min_size, &options.limits))
}

/// Estimates an upper bound of the peak heap of [`make`] in bytes, including the source itself, from the header alone. This estimate is
/// compared with [`crate::Limits::max_memory`].
///
/// # Errors
/// Returns a [`Rejection`] if the header cannot be read.
pub fn memory_needed(source: &[u8], options: &Options) -> Result<u64, Rejection> {
    let header = header::read(source)?;
    let plan = Plan::new(&header, &options.sizes);
    Ok(admission::memory(&header, source.len(), &plan).saturating_add(source.len() as u64))
}

/// Runs the pipeline.
fn run(
    source: &[u8],
    options: &Options,
    ahead: Option<Ahead>,
    seen: &mut Option<crate::SourceInfo>,
) -> Result<Made, Rejection> {
    let start = Instant::now();
    // 1. Limits on the file.
    admission::check_bytes(source.len(), &options.limits)?;
    // 2. Format by magic bytes; size, orientation and coding by the header.
    let header = header::read(source)?;
    *seen = Some(header.source());
    // 3. Dimensions of each thumbnail, and the size to decode to.
    let plan = Plan::new(&header, &options.sizes);
    // 4. Limits on pixels, memory and time, before anything is allocated for them.
    admission::check_header(&header, source.len(), &plan, &options.limits)?;
    // 5. Decode once, reduced if the format allows it.
    let decoding = Instant::now();
    let spent = ahead.as_ref().map_or(Duration::ZERO, |ahead| ahead.spent);
    let decoded = decode::decode(source, &header, plan.min_size, &options.limits, ahead)?;
    let decode = spent + decoding.elapsed();
    // 6. Resample to the size of the largest thumbnail, so that all later steps have few pixels to process.
    let alpha = decoded.picture.model.has_alpha();
    let extent = extent(&decoded.picture, &header, &plan);
    let reduced = resample::reduce(decoded.picture, extent, header.orientation.swap(plan.largest))?;
    // 7. Convert colours to sRGB, unless thumbnails keep the source's profile.
    let icc = decoded.icc.as_deref().or(header.icc.as_deref());
    let metadata = Metadata::of(source, header.format, options.keep, reduced.model, icc);
    let coloured = if metadata.icc.is_some() { reduced } else { colour::to_srgb(reduced, icc) };
    // 8. Turn the picture upright.
    let upright = header.orientation.apply(coloured);
    // 9. Drop an alpha channel that is opaque everywhere.
    let master = upright.without_opaque_alpha();
    // 10. Make the thumbnails from large to small, and encode each in its formats.
    let encodings = |size| encodings(&header, alpha, size, options);
    let (mut thumbnails, smallest) = cascade(master, &plan, encodings, options.background, &metadata)?;
    // 11. Compute mean colour and placeholder from the smallest picture.
    let look = Look::of(&colour::to_srgb(smallest, metadata.icc.as_deref()), options.placeholder)?;
    // 12. Add the other frames, if thumbnails are animated.
    let encoding = |made: &Thumbnail| encodings(made.size).into_iter().find(|encoding| encoding.format == made.format);
    let motion = match options.animation {
        Animation::First => None,
        Animation::Keep => animation::animate(source, &header, &plan, encoding, &metadata, options, &mut thumbnails),
    };
    Ok(Made { source: header.source(), look, motion, thumbnails, decode, total: spent + start.elapsed() })
}

/// Returns the width and height of the part of a decoded picture that shows the source, in decoded pixels.
fn extent(picture: &Picture, header: &Header, plan: &Plan) -> (f64, f64) {
    let ratio = match decode::ratio(&header.coding, header.size(), plan.min_size) {
        _ if picture.size() == header.size() => Ratio::WHOLE,
        ratio => ratio,
    };
    let shown = |stored: u32| f64::from(stored) * f64::from(ratio.to) / f64::from(ratio.from);
    let edge = |stored: u32, decoded: u32| shown(stored).min(f64::from(decoded));
    (edge(header.width, picture.width), edge(header.height, picture.height))
}

/// Lists the files to encode for `size`, each format once.
fn encodings(header: &Header, alpha: bool, size: Size, options: &Options) -> Vec<Encoding> {
    let paletted = matches!(header.coding, Coding::Png { paletted: true, .. });
    let mut encodings: Vec<Encoding> = Vec::new();
    for &output in options.outputs_of(size) {
        let encoding = Encoding::new(output, header.format, alpha, paletted, options);
        if !encodings.iter().any(|known| known.format == encoding.format) {
            encodings.push(encoding);
        }
    }
    encodings
}

/// Makes the thumbnails from large to small, each from the smallest picture of the whole source that is large enough. Returns the
/// smallest such picture, too.
fn cascade(
    master: Picture,
    plan: &Plan,
    encodings: impl Fn(Size) -> Vec<Encoding>,
    background: [u8; 3],
    metadata: &Metadata,
) -> Result<(Vec<Thumbnail>, Picture), Rejection> {
    let mut order: Vec<usize> = (0..plan.sizes.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(plan.sizes[i].1.scaled));
    let mut from = master;
    let mut made = Vec::with_capacity(order.len());
    for index in order {
        let (size, fit) = plan.sizes[index];
        let rendered = resample::render(&from, &fit)?;
        for encoding in encodings(size) {
            let bytes = encode::encode(&rendered, encoding, background, metadata)?;
            let (width, height) = rendered.size();
            made.push((index, Thumbnail { size, width, height, format: encoding.format, bytes }));
        }
        if fit.is_whole() {
            from = rendered;
        }
    }
    made.sort_by_key(|&(index, _)| index);
    Ok((made.into_iter().map(|(_, thumbnail)| thumbnail).collect(), from))
}

#[cfg(test)]
mod tests {
    use std::{sync::mpsc, thread};

    use super::*;
    use crate::{Format, incoming, picture::Model};

    #[test]
    fn jpegs_and_pngs_are_decoded_before_their_file_is_whole() {
        let (width, height) = (1600, 1200);
        let data = (0..width * height).map(|i: u32| (i.wrapping_mul(2_654_435_761) >> 26) as u8).collect();
        let picture = Picture { width, height, model: Model::Gray, data };
        for format in [Format::Jpeg, Format::Png] {
            // Cameras append previews; anything may follow a picture.
            let mut file = encode::encode(
                &picture,
                Encoding { format, quality: 90, paletted: false },
                [0; 3],
                &Metadata::default(),
            )
            .unwrap();
            let (feed, source) = incoming(file.len() + 1);
            feed.send(&file);
            let options = Options { sizes: vec!["300".parse().unwrap()], ..Options::default() };
            let (done, decoded) = mpsc::channel();
            let asked = options.clone();
            thread::spawn(move || done.send(ahead(&source, &asked)));
            let ahead = decoded.recv_timeout(Duration::from_mins(1)).unwrap();
            drop(feed);

            // What was decoded is used, so damage that the file gets afterwards does not show.
            let expected = make(&file, &options).unwrap();
            let length = file.len();
            file[length / 3..length / 2].fill(0);
            let made = make_with(&file, &options, ahead).unwrap();
            assert_eq!(made.thumbnails[0].bytes, expected.thumbnails[0].bytes, "{format}");
        }
    }
}
