//! The order of the work, from bytes to thumbnails.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    time::{Duration, Instant},
};

use crate::{
    Animation, Incoming, Look, Made, Options, Reason, Rejection, Size, Thumbnail, admission, animation, colour,
    decode::{self, Ahead, Ratio},
    encode::{self, Metadata, Target},
    header::{self, Coding, Header, PngChannels},
    picture::Picture,
    plan::Plan,
    resize,
};

/// Makes all thumbnails of `source`, decoding it once.
///
/// # Errors
/// [`Rejection`] where the bytes are no image that this crate can show, or exceed a limit. A panic in a decoder is one too.
pub fn make(source: &[u8], options: &Options) -> Result<Made, Rejection> {
    judge(source, options, None)
}

/// Does what [`make`] does with a source that is still on its way, which blocks until that has come: meanwhile large PNGs, and
/// JPEGs that are larger than needed, are decoded. Nothing is said of a source before it is whole; none where it never is.
#[must_use]
pub fn make_incoming(source: Incoming, options: &Options) -> Option<Result<Made, Rejection>> {
    // Whatever this comes to is not trusted before the whole file was looked at.
    let ahead = contained(|| Ok(ahead(&source, options))).ok().flatten();
    Some(judge(&source.whole()?, options, ahead))
}

fn judge(source: &[u8], options: &Options, ahead: Option<Ahead>) -> Result<Made, Rejection> {
    let mut seen = None;
    contained(|| run(source, options, ahead, &mut seen))
        .map_err(|rejection| Rejection { source_info: rejection.source_info.or(seen), ..rejection })
}

/// Decodes a source while it comes, where that can be done and where what came first says that it is let in.
fn ahead(source: &Incoming, options: &Options) -> Option<Ahead> {
    /// Most headers are complete in the first of these, nearly all in the last.
    const STARTS: [usize; 3] = [64 << 10, 512 << 10, 4 << 20];
    let length = source.length();
    admission::check_bytes(length, &options.limits).ok()?;
    source.peek(STARTS[0], |start| header::sniff(start).filter(|&format| Ahead::is_possible(format)))??;
    let (header, wanted) = STARTS.into_iter().find_map(|start| {
        let read = source.peek(start, |start| {
            let header = header::read(start).ok()?;
            let plan = Plan::new(&header, &options.sizes);
            admission::check_header(&header, length, &plan, &options.limits).ok()?;
            // The profile lies in the source, which goes on growing.
            Some((Header { icc: None, ..header }, plan.wanted))
        });
        read.flatten()
    })?;
    Some(Ahead::decode(source.reader(), &header, wanted, &options.limits))
}

/// Does the work; a panic in it is a rejection.
pub(crate) fn contained<T>(work: impl FnOnce() -> Result<T, Rejection>) -> Result<T, Rejection> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|panic| {
        let message = panic.downcast_ref::<&str>().map(ToString::to_string);
        let message = message.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(Reason::DecoderPanic.because(format!("a decoder panicked: {message}")))
    })
}

/// Heap that [`make`] would take for `source` at its peak, in bytes, the source itself included: estimated from the header,
/// from above. It is what [`crate::Limits::max_memory`] is compared with.
///
/// # Errors
/// [`Rejection`] where the header is none that this crate can read.
pub fn memory_needed(source: &[u8], options: &Options) -> Result<u64, Rejection> {
    let header = header::read(source)?;
    let plan = Plan::new(&header, &options.sizes);
    Ok(admission::memory(&header, source.len(), &plan).saturating_add(source.len() as u64))
}

