//! SVG, drawn at the size that is needed.

use std::iter::successors;

use resvg::{
    tiny_skia::{Pixmap, Rect, Transform},
    usvg::{Group, Node, Path},
};

use super::{Decoded, Ratio};
use crate::{
    Reason, Rejection,
    header::{Header, svg::Drawing},
    picture::{Model, Picture},
};

pub(super) fn decode(header: &Header, drawing: &Drawing, ratio: Ratio) -> Result<Decoded, Rejection> {
    let (width, height) = (ratio.apply(header.width), ratio.apply(header.height));
    #[allow(clippy::cast_precision_loss)] // edges of pictures that were let in
    let scale = |stored: u32, drawn: f32| stored as f32 / drawn * ratio.to as f32 / ratio.from as f32;
    let (across, down) =
        (scale(header.width, drawing.tree.size().width()), scale(header.height, drawing.tree.size().height()));
    let canvas = u64::from(width) * u64::from(height);
    Work { left: MOST_WORK, canvas, scale: across.max(down) }.draw(drawing.tree.root(), false)?;
    let mut pixmap = Pixmap::new(width, height).ok_or_else(|| Reason::Corrupt.because("the SVG has no size"))?;
    resvg::render(&drawing.tree, Transform::from_scale(across, down), &mut pixmap.as_mut());
    let data = pixmap.take_demultiplied();
    Ok(Picture { width, height, model: Model::Rgba, data }.into())
}

/// The maximum number of pixels to draw, which takes about two seconds.
const MOST_WORK: u64 = 1_000_000_000;

/// Counts the pixels that drawing would visit, by walking through the drawing.
struct Work {
    left: u64,
    /// The number of pixels of the picture.
    canvas: u64,
    scale: f32,
}

impl Work {
    fn spend(&mut self, pixels: u64) -> Result<(), Rejection> {
        let left = self.left.checked_sub(pixels);
        self.left = left.ok_or_else(|| Reason::TooComplex.because("drawing the SVG takes too long"))?;
        Ok(())
    }

    /// Counts the paths of a group. `hidden` paths belong to a clip or a mask, and count as if they filled the picture.
    fn draw(&mut self, group: &Group, hidden: bool) -> Result<(), Rejection> {
        /// The cost of an empty group, in pixels.
        const LEAST: u64 = 64;
        self.spend(LEAST + if group.should_isolate() { 4 * self.canvas } else { 0 })?;
        for clip in successors(group.clip_path(), |clip| clip.clip_path()) {
            self.spend(2 * self.canvas)?;
            self.draw(clip.root(), true)?;
        }
        for mask in successors(group.mask(), |mask| mask.mask()) {
            self.spend(4 * self.canvas)?;
            self.draw(mask.root(), true)?;
        }
        group.children().iter().try_for_each(|child| match child {
            Node::Group(group) => self.draw(group, hidden),
            Node::Path(path) => self.path(path, hidden),
            _ => Err(Reason::UnsupportedFormat.because("the SVG has pictures or text")),
        })
    }

    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)] // which saturate
    fn path(&mut self, path: &Path, hidden: bool) -> Result<(), Rejection> {
        /// The cost of a piece of a path, in pixels.
        const PIECE: u64 = 64;
        let bounds = path.abs_stroke_bounding_box();
        let area = |bounds: Rect| (bounds.width() * self.scale * bounds.height() * self.scale) as u64;
        let pixels = if hidden { self.canvas } else { area(bounds).min(self.canvas) };
        let pieces = path.data().len() as u64;
        self.spend(2 * pixels + pieces.saturating_mul(PIECE))?;
        let Some(dashes) = path.stroke().and_then(|stroke| stroke.dasharray()) else { return Ok(()) };
        // Each piece may be as long as the diagonal.
        let own = path.data().bounds();
        let length = (own.width() + own.height()) * pieces as f32;
        self.spend(((length / dashes.iter().sum::<f32>()) as u64).saturating_mul(PIECE))
    }
}
