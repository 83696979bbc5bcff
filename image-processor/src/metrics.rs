//! Metrics as log lines in `CloudWatch`'s embedded metric format, which needs no API call and no permission.
//! <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use common::settings::Reader;
use serde_json::{Map, Value, json};

use crate::Outcome;

/// The namespace of every metric.
const NAMESPACE: &str = "Thumbnails";

/// Writes the metrics of each job as one log line.
#[derive(Debug, Clone, PartialEq)]
pub struct Metrics {
    function: String,
    memory_gigabytes: f64,
}

impl Metrics {
    /// Returns metrics if `AWS_LAMBDA_LOG_FORMAT` is `JSON`, so that people who read a text log do not see them.
    pub fn read(reader: &mut Reader) -> Option<Self> {
        if reader.optional("AWS_LAMBDA_LOG_FORMAT").as_deref() != Some("JSON") {
            return None;
        }
        let megabytes: u32 = reader.or("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", 0);
        let function = reader.optional("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_else(|| "image-processor".into());
        Some(Self { function, memory_gigabytes: f64::from(megabytes) / 1024.0 })
    }

    /// Writes the log line of a job. `outcome` is `None` if the job failed and will be retried.
    pub fn report(&self, outcome: Option<&Outcome>, took: Duration) {
        println!("{}", self.line(outcome, took));
    }

    fn line(&self, outcome: Option<&Outcome>, took: Duration) -> Value {
        let mut metrics = vec![("GigabyteSeconds", "None", self.memory_gigabytes * took.as_secs_f64())];
        match outcome {
            None => metrics.push(("Failed", "Count", 1.0)),
            Some(outcome) => {
                match outcome.outcome {
                    // Rejections are counted by reason below.
                    "rejected" => {}
                    "refused" => metrics.push(("Refused", "Count", 1.0)),
                    _ => metrics.push(("Processed", "Count", 1.0)),
                }
                if outcome.outcome == "made" {
                    let time = outcome.milliseconds;
                    let source = outcome.source.as_ref();
                    let bytes = source.and_then(|source| source.bytes).unwrap_or_default();
                    let frames = source.and_then(|source| source.frames).unwrap_or(1);
                    metrics.extend([
                        ("ThumbnailsWritten", "Count", float(outcome.thumbnails.len() as u64)),
                        ("SourceBytes", "Bytes", float(bytes)),
                        ("SourceFrames", "Count", f64::from(frames)),
                        ("DownloadMilliseconds", "Milliseconds", time.download),
                        ("DecodeMilliseconds", "Milliseconds", time.decode),
                        ("EncodeMilliseconds", "Milliseconds", time.make - time.decode),
                        ("UploadMilliseconds", "Milliseconds", time.upload),
                    ]);
                }
            }
        }
        let directive = |dimensions: Value, metrics: &[(&str, &str, f64)]| {
            let metrics: Vec<_> = metrics.iter().map(|(name, unit, _)| json!({"Name": name, "Unit": unit})).collect();
            json!({"Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": metrics})
        };
        let mut directives = vec![directive(json!([["FunctionName"]]), &metrics)];
        let mut line = Map::new();
        let rejection = outcome.filter(|outcome| outcome.outcome == "rejected");
        if let Some(reason) = rejection.and_then(|outcome| outcome.reason) {
            let rejected = [("Rejected", "Count", 1.0)];
            directives.push(directive(json!([["FunctionName"], ["FunctionName", "Reason"]]), &rejected));
            line.insert("Reason".into(), reason.into());
            line.insert("Rejected".into(), json!(1));
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
        line.insert(
            "_aws".into(),
            json!({"Timestamp": u64::try_from(now).unwrap_or_default(), "CloudWatchMetrics": directives}),
        );
        line.insert("FunctionName".into(), self.function.as_str().into());
        // Lambda drops lines below the function's log level, which must not hide metrics.
        line.insert("level".into(), "FATAL".into());
        line.extend(metrics.iter().map(|(name, _, value)| ((*name).to_owned(), json!(value))));
        line.into()
    }
}

#[allow(clippy::cast_precision_loss, reason = "no source comes near 2^53 bytes")]
fn float(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metrics() -> Metrics {
        let variables = [
            ("AWS_LAMBDA_LOG_FORMAT", "JSON"),
            ("AWS_LAMBDA_FUNCTION_NAME", "processor"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "2048"),
        ];
        Metrics::read(&mut Reader::of(&variables)).unwrap()
    }

    /// Each metric's name, with the sets of dimensions under which it is published.
    fn published(line: &Value) -> Vec<(String, Value)> {
        let directives = line["_aws"]["CloudWatchMetrics"].as_array().unwrap();
        let mut published = Vec::new();
        for directive in directives {
            assert_eq!(directive["Namespace"], "Thumbnails");
            for metric in directive["Metrics"].as_array().unwrap() {
                let name = metric["Name"].as_str().unwrap();
                assert!(line[name].is_number(), "{name} has no value in {line}");
                published.push((name.to_owned(), directive["Dimensions"].clone()));
            }
        }
        published.sort_by(|one, other| one.0.cmp(&other.0));
        published
    }

    #[test]
    fn logs_for_people_have_none() {
        for variables in [&[][..], &[("AWS_LAMBDA_LOG_FORMAT", "Text")]] {
            assert_eq!(Metrics::read(&mut Reader::of(variables)), None);
        }
    }

    #[test]
    fn what_was_made_is_measured() {
        let outcome = Outcome { outcome: "made", ..Outcome::default() };
        let line = metrics().line(Some(&outcome), Duration::from_millis(1500));
        assert_eq!(line["GigabyteSeconds"], 3.0);
        let names: Vec<_> = published(&line).into_iter().map(|(name, _)| name).collect();
        assert_eq!(
            names,
            [
                "DecodeMilliseconds",
                "DownloadMilliseconds",
                "EncodeMilliseconds",
                "GigabyteSeconds",
                "Processed",
                "SourceBytes",
                "SourceFrames",
                "ThumbnailsWritten",
                "UploadMilliseconds"
            ]
        );
        assert!(published(&line).iter().all(|(_, dimensions)| *dimensions == json!([["FunctionName"]])));
        assert_eq!(line["FunctionName"], "processor");
    }

    #[test]
    fn a_rejection_counts_by_reason_and_is_not_processed() {
        let outcome = Outcome { outcome: "rejected", reason: Some("corrupt"), ..Outcome::default() };
        let line = metrics().line(Some(&outcome), Duration::ZERO);
        let one = json!([["FunctionName"]]);
        let two = json!([["FunctionName"], ["FunctionName", "Reason"]]);
        let expected = [("GigabyteSeconds", one), ("Rejected", two)].map(|(name, of)| (name.to_owned(), of));
        assert_eq!(published(&line), expected);
        assert_eq!((&line["Reason"], &line["Rejected"]), (&json!("corrupt"), &json!(1)));
    }

    #[test]
    fn a_refusal_is_neither_processed_nor_a_rejected_source() {
        let outcome = Outcome { outcome: "refused", reason: Some("malformed-job"), ..Outcome::default() };
        let line = metrics().line(Some(&outcome), Duration::ZERO);
        assert_eq!((&line["Refused"], line.get("Processed"), line.get("Rejected")), (&json!(1.0), None, None));
    }

    #[test]
    fn a_failure_is_not_processed() {
        let line = metrics().line(None, Duration::ZERO);
        assert_eq!((&line["Failed"], line.get("Processed")), (&json!(1.0), None));
    }
}
