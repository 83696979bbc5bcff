//! GIF: the first frame, on a transparent screen.

use std::io::Read;

use gif::{ColorOutput, DecodeOptions, DecodingError, MemoryLimit};

use super::nearly_whole;
use crate::{
    Reason, Rejection,
    header::{Header, gif::Coding},
    picture::{Model, Picture},
    shrink::{self, Shrink},
};

pub(super) fn decode(bytes: &[u8], header: &Header, coding: &Coding, wanted: (u32, u32)) -> Result<Picture, Rejection> {
    let refuse = |error: DecodingError| refusal(&error);
    let mut options = DecodeOptions::new();
    options.set_color_output(ColorOutput::Indexed);
    // The frame's size was checked against the limits already.
    options.set_memory_limit(MemoryLimit::Unlimited);
    // Extensions, of which the header took what counts, are kept from the decoder: unknown ones are no reason to refuse a picture.
    let (screen, frame) = (bytes.get(..coding.screen_end), bytes.get(coding.frame..));
    let file = screen.unwrap_or_default().chain(frame.unwrap_or_default());
    let mut decoder = options.read_info(file).map_err(refuse)?;
    let frame = decoder.next_frame_info().map_err(refuse)?;
    let frame = frame.ok_or_else(|| Reason::Corrupt.because("the GIF has no frame"))?;
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let (width, height) = (usize::from(frame.width), usize::from(frame.height));
    let (transparent, interlaced) = (coding.transparent, frame.interlaced);
    let colours = colours(decoder.palette().map_err(refuse)?, transparent);

    let size = header.size();
    let covers = (width, height) == (size.0 as usize, size.1 as usize);
    let model = if covers && transparent.is_none() { Model::Rgb } else { Model::Rgba };
    let mut shrink = Shrink::new(size, model, shrink::factor(size, wanted));
    let clear = vec![0; size.0 as usize * model.channels()];
    (0..top).for_each(|_| shrink.row(&clear));
    let mut line = clear.clone();
    let mut show = |indices: &[u8]| {
        for (pixel, &index) in line[left * model.channels()..].chunks_exact_mut(model.channels()).zip(indices) {
            pixel.copy_from_slice(&colours[usize::from(index)][..model.channels()]);
        }
        shrink.row(&line);
    };

    // Rows in another order than from the top are kept, by their indices, until all are there.
    let mut kept = vec![0; if interlaced { width * height } else { width }];
    let mut row = vec![0; width];
    let (mut done, mut end) = (0, None);
    for y in rows(height, interlaced) {
        if end.is_none() {
            // Damaged data may still fill the beginning of a row; what matters is how many rows are whole.
            match decoder.fill_buffer(&mut row) {
                Ok(true) => done += 1,
                Ok(false) => end = Some(None),
                Err(error) => end = Some(Some(error)),
            }
        }
        // A row that is missing is like the one above it.
        let at = if interlaced { y * width } else { 0 };
        match end {
            None => kept[at..at + width].copy_from_slice(&row),
            Some(_) if interlaced && y > 0 => kept.copy_within(at - width..at, at),
            Some(_) => {}
        }
        if !interlaced {
            show(&kept);
        }
    }
    if !nearly_whole(done, height as u64) {
        // Data that end early have many errors in this decoder; what tells them apart is that no trailer follows.
        return Err(match end {
            Some(Some(error)) if bytes.ends_with(b";") => refusal(&error),
            _ => cut(done, height),
        });
    }
    if interlaced {
        kept.chunks_exact(width.max(1)).for_each(show);
    }
    (top + height..size.1 as usize).for_each(|_| shrink.row(&clear));
    shrink.finish().ok_or_else(|| Reason::Corrupt.because("the GIF's frame has no pixels"))
}

/// The colour of each index: red, green, blue, alpha.
fn colours(palette: &[u8], transparent: Option<u8>) -> [[u8; 4]; 256] {
    let mut colours = [[0, 0, 0, 255]; 256];
    for (colour, entry) in colours.iter_mut().zip(palette.chunks_exact(3)) {
        colour[..3].copy_from_slice(entry);
    }
    if let Some(index) = transparent {
        colours[usize::from(index)] = [0; 4];
    }
    colours
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
