//! Assembles the function: tracing, settings and the client once, then the runtime's loop.

use std::sync::Arc;

use common::settings::Reader;
use image_processor::{S3Store, Settings, handle};
use lambda_runtime::{Error, LambdaEvent, service_fn, tracing};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let settings = Settings::read(Reader::from_env())?;
    let store = S3Store::new(aws_sdk_s3::Client::new(&resilience::sdk_config().await), Arc::new(settings));
    lambda_runtime::run(service_fn(|event: LambdaEvent<_>| handle(event, &store))).await
}
