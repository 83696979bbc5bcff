//! Checks the memory that animations take, as counted by the allocator.

use std::time::Duration;

use gif::{Encoder, Frame};
use peak_alloc::PeakAlloc;
use thumbnail::{Animation, Format, Limits, Motion, Options, Output, Size};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

const FRAMES: u16 = 500;
const EDGE: u16 = 500;

/// Makes an animation of a square that moves over a pattern, with frames as large as the canvas.
fn gif() -> Vec<u8> {
    let palette: Vec<u8> = (0..=255).flat_map(|level: u8| [level, level ^ 0x55, 255 - level]).collect();
    let mut encoder = Encoder::new(Vec::new(), EDGE, EDGE, &palette).unwrap();
    for number in 0..FRAMES {
        let is_square = |x: u16, y: u16| (number..number + 20).contains(&x) && (number..number + 20).contains(&y);
        let level = |x: u16, y: u16| if is_square(x, y) { 255 } else { u8::try_from((x / 16 + y / 16) % 200).unwrap() };
        let buffer: Vec<u8> = (0..EDGE).flat_map(|y| (0..EDGE).map(move |x| level(x, y))).collect();
        let frame = Frame { width: EDGE, height: EDGE, delay: 4, buffer: buffer.into(), ..Frame::default() };
        encoder.write_frame(&frame).unwrap();
    }
    encoder.into_inner().unwrap()
}

/// Makes the thumbnails of `file`, and returns them with the peak allocation in bytes.
fn peak(file: &[u8], options: &Options) -> (Vec<Vec<u8>>, usize) {
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage();
    let made = thumbnail::make(file, options).unwrap();
    let peak = HEAP.peak_usage() - before;
    assert_eq!(made.motion, Some(Motion::Kept(None)));
    assert_eq!(made.source.frames, u32::from(FRAMES));
    (made.thumbnails.into_iter().map(|thumbnail| thumbnail.bytes).collect(), peak)
}

#[test]
fn five_hundred_frames_take_thirty_megabytes_at_most() {
    let limits = Limits { max_animation_time: Duration::MAX, ..Limits::default() };
    let options = Options { animation: Animation::Keep, limits, ..Options::default() };
    let webp_options = Options {
        sizes: vec![Size::Width(EDGE.into())],
        outputs: vec![Output { format: Some(Format::Webp), quality: None }],
        ..options.clone()
    };
    let gif = gif();
    let (webp, from_gif) = peak(&gif, &webp_options);
    for (name, used) in
        [("GIF to WebP", from_gif), ("GIF", peak(&gif, &options).1), ("WebP", peak(&webp[0], &options).1)]
    {
        println!("{name}: {used} bytes");
        assert!(used <= 30_000_000, "{name}: {used} bytes");
    }
}
