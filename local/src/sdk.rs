//! Clients of the AWS SDK for servers of this machine.

use aws_sdk_lambda::Client as Lambda;
use aws_sdk_s3::Client as S3;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::retry::RetryConfig;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region, StalledStreamProtectionConfig};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use resilience::{explain, http_client};

/// A client of the S3 at an endpoint. Each request is sent once, and may take as long as its body takes.
#[must_use]
pub fn s3(endpoint: &str) -> S3 {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .retry_config(RetryConfig::disabled())
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .force_path_style(true);
    S3::from_conf(config.build())
}

/// A client of Lambda's API at an endpoint. Each request is sent once.
#[must_use]
pub fn lambda(endpoint: &str) -> Lambda {
    let config = aws_sdk_lambda::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(http_client())
        .region(Region::new("us-east-1"))
        .endpoint_url(endpoint)
        .credentials_provider(Credentials::new("local", "local", None, None, "local"))
        .retry_config(RetryConfig::disabled());
    Lambda::from_conf(config.build())
}

/// The status and the message of a service's error; `None` where the service did not answer.
pub(crate) fn answered<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<(u16, &str)> {
    let status = error.raw_response()?.status().as_u16();
    Some((status, error.message().or(error.code()).unwrap_or("no message")))
}

/// An error in one line.
pub fn described<E>(service: &str, error: &SdkError<E, HttpResponse>) -> String
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    match answered(error) {
        Some((status, message)) => format!("{service} answered {status}: {message}"),
        None => format!("{service} does not answer ({}): is `make run` up?", explain(error)),
    }
}
