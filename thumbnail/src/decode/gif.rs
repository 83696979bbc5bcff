//! GIF: the first frame, on a transparent screen.

use gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};

use super::nearly_whole;
use crate::{
    Reason, Rejection,
    header::Header,
    picture::{Model, Picture},
};

pub(super) fn decode(bytes: &[u8], header: &Header) -> Result<Picture, Rejection> {
    let refuse = |error: DecodingError| refusal(&error);
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    // The frame's size was checked against the limits already.
    options.set_memory_limit(MemoryLimit::Unlimited);
    let mut decoder = options.read_info(bytes).map_err(refuse)?;
    let frame = decoder.next_frame_info().map_err(refuse)?;
    let frame = frame.ok_or_else(|| Reason::Corrupt.because("the GIF has no frame"))?;
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let (frame_width, frame_height) = (usize::from(frame.width), usize::from(frame.height));
    let (transparent, interlaced) = (frame.transparent, frame.interlaced);
    let palette = decoder.palette().map_err(refuse)?.to_vec();

    let (width, height) = header.size();
    let covers = (frame_width, frame_height) == (width as usize, height as usize);
    let model = if covers && transparent.is_none() { Model::Rgb } else { Model::Rgba };
    let channels = model.channels();
    let mut data = vec![0; width as usize * height as usize * channels];
    let mut line = vec![0; frame_width];
    let mut done = 0;
    let mut failure = None;
    for y in rows(frame_height, interlaced) {
        // Damaged data may still fill the beginning of a line; what matters is how many lines are whole.
        match decoder.fill_buffer(&mut line) {
            Ok(true) => done += 1,
            Ok(false) => break,
            Err(error) => {
                failure = Some(error);
                break;
            }
        }
        let at = ((top + y) * width as usize + left) * channels;
        for (pixel, &index) in data[at..].chunks_exact_mut(channels).zip(&line) {
            if transparent == Some(index) {
                continue;
            }
            let colour = palette.get(3 * usize::from(index)..).and_then(|rest| rest.get(..3)).unwrap_or(&[0; 3]);
            pixel[..3].copy_from_slice(colour);
            if let Some(alpha) = pixel.get_mut(3) {
                *alpha = 255;
            }
        }
    }
    if !nearly_whole(done, frame_height as u64) {
        // Data that end early have many errors in this decoder; what tells them apart is that no trailer follows.
        return Err(match &failure {
            Some(error) if bytes.ends_with(b";") => refusal(error),
            _ => cut(done, frame_height),
        });
    }
    Ok(Picture { width, height, model, data })
}

/// The rows of a frame in the order in which they are stored.
fn rows(height: usize, interlaced: bool) -> Box<dyn Iterator<Item = usize>> {
    if interlaced {
        Box::new(
            [(0, 8), (4, 8), (2, 4), (1, 2)].into_iter().flat_map(move |(start, step)| (start..height).step_by(step)),
        )
    } else {
        Box::new(0..height)
    }
}

fn cut(done: u64, height: usize) -> Rejection {
    Reason::Truncated.because(format!("only {done} of the GIF's {height} rows are there"))
}

fn refusal(error: &DecodingError) -> Rejection {
    match error {
        DecodingError::Io(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            Reason::Truncated.because("the GIF ends before its picture does")
        }
        error => Reason::Corrupt.because(format!("GIF: {error}")),
    }
}
