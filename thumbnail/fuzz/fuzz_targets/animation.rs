#![no_main]
//! Tests GIFs and WebPs with thumbnails that keep the animation.

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: thumbnail_fuzz::watch_own_panics(), |bytes: &[u8]| thumbnail_fuzz::check_animation(bytes));
