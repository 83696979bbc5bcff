#![no_main]
//! Tests files of any format.

use libfuzzer_sys::fuzz_target;

fuzz_target!(init: thumbnail_fuzz::watch_own_panics(), |bytes: &[u8]| thumbnail_fuzz::check(bytes));
