//! The header of a file: its frame and its colours.

use crate::error::Error;

/// The properties of a JPEG that precede its first scan.
#[derive(Debug, Clone, Default)]
pub struct Header {
    /// The width in pixels as stored, before the Exif orientation is applied.
    pub width: u16,
    /// The height in pixels; 0 if only a segment behind the first scan contains it.
    pub height: u16,
    /// Whether the file is progressive: its scans refine each other.
    pub progressive: bool,
    /// Whether the first scan has all components, as in nearly all sequential files. Such a picture is made row by row.
    pub interleaved: bool,
    /// The components: one, three or four.
    pub components: Vec<Component>,
    /// Whether the file has a JFIF segment, which makes three components `YCbCr`.
    pub jfif: bool,
    /// The colour transform of an Adobe segment: 0 none, 1 `YCbCr`, 2 YCCK.
    pub adobe: Option<u8>,
    /// The first Exif segment, from its TIFF header on.
    pub exif: Option<Vec<u8>>,
    /// The ICC profile, joined from its segments.
    pub icc: Option<Vec<u8>>,
}

/// A component of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Component {
    /// The identifier by which scans refer to the component.
    pub id: u8,
    /// Horizontal sampling factor, 1 to 4. That of a lone component counts as 1.
    pub h: u8,
    /// Vertical sampling factor, 1 to 4. That of a lone component counts as 1.
    pub v: u8,
    /// The number of the quantisation table, 0 to 3.
    pub quantisation: u8,
}

/// The colour model of the components.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colours {
    /// One component: grey.
    Gray,
    /// Red, green and blue.
    Rgb,
    /// Luminance and two of chrominance.
    YCbCr,
    /// Cyan, magenta, yellow and black, inverted as Adobe and everyone else stores them: 255 is no ink.
    Cmyk,
    /// Inverted inks as well, with cyan, magenta and yellow in `YCbCr`.
    Ycck,
}

impl Header {
    /// The colour model by the rules of libjpeg, which practically all files have been tried with.
    #[must_use]
    pub fn colours(&self) -> Colours {
        let ids: Vec<u8> = self.components.iter().map(|component| component.id).collect();
        match (&ids[..], self.jfif, self.adobe) {
            ([_], ..) => Colours::Gray,
            ([_, _, _, _], _, Some(0) | None) => Colours::Cmyk,
            ([_, _, _, _], _, Some(_)) => Colours::Ycck,
            (_, false, Some(0)) | (b"RGB", false, None) => Colours::Rgb,
            _ => Colours::YCbCr,
        }
    }

    /// Reads the segment of the frame.
    pub(crate) fn frame(&mut self, marker: u8, segment: &[u8]) -> Result<(), Error> {
        const CUT: Error = Error::Corrupt("the frame header is cut off");
        let (&[precision, h1, h0, w1, w0, count], listed) = segment.split_first_chunk().ok_or(CUT)?;
        if precision != 8 {
            return Err(Error::Unsupported("more than 8 bits a sample"));
        }
        if !matches!(count, 1 | 3 | 4) {
            return Err(Error::Unsupported("neither one nor three nor four components"));
        }
        self.height = u16::from_be_bytes([h1, h0]);
        self.width = u16::from_be_bytes([w1, w0]);
        if self.width == 0 {
            return Err(Error::Corrupt("its width is 0"));
        }
        self.progressive = marker == 0xc2;
        for component in listed.get(..3 * usize::from(count)).ok_or(CUT)?.as_chunks::<3>().0 {
            let &[id, factors, quantisation] = component;
            let (h, v) = (factors >> 4, factors & 15);
            if !(1..=4).contains(&h) || !(1..=4).contains(&v) {
                return Err(Error::Corrupt("a sampling factor is not 1 to 4"));
            }
            if quantisation > 3 {
                return Err(Error::Corrupt("a quantisation table's number is above 3"));
            }
            let (h, v) = if count == 1 { (1, 1) } else { (h, v) };
            self.components.push(Component { id, h, v, quantisation });
        }
        Ok(())
    }
}
