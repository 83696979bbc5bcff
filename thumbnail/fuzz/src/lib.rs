//! The code that all targets share.

use thumbnail::{Animation, Keep, Limits, Options, Reason, Size};

/// Aborts at a panic in our own code. `make` contains a panic in another decoder, so that it does not keep the fuzzer from
/// searching further.
pub fn watch_own_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let own = panic.location().is_some_and(|at| !at.file().contains("registry") && !at.file().contains("rustc"));
        if own {
            eprintln!("{panic}");
            std::process::abort();
        }
    }));
}

/// Runs the whole path with small limits, and checks what holds for every file.
pub fn check(bytes: &[u8]) {
    check_with(bytes, Animation::First);
}

/// Does the same for thumbnails that keep the animation.
pub fn check_animation(bytes: &[u8]) {
    check_with(bytes, Animation::Keep);
}

fn check_with(bytes: &[u8], animation: Animation) {
    let limits = Limits {
        max_pixels: 1 << 20,
        max_memory: 64 << 20,
        max_frames: 50,
        max_animation_pixels: 1 << 22,
        ..Limits::default()
    };
    let sizes = vec![Size::Width(50), Size::Inside(20, 30), Size::Cover(16, 16)];
    // The length of the file decides, so that both paths through the code are tested.
    let keeps = bytes.len() % 2 == 1;
    let keep = Keep { copyright: keeps, icc: keeps };
    match thumbnail::make(bytes, &Options { sizes, limits, keep, animation, ..Options::default() }) {
        Ok(made) => {
            assert_eq!(made.thumbnails.len(), 3);
            for thumbnail in made.thumbnails {
                assert!(thumbnail.width >= 1 && thumbnail.height >= 1);
                assert!(thumbnail.width <= made.source.width && thumbnail.height <= made.source.height);
                assert!(!thumbnail.bytes.is_empty());
            }
        }
        Err(rejection) => assert_ne!(rejection.reason, Reason::EncodeFailed, "{rejection}"),
    }
}
