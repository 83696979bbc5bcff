//! Retries, timeouts and the deadline: what both functions do when AWS or the network does not answer.
//!
//! Both functions end all work at their [`deadline`], shortly before Lambda would end the invocation, so the retries and timeouts
//! need not add up to less than a function's timeout. They only limit how much time one bad connection can cost.

use std::{
    error::Error,
    iter::successors,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use aws_config::{
    BehaviorVersion, SdkConfig, retry::RetryConfig, stalled_stream_protection::StalledStreamProtectionConfig,
    timeout::TimeoutConfig,
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::SharedHttpClient;

/// The time reserved for answering before Lambda ends the invocation.
const MARGIN: Duration = Duration::from_millis(500);

/// The configuration of all AWS clients: region, credentials and endpoints from the environment, the rest from this crate.
pub async fn sdk_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client())
        .retry_config(retries())
        .timeout_config(timeouts())
        .stalled_stream_protection(stalled_streams())
        .load()
        .await
}

/// The HTTP client of all AWS clients, which uses rustls with ring for HTTPS.
#[must_use]
pub fn http_client() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// Attempts each request up to four times, with exponential back-off and full jitter from 0.1 s to 2 s.
///
/// The mode is standard, not adaptive: the adaptive mode slows down all requests of the process when one is throttled, although
/// the requests of one invocation have little to do with each other. A request that is throttled for longer fails the
/// invocation. Lambda then waits a minute, at no cost, before it retries.
#[must_use]
pub fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(4)
        .with_initial_backoff(Duration::from_millis(100))
        .with_max_backoff(Duration::from_secs(2))
}

/// Gives up a request after five seconds without an answer.
///
/// S3 and Lambda's queue usually answer within some hundred milliseconds, so the connection is lost by then and another attempt
/// is nearly always faster than waiting. The limit ends at the head of the response; a source's body may take longer.
fn timeouts() -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(2))
        .read_timeout(Duration::from_secs(5))
        .operation_attempt_timeout(Duration::from_secs(8))
        .build()
}

/// Gives up a body that has not advanced for five seconds. The caller reads it again.
fn stalled_streams() -> StalledStreamProtectionConfig {
    StalledStreamProtectionConfig::enabled().grace_period(Duration::from_secs(5)).build()
}

/// Computes when an invocation must stop working. `milliseconds` is Lambda's deadline since 1970.
///
/// Returns `None` for no limit if the deadline has passed already: Lambda starts no such invocation, but `cargo lambda watch` sends
/// a constant.
#[must_use]
pub fn deadline(milliseconds: u64) -> Option<Instant> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let time_left = Duration::from_millis(milliseconds).checked_sub(now)?;
    Some(Instant::now() + time_left.saturating_sub(MARGIN))
}

/// Describes an error and its causes, each once.
///
/// The SDK's errors name only their kind, and its `DisplayErrorContext` appends the whole response with its headers.
#[must_use]
pub fn explain(error: &dyn Error) -> String {
    let causes = successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).fold(String::new(), |said, cause| match said {
        said if said.contains(&cause) => said,
        said if said.is_empty() => cause,
        said => format!("{said}: {cause}"),
    })
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn every_cause_is_said_once() {
        let cause = io::Error::new(io::ErrorKind::TimedOut, "no answer");
        assert_eq!(explain(&cause), "no answer");
        let text: Result<String, _> = String::from_utf8(vec![255]);
        let error = io::Error::new(io::ErrorKind::InvalidData, text.unwrap_err());
        assert_eq!(explain(&error), "invalid utf-8 sequence of 1 bytes from index 0");
    }

    #[test]
    fn work_ends_before_the_invocation_does() {
        let in_a_minute = SystemTime::now() + Duration::from_mins(1);
        let milliseconds = in_a_minute.duration_since(UNIX_EPOCH).unwrap().as_millis();
        let deadline = deadline(u64::try_from(milliseconds).unwrap()).unwrap();
        let end = Instant::now() + Duration::from_mins(1);
        assert!(deadline + MARGIN <= end && deadline + Duration::from_secs(30) > end);
    }

    #[test]
    fn a_deadline_that_is_past_is_none() {
        assert_eq!((deadline(0), deadline(1)), (None, None));
    }
}
