//! How the S3 client behaves when S3 or the network does not: everything about its retries and timeouts is here.
//!
//! The budget is the invocation's: [`handle`](crate::handle) ends all work shortly before Lambda would, so nothing here needs
//! to add up to less than the function's timeout. These settings only see to it that one bad connection costs little of it.

use std::time::Duration;

use aws_config::{
    BehaviorVersion, retry::RetryConfig, stalled_stream_protection::StalledStreamProtectionConfig,
    timeout::TimeoutConfig,
};
use aws_sdk_s3::Client;

/// The function's client, with region, credentials and endpoint from the environment.
pub async fn client() -> Client {
    let config = aws_config::defaults(BehaviorVersion::latest())
        .retry_config(retries())
        .timeout_config(timeouts())
        .stalled_stream_protection(stalled_streams())
        .load()
        .await;
    Client::new(&config)
}

/// Four attempts of every request, with exponential back-off and full jitter, from 0.1 s to 2 s.
///
/// Standard, not adaptive: the adaptive mode slows down everything else that the process sends, and here that is one
/// invocation, whose requests go to different keys. What is throttled longer than this takes goes back to Lambda, which waits
/// a minute, longer than any client should while it is paid for waiting.
#[must_use]
pub fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(4)
        .with_initial_backoff(Duration::from_millis(100))
        .with_max_backoff(Duration::from_secs(2))
}

/// S3 answers within some hundred milliseconds, so five seconds without an answer are a connection that is lost, and a second
/// attempt is nearly always quicker than waiting on. A source's body may take longer: only the wait for its head is bounded.
#[must_use]
pub fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .read_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(8))
        .build()
}

/// A body of which nothing has come for five seconds is given up, and read again.
#[must_use]
pub fn stalled_streams() -> StalledStreamProtectionConfig {
    StalledStreamProtectionConfig::enabled().grace_period(Duration::from_secs(5)).build()
}
