//! Observes the operations of the S3 server.

use std::sync::{Arc, Mutex};

use local::{
    faults::{Faults, Operation},
    s3::S3Error,
};

/// Records the operations, and calls a function before the first operation of a given name.
pub(crate) struct Watch<F> {
    pub(crate) seen: Mutex<Vec<(String, String)>>,
    first: &'static str,
    act: Mutex<Option<F>>,
}

impl<F: FnOnce() -> R + Send + 'static, R: Future<Output = ()> + Send + 'static> Watch<F> {
    pub(crate) fn new(first: &'static str, act: F) -> Arc<Self> {
        Arc::new(Self { seen: Mutex::default(), first, act: Mutex::new(Some(act)) })
    }
}

impl<F> Watch<F> {
    pub(crate) fn keys_of(&self, name: &str) -> Vec<String> {
        let mut keys: Vec<_> =
            self.seen.lock().unwrap().iter().filter(|seen| seen.0 == name).map(|seen| seen.1.clone()).collect();
        keys.sort();
        keys
    }
}

impl<F: FnOnce() -> R + Send + 'static, R: Future<Output = ()> + Send + 'static> Faults for Watch<F> {
    fn before(&self, operation: Operation) -> futures_util::future::BoxFuture<'_, Result<(), S3Error>> {
        let act = (operation.name == self.first).then(|| self.act.lock().unwrap().take()).flatten();
        self.seen.lock().unwrap().push((operation.name, operation.key.unwrap_or_default()));
        Box::pin(async move {
            if let Some(act) = act {
                act().await;
            }
            Ok(())
        })
    }
}
