//! PNM: Netpbm's PBM, PGM and PPM, each as text or binary, and PAM.

use super::{Coding, Header, ends_in_header};
use crate::{Format, Reason, Rejection, picture::Model};

/// The coding of a PNM.
#[derive(Debug, Clone)]
pub(crate) struct PnmCoding {
    /// The digit in the magic bytes.
    pub(crate) kind: u8,
    pub(crate) model: Model,
    /// The sample that represents white, at most 65,535; 1 for a PBM.
    pub(crate) white: u32,
    /// The offset of the samples.
    pub(crate) raster: usize,
}

impl PnmCoding {
    /// Whether samples have sixteen bits.
    pub(crate) fn is_wide(&self) -> bool {
        self.white > 255
    }

    /// The number of bytes of a row of `width` pixels; `None` if samples are text.
    pub(crate) fn row(&self, width: usize) -> Option<usize> {
        match self.kind {
            b'1'..=b'3' => None,
            b'4' => Some(width.div_ceil(8)),
            _ => Some(width * self.model.channels() * if self.is_wide() { 2 } else { 1 }),
        }
    }
}

/// Whether a file begins like a PNM.
pub(super) fn is_pnm(bytes: &[u8]) -> bool {
    match bytes {
        [b'P', b'1'..=b'6', rest @ ..] => {
            // Two letters prove little, so a number or a comment must follow.
            let first = rest.iter().find(|byte| !byte.is_ascii_whitespace());
            rest.first() == Some(&b'#')
                || rest.first().is_some_and(u8::is_ascii_whitespace)
                    && first.is_none_or(|first| first.is_ascii_digit() || *first == b'#')
        }
        [b'P', b'7', b'\n' | b'\r', rest @ ..] => !rest.starts_with(b"#XV"),
        _ => false,
    }
}

pub(super) fn read(bytes: &[u8]) -> Result<Header<'_>, Rejection> {
    let mut text = Text { bytes, at: 2 };
    let kind = bytes[1];
    let (width, height, model, white) = if kind == b'7' {
        text.pam()?
    } else {
        let (width, height) = (text.number()?, text.number()?);
        let white = if matches!(kind, b'1' | b'4') { 1 } else { text.number()? };
        (width, height, if matches!(kind, b'3' | b'6') { Model::Rgb } else { Model::Gray }, white)
    };
    if !(1..=65_535).contains(&white) {
        return Err(Reason::Corrupt.because(format!("the PNM's greatest sample is {white}")));
    }
    let mut coding = PnmCoding { kind, model, white, raster: text.at };
    // One character of white space ends the header. If there are two, the file is one byte longer than its rows.
    if let Some(row) = coding.row(width as usize)
        && bytes[text.at - 1..].starts_with(b"\r\n")
        && bytes.len() - text.at > row.saturating_mul(height as usize)
    {
        coding.raster += 1;
    }
    Ok(Header::plain(Format::Pnm, (width, height), Coding::Pnm(coding)))
}

/// Reads a text header.
struct Text<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Text<'_> {
    /// Reads the next character. A comment counts as the character that ends it.
    fn next(&mut self) -> Result<u8, Rejection> {
        let mut comment = false;
        loop {
            let byte = *self.bytes.get(self.at).ok_or_else(|| ends_in_header(Format::Pnm))?;
            self.at += 1;
            comment = !matches!(byte, b'\n' | b'\r') && (comment || byte == b'#');
            if !comment {
                return Ok(byte);
            }
        }
    }

    /// Reads the next number, and the character after it.
    fn number(&mut self) -> Result<u32, Rejection> {
        let mut number: Option<u32> = None;
        loop {
            match self.next()? {
                digit @ b'0'..=b'9' => {
                    number = Some(number.unwrap_or(0).saturating_mul(10).saturating_add(u32::from(digit - b'0')));
                }
                byte if byte.is_ascii_whitespace() => {
                    if let Some(number) = number {
                        return Ok(number);
                    }
                }
                other => {
                    let found = other.escape_ascii();
                    return Err(Reason::Corrupt.because(format!("\"{found}\" is within a number of the PNM's header")));
                }
            }
        }
    }

    /// Reads width, height, model and white of a PAM, whose header consists of lines.
    fn pam(&mut self) -> Result<(u32, u32, Model, u32), Rejection> {
        const NAMES: [&str; 4] = ["WIDTH", "HEIGHT", "DEPTH", "MAXVAL"];
        let mut values = [None; NAMES.len()];
        let mut kind = String::new();
        loop {
            let rest = &self.bytes[self.at..];
            let length = memchr::memchr(b'\n', rest).ok_or_else(|| ends_in_header(Format::Pnm))?;
            self.at += length + 1;
            let line = String::from_utf8_lossy(&rest[..length]);
            let (name, value) = line.trim().split_once(char::is_whitespace).unwrap_or((line.trim(), ""));
            match name {
                "ENDHDR" => break,
                "TUPLTYPE" => kind = format!("{kind} {}", value.trim()),
                name if name.is_empty() || name.starts_with('#') => {}
                name => match NAMES.iter().position(|&known| known == name) {
                    Some(i) => values[i] = value.trim().parse().ok(),
                    None => return Err(Reason::Corrupt.because(format!("the PAM's header has a line \"{name}\""))),
                },
            }
        }
        if let Some(i) = values.iter().position(Option::is_none) {
            return Err(Reason::Corrupt.because(format!("the PAM's header has no {}", NAMES[i])));
        }
        let [width, height, depth, white] = values.map(Option::unwrap_or_default);
        let model = match (kind.trim(), depth) {
            ("" | "BLACKANDWHITE" | "GRAYSCALE", 1) => Model::Gray,
            ("" | "BLACKANDWHITE_ALPHA" | "GRAYSCALE_ALPHA", 2) => Model::GrayAlpha,
            ("" | "RGB", 3) => Model::Rgb,
            ("" | "RGB_ALPHA", 4) => Model::Rgba,
            (kind, _) => {
                let found = format!("the PAM has {depth} samples a pixel of the kind \"{kind}\" (TUPLTYPE)");
                return Err(Reason::UnsupportedFormat.because(found));
            }
        };
        Ok((width, height, model, white))
    }
}
