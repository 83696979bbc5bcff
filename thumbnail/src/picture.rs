//! Decoded pixels, with eight bits for each channel.

use std::borrow::Cow;

/// The meaning of the channels of a pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Model {
    Gray,
    GrayAlpha,
    Rgb,
    /// Not premultiplied.
    Rgba,
    /// Amounts of ink, where 0 is no ink.
    Cmyk,
}

impl Model {
    /// Returns the number of bytes of a pixel.
    pub(crate) fn channels(self) -> usize {
        match self {
            Self::Gray => 1,
            Self::GrayAlpha => 2,
            Self::Rgb => 3,
            Self::Rgba | Self::Cmyk => 4,
        }
    }

    pub(crate) fn has_alpha(self) -> bool {
        matches!(self, Self::GrayAlpha | Self::Rgba)
    }

    /// Returns whether no pixel of `pixels` is transparent.
    pub(crate) fn is_opaque(self, pixels: &[u8]) -> bool {
        // Combining all alphas is faster than testing each pixel.
        match self {
            Self::Rgba => pixels.as_chunks::<4>().0.iter().fold(255, |all, pixel| all & pixel[3]) == 255,
            Self::GrayAlpha => pixels.as_chunks::<2>().0.iter().fold(255, |all, pixel| all & pixel[1]) == 255,
            Self::Gray | Self::Rgb | Self::Cmyk => true,
        }
    }

    /// Converts a pixel of any model but `Cmyk` to red, green, blue and alpha.
    pub(crate) fn rgba(self, pixel: &[u8]) -> [u8; 4] {
        match (self, pixel) {
            (Self::Gray, &[v, ..]) => [v, v, v, 255],
            (Self::GrayAlpha, &[v, a, ..]) => [v, v, v, a],
            (Self::Rgb, &[r, g, b, ..]) => [r, g, b, 255],
            (_, &[r, g, b, a, ..]) => [r, g, b, a],
            _ => [0; 4],
        }
    }
}

/// A picture: rows of pixels from the top, without padding.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) model: Model,
    /// `width * height * model.channels()` bytes.
    pub(crate) data: Vec<u8>,
}

impl Picture {
    pub(crate) fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Converts the pixels of any model but `Cmyk` to red, green, blue and alpha.
    pub(crate) fn rgba(&self) -> Vec<u8> {
        if self.model == Model::Rgba {
            return self.data.clone();
        }
        self.data.chunks_exact(self.model.channels()).flat_map(|pixel| self.model.rgba(pixel)).collect()
    }

    /// Drops the alpha channel if all pixels are opaque.
    pub(crate) fn without_opaque_alpha(self) -> Self {
        if !self.model.has_alpha() || !self.model.is_opaque(&self.data) {
            return self;
        }
        self.drop_alpha(|pixel, out| out.extend_from_slice(&pixel[..pixel.len() - 1]))
    }

    /// Lays the picture on a background, given as red, green and blue.
    pub(crate) fn flattened(&self, background: [u8; 3]) -> Cow<'_, Self> {
        if !self.model.has_alpha() {
            return Cow::Borrowed(self);
        }
        let gray = background.iter().all(|&channel| channel == background[0]);
        if self.model == Model::GrayAlpha && !gray {
            return Cow::Owned(self.clone().into_rgb().flattened(background).into_owned());
        }
        Cow::Owned(self.drop_alpha(|pixel, out| {
            let (colours, alpha) = (&pixel[..pixel.len() - 1], u32::from(pixel[pixel.len() - 1]));
            for (&colour, back) in colours.iter().zip(background) {
                let sum = u32::from(colour) * alpha + u32::from(back) * (255 - alpha);
                out.push(u8::try_from((sum + 127) / 255).unwrap_or(255));
            }
        }))
    }

    fn drop_alpha(&self, mut push: impl FnMut(&[u8], &mut Vec<u8>)) -> Self {
        let model = if self.model == Model::GrayAlpha { Model::Gray } else { Model::Rgb };
        let mut data = Vec::with_capacity(self.data.len() / self.model.channels() * model.channels());
        for pixel in self.data.chunks_exact(self.model.channels()) {
            push(pixel, &mut data);
        }
        Self { model, data, ..*self }
    }

    /// Converts a grey picture to RGB; other pictures stay as they are.
    pub(crate) fn into_rgb(self) -> Self {
        match self.model {
            Model::Gray => Self { model: Model::Rgb, data: self.data.iter().flat_map(|&v| [v; 3]).collect(), ..self },
            Model::GrayAlpha => Self { model: Model::Rgba, data: self.rgba(), ..self },
            _ => self,
        }
    }
}
