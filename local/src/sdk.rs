//! Clients of the AWS SDK for the servers on this machine.

use aws_config::{
    BehaviorVersion, Region, SdkConfig, retry::RetryConfig, stalled_stream_protection::StalledStreamProtectionConfig,
};
use aws_sdk_lambda::Client as Lambda;
use aws_sdk_s3::{
    Client as S3,
    config::{Credentials, SharedCredentialsProvider, http::HttpResponse},
    error::{ProvideErrorMetadata, SdkError},
};
use resilience::{explain, http_client};

/// The access key ID and the secret access key of the local stack.
pub const CREDENTIALS: (&str, &str) = ("local", "local");

/// The region of the local stack.
pub(crate) const REGION: &str = "us-east-1";

/// A client of the S3 server at `endpoint`. It sends each request once, and waits without a limit.
#[must_use]
pub fn s3(endpoint: &str) -> S3 {
    S3::new(&config(endpoint))
}

/// A client of Lambda's API at `endpoint`. It sends each request once, and waits without a limit.
#[must_use]
pub fn lambda(endpoint: &str) -> Lambda {
    Lambda::new(&config(endpoint))
}

fn config(endpoint: &str) -> SdkConfig {
    let (access_key, secret_key) = CREDENTIALS;
    let credentials = Credentials::new(access_key, secret_key, None, None, "local");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client())
        .region(Region::new(REGION))
        .endpoint_url(endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .build()
}

/// The status and the message of a service's error, or `None` if the service did not answer.
pub(crate) fn answered<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<(u16, &str)> {
    let status = error.raw_response()?.status().as_u16();
    Some((status, error.message().or(error.code()).unwrap_or("no message")))
}

/// Describes an error of `service` in one line.
pub fn described<E>(service: &str, error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match answered(error) {
        Some((status, message)) => format!("{service} answered {status}: {message}"),
        None => format!("{service} does not answer ({}): is `make run` up?", explain(error)),
    }
}
