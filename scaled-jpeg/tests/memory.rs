//! Compares the memory that decoding takes, as counted by the allocator, with the estimate from the header.

#![allow(clippy::cast_possible_truncation)]

mod common;

use std::io::BufReader;

use peak_alloc::PeakAlloc;
use scaled_jpeg::{Decoder, Scale};

use common::writer::{Form, Picture};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// A single test, because the allocator counts the whole process.
#[test]
fn memory_is_what_the_header_says() {
    let mut wrong = Vec::new();
    for (factors, (width, height), name) in [
        (&[(2, 2), (1, 1), (1, 1)][..], (1600, 1200), "4:2:0"),
        (&[(1, 1); 3], (1600, 1200), "4:4:4"),
        (&[(1, 1); 4], (1600, 1200), "four"),
        (&[(3, 1), (2, 1), (2, 1)], (65535, 8), "wide, with places for every column"),
    ] {
        let picture = Picture::random(width, height, factors, 8);
        let count = factors.len();
        let forms = [("sequential", Form::sequential(count)), ("separate", Form::separate(count))];
        for (form_name, form) in forms.into_iter().chain([("progressive", Form::progressive(count))]) {
            let file = picture.write(&form);
            for scale in Scale::ALL {
                HEAP.reset_peak_usage();
                let before = HEAP.current_usage();
                let reader = BufReader::with_capacity(1 << 12, &file[..]);
                let decoder = Decoder::new(reader).unwrap();
                let estimate = decoder.header().memory(scale);
                let picture_made = decoder.decode(scale).unwrap();
                let used = (HEAP.peak_usage() - before) as u64;
                drop(picture_made);
                println!("{name} {form_name} {scale:?}: {used} used, {estimate} estimated");
                if used > estimate || estimate > used + used / 8 + (512 << 10) {
                    wrong.push(format!("{name} {form_name} {scale:?}: {used} used, {estimate} estimated"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
