//! The decoder's tests. They are one program, which compiles what they share once; only `memory.rs` needs an allocator of its own.

mod colours;
#[path = "../common/mod.rs"]
mod common;
mod damage;
mod files;
mod planes;
mod policy;
mod streams;
