//! The decoder's tests, in one program, so that their common code is compiled once. `memory.rs` needs an allocator of its own.

mod colours;
#[path = "../common/mod.rs"]
mod common;
mod damage;
mod files;
mod planes;
mod policy;
mod streams;
