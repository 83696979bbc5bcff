//! Checks the documented memory for the largest photo within the default limits, as counted by the kernel for a new process, including its
//! program and the fifty megabytes of the source.

#![cfg(target_os = "linux")]
#![allow(clippy::cast_possible_truncation)]

use std::{fs, path::Path, process::Command};

use jpeg_encoder::{Encoder, ImageBuffer, JpegColorType, SamplingFactor};

/// Nearly 100 megapixels, the default limit.
const SIZE: (u16, u16) = (12_240, 8_160);

/// The maximum memory of the process.
const MOST: u64 = 100_000_000;

/// The variable with the source file of the measured process. If it is not set, the test starts that process.
const SOURCE: &str = "HUNDRED_MEGAPIXELS";

#[test]
fn a_photo_of_a_hundred_megapixels_takes_less_than_a_hundred_megabytes() {
    if let Some(source) = std::env::var_os(SOURCE) {
        return make(Path::new(&source));
    }
    let photo = photo();
    assert!((45_000_000..55_000_000).contains(&photo.len()), "{} bytes are not what cameras make of it", photo.len());
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("hundred-megapixels.jpg");
    fs::write(&path, &photo).unwrap();
    let name = "a_photo_of_a_hundred_megapixels_takes_less_than_a_hundred_megabytes";
    let mut process = Command::new(std::env::current_exe().unwrap());
    let output = process.args([name, "--exact", "--nocapture"]).env(SOURCE, &path).output().unwrap();
    fs::remove_file(&path).unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
    let peak = said.lines().find_map(|line| line.trim().strip_suffix(" bytes at the peak")).expect("what it took");
    let peak: u64 = peak.rsplit(' ').next().unwrap().parse().unwrap();
    println!("{} MB of memory for {} MB of JPEG", peak / 1_000_000, photo.len() / 1_000_000);
    assert!(peak < MOST, "{peak} bytes");
}

/// Makes the thumbnails, and prints the peak memory of this process.
fn make(source: &Path) {
    let made = thumbnail::make(&fs::read(source).unwrap(), &thumbnail::Options::default()).unwrap();
    assert_eq!((made.source.width, made.source.height), (SIZE.0.into(), SIZE.1.into()));
    assert_eq!(made.thumbnails.len(), 3);
    let status = fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let kib: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    println!("\n{} bytes at the peak", kib * 1024);
}

/// A baseline JPEG, 4:2:0, with enough grain for the file size of a camera.
fn photo() -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = Encoder::new(&mut file, 92);
    encoder.set_sampling_factor(SamplingFactor::F_2_2);
    encoder.encode_image(Grain).unwrap();
    file
}

/// Shades with grain, generated row by row.
struct Grain;

impl ImageBuffer for Grain {
    fn get_jpeg_color_type(&self) -> JpegColorType {
        JpegColorType::Ycbcr
    }

    fn width(&self) -> u16 {
        SIZE.0
    }

    fn height(&self) -> u16 {
        SIZE.1
    }

    fn fill_buffers(&self, y: u16, buffers: &mut [Vec<u8>; 4]) {
        let mut random = 0x9e37_79b9_u32 ^ u32::from(y) << 13;
        for x in 0..SIZE.0 {
            random ^= random << 13;
            random ^= random >> 17;
            random ^= random << 5;
            let grain = (random >> 16) as u8 % 56;
            buffers[0].push(grain + (x >> 7) as u8 + (y >> 7) as u8);
            buffers[1].push(100 + (y >> 8) as u8);
            buffers[2].push(120 + (x >> 8) as u8);
        }
    }
}
