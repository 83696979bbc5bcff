//! The whole pipeline: a real S3 server, Lambda's asynchronous queue, and both built binaries under `cargo lambda watch`.
//!
//! Starting it takes longer than any test of it, so all tests share one and run one after the other. It needs `cargo-lambda`
//! in `PATH`; `make test` sees to that.

mod operations;
#[path = "../../local/tests/stack/rendezvous.rs"]
mod rendezvous;
mod stack;
mod tests;

use std::{process::ExitCode, sync::Arc};

use libtest_mimic::{Arguments, Trial};

use crate::stack::Pipeline;

fn main() -> ExitCode {
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    let runtime = Arc::new(tokio::runtime::Runtime::new().expect("a runtime"));
    let pipeline = (!arguments.list).then(|| Arc::new(runtime.block_on(Pipeline::start())));
    let trials = tests::all().into_iter().chain(operations::all()).map(|(name, test)| {
        let (runtime, pipeline) = (Arc::clone(&runtime), pipeline.clone());
        Trial::test(name, move || {
            pipeline.map_or(Ok(()), |pipeline| {
                runtime.block_on(test(pipeline));
                Ok(())
            })
        })
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    // Before the exit, which drops nothing: no process may stay behind.
    drop(pipeline);
    conclusion.exit_code()
}
