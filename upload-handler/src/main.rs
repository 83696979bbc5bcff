//! Assembles the function: tracing, settings and the client once, then the runtime's loop.

use common::settings::Reader;
use lambda_runtime::{Error, LambdaEvent, service_fn, tracing};
use upload_handler::{Settings, handle};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let settings = Settings::read(Reader::from_env())?;
    let client = aws_sdk_lambda::Client::new(&resilience::sdk_config().await);
    lambda_runtime::run(service_fn(|event: LambdaEvent<_>| handle(event, &client, &settings))).await
}
