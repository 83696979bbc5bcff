//! Draws a screenshot of 2880 by 1800 pixels: windows with lines of text and a photo, with flat areas and sharp edges. Like the screenshots
//! of many programs, it has an opaque alpha channel.

use image::{RgbImage, Rgba, RgbaImage, imageops, imageops::FilterType};

const WIDTH: u32 = 2880;
const HEIGHT: u32 = 1800;

pub(crate) const PAPER: [u8; 3] = [253, 253, 252];
const BAR: [u8; 3] = [226, 228, 232];
const SHADE: [u8; 3] = [24, 27, 38];
/// The colours of words on paper: mostly black, and some highlighted.
const ON_PAPER: [[u8; 3]; 6] = [[40, 42, 46], [40, 42, 46], [40, 42, 46], [9, 105, 218], [207, 34, 46], [17, 99, 41]];
/// The colours of words on a dark window.
const ON_SHADE: [[u8; 3]; 6] =
    [[212, 214, 222], [212, 214, 222], [212, 214, 222], [121, 192, 255], [255, 123, 114], [126, 231, 135]];

pub(crate) fn shot(photo: &RgbImage) -> RgbaImage {
    let mut screen = Screen { pixels: RgbaImage::new(WIDTH, HEIGHT), random: 0x9e37_79b9 };
    screen.background();
    screen.window(120, 100, 1500, 1560, PAPER);
    screen.text(160, 220, 1420, 1400, ON_PAPER);
    screen.window(1180, 300, 1560, 1300, SHADE);
    screen.text(1220, 420, 660, 1140, ON_SHADE);
    let photo = imageops::resize(photo, 760, 570, FilterType::CatmullRom);
    for (x, y, pixel) in photo.enumerate_pixels() {
        screen.put(1930 + x, 430 + y, pixel.0);
    }
    screen.text(1930, 1040, 760, 520, ON_SHADE);
    screen.pixels
}

struct Screen {
    pixels: RgbaImage,
    random: u32,
}

impl Screen {
    fn put(&mut self, x: u32, y: u32, [red, green, blue]: [u8; 3]) {
        self.pixels.put_pixel(x, y, Rgba([red, green, blue, 255]));
    }

    /// Returns a pseudo-random number below `end`.
    fn below(&mut self, end: u32) -> u32 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 17;
        self.random ^= self.random << 5;
        self.random % end
    }

    fn rectangle(&mut self, x: u32, y: u32, width: u32, height: u32, colour: [u8; 3]) {
        for y in y..y + height {
            for x in x..x + width {
                self.put(x, y, colour);
            }
        }
    }

    /// Draws a smooth gradient.
    fn background(&mut self) {
        for y in 0..HEIGHT {
            for x in 0..WIDTH {
                let level =
                    |of: u32, from: u32, to: u32| u8::try_from(from + to * of / (WIDTH + HEIGHT)).unwrap_or(255);
                self.put(x, y, [level(x + y, 40, 90), level(y, 70, 160), level(WIDTH - x + y, 110, 120)]);
            }
        }
    }

    fn window(&mut self, x: u32, y: u32, width: u32, height: u32, paper: [u8; 3]) {
        self.rectangle(x - 2, y - 2, width + 4, height + 4, [140, 144, 150]);
        self.rectangle(x, y, width, height, paper);
        self.rectangle(x, y, width, 72, BAR);
        for (index, colour) in [[255, 95, 87], [254, 188, 46], [40, 200, 64]].into_iter().enumerate() {
            self.rectangle(x + 28 + 44 * u32::try_from(index).unwrap_or_default(), y + 24, 24, 24, colour);
        }
    }

    /// Writes lines of random letters in two shades. The lighter shade is the smoothed edge of a letter.
    fn text(&mut self, left: u32, top: u32, width: u32, height: u32, inks: [[u8; 3]; 6]) {
        for line in 0..height / 36 {
            let end = left + width * (3 + self.below(7)) / 10;
            let mut x = left + 32 * self.below(4);
            while x < end {
                let ink = inks[self.below(6) as usize];
                for _ in 0..2 + self.below(9) {
                    self.letter(x, top + line * 36, ink);
                    x += 14;
                }
                x += 12;
            }
        }
    }

    fn letter(&mut self, left: u32, top: u32, ink: [u8; 3]) {
        let shape = self.below(1 << 20);
        for cell in 0..20 {
            if shape >> cell & 1 == 0 {
                continue;
            }
            let (x, y) = (left + cell % 4 * 3, top + cell / 4 * 4);
            if x + 3 >= WIDTH || y + 4 >= HEIGHT {
                continue;
            }
            let under = self.pixels.get_pixel(x + 2, y).0;
            let edge = [0, 1, 2].map(|i| u8::midpoint(ink[i], under[i]));
            self.rectangle(x, y, 2, 4, ink);
            self.rectangle(x + 2, y, 1, 4, edge);
        }
    }
}
