//! How the functions spend their time when AWS or the network does not answer: retries, timeouts, and the deadline.
//!
//! The budget is the invocation's: both functions end all work at their [`deadline`], shortly before Lambda would, so nothing
//! here needs to add up to less than a function's timeout. The rest only sees to it that one bad connection costs little of it,
//! and that what went wrong is told in words.

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

/// Time kept back to answer before Lambda ends the invocation.
const MARGIN: Duration = Duration::from_millis(500);

/// What a function makes its clients of: region, credentials and endpoints from the environment, the rest from here.
pub async fn sdk_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(http_client())
        .retry_config(retries())
        .timeout_config(timeouts())
        .stalled_stream_protection(stalled_streams())
        .load()
        .await
}

/// The HTTP client of every AWS client here: HTTP and, by rustls with ring, HTTPS.
#[must_use]
pub fn http_client() -> SharedHttpClient {
    Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https()
}

/// Four attempts of every request, with exponential back-off and full jitter, from 0.1 s to 2 s.
///
/// Standard, not adaptive: the adaptive mode slows down everything else that the process sends, and here that is one
/// invocation, whose requests have little to do with each other. What is throttled longer than this takes goes back to Lambda,
/// which waits a minute, longer than any client should while it is paid for waiting.
#[must_use]
pub fn retries() -> RetryConfig {
    RetryConfig::standard()
        .with_max_attempts(4)
        .with_initial_backoff(Duration::from_millis(100))
        .with_max_backoff(Duration::from_secs(2))
}

/// S3 and Lambda's queue answer within some hundred milliseconds, so five seconds without an answer are a connection that is
/// lost, and a second attempt is nearly always quicker than waiting on. A source's body may take longer: only the wait for its
/// head is bounded.
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

/// Until when an invocation may work, by Lambda's deadline for it in milliseconds since 1970; `None` for as long as it takes.
///
/// A deadline that is past already is none: Lambda starts no invocation whose time is up, but `cargo lambda watch` sends a
/// constant.
#[must_use]
pub fn deadline(milliseconds: u64) -> Option<Instant> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let time_left = Duration::from_millis(milliseconds).checked_sub(now)?;
    Some(Instant::now() + time_left.saturating_sub(MARGIN))
}

/// What went wrong, for a person: the error and what caused it, each said once. The SDK's own errors say only of which kind they
/// are, and its `DisplayErrorContext` appends all of the answer, headers included.
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