/// The pipeline, top to bottom.
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
    // 3. What each size comes to, and how large the one picture must be that all are made from.
    let plan = Plan::new(&header, &options.sizes);
    // 4. Limits on pixels, memory and time, before anything is allocated for them.
    admission::check_header(&header, source.len(), &plan, &options.limits)?;
    // 5. Decode, once, no larger than needed where the format allows it.
    let decoding = Instant::now();
    let spent = ahead.as_ref().map_or(Duration::ZERO, |ahead| ahead.spent);
    let decoded = decode::decode(source, &header, plan.wanted, &options.limits, ahead)?;
    let decode = spent + decoding.elapsed();
    // 6. Reduce to the largest thumbnail. All later steps have little to do.
    let alpha = decoded.picture.model.has_alpha();
    let extent = extent(&decoded.picture, &header, &plan);
    let reduced = resize::reduce(decoded.picture, extent, header.orientation.swap(plan.largest))?;
    // 7. Colours to sRGB, unless thumbnails keep the source's.
    let icc = decoded.icc.as_deref().or(header.icc.as_deref());
    let metadata = Metadata::of(source, header.format, options.keep, reduced.model, icc);
    let coloured = if metadata.icc.is_some() { reduced } else { colour::to_srgb(reduced, icc) };
    // 8. Upright, once.
    let upright = header.orientation.apply(coloured);
    // 9. An alpha channel that says nothing is left out.
    let master = upright.without_opaque_alpha();
    // 10. From large to small, and each into its files.
    let targets = |size| targets(&header, alpha, size, options);
    let (mut thumbnails, smallest) = cascade(master, &plan, targets, options.background, &metadata)?;
    // 11. What the source shows in short, told of the smallest.
    let look = Look::of(&colour::to_srgb(smallest, metadata.icc.as_deref()), options.placeholder)?;
    // 12. All frames of an animation, where thumbnails are to move.
    let target = |made: &Thumbnail| targets(made.size).into_iter().find(|target| target.format == made.format);
    let motion = match options.animation {
        Animation::First => None,
        Animation::Keep => animation::animate(source, &header, &plan, target, &metadata, options, &mut thumbnails),
    };
    Ok(Made { source: header.source(), look, motion, thumbnails, decode, total: spent + start.elapsed() })
}

/// How much of a decoded picture shows the source, in its own pixels.
fn extent(picture: &Picture, header: &Header, plan: &Plan) -> (f64, f64) {
    let ratio = match decode::ratio(&header.coding, header.size(), plan.wanted) {
        _ if picture.size() == header.size() => Ratio::WHOLE,
        ratio => ratio,
    };
    let shown = |stored: u32| f64::from(stored) * f64::from(ratio.to) / f64::from(ratio.from);
    let edge = |stored: u32, decoded: u32| shown(stored).min(f64::from(decoded));
    (edge(header.width, picture.width), edge(header.height, picture.height))
}

/// The files to make of the thumbnail of a size: every format once.
fn targets(header: &Header, alpha: bool, size: Size, options: &Options) -> Vec<Target> {
    let paletted = matches!(header.coding, Coding::Png { channels: PngChannels::Palette, .. });
    let mut targets: Vec<Target> = Vec::new();
    for &output in options.outputs_of(size) {
        let target = Target::new(output, header.format, alpha, paletted, options);
        if !targets.iter().any(|known| known.format == target.format) {
            targets.push(target);
        }
    }
    targets
}

/// Makes the thumbnails from large to small, each from the one before it, which is the smallest that is large enough. Hands back
/// the last of those pictures, too.
fn cascade(
    master: Picture,
    plan: &Plan,
    targets: impl Fn(Size) -> Vec<Target>,
    background: [u8; 3],
    metadata: &Metadata,
) -> Result<(Vec<Thumbnail>, Picture), Rejection> {
    let mut order: Vec<usize> = (0..plan.sizes.len()).collect();
    order.sort_by_key(|&i| std::cmp::Reverse(plan.sizes[i].1.scaled));
    let mut from = master;
    let mut made = Vec::with_capacity(order.len());
    for index in order {
        let (size, fit) = plan.sizes[index];
        let rendered = resize::render(&from, &fit)?;
        for target in targets(size) {
            let bytes = encode::encode(&rendered, target, background, metadata)?;
            let (width, height) = rendered.size();
            made.push((index, Thumbnail { size, width, height, format: target.format, bytes }));
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
            let mut file =
                encode::encode(&picture, Target { format, quality: 90, paletted: false }, [0; 3], &Metadata::default())
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
            let made = judge(&file, &options, ahead).unwrap();
            assert_eq!(made.thumbnails[0].bytes, expected.thumbnails[0].bytes, "{format}");
        }
    }

    #[test]
    fn a_panic_is_a_rejection_that_tells_its_message() {
        let file = [1, 2, 3];
        let rejection = contained(|| Ok(file[std::hint::black_box(3)])).unwrap_err();
        assert_eq!(rejection.reason.code(), "decoder-panic");
        assert!(rejection.detail.contains("index out of bounds"), "{}", rejection.detail);
    }
}
