//! The table of thumbnails.

use std::fmt::Write as _;

use local::report::Report;

/// The heads of the columns.
pub(crate) fn head() -> String {
    row("source", "size", "thumbnail", "pixels", "bytes", "ms")
}

/// A line for each thumbnail. The first one also describes the source and has the time.
pub(crate) fn rows(report: &Report) -> String {
    let mut text = String::new();
    let source = report.source.clone().unwrap_or_default();
    let name = report.key.rsplit('/').next().unwrap_or_default();
    let frames = if source.frames > 1 { format!(", {} frames", source.frames) } else { String::new() };
    let described = format!("{name} ({}×{}{frames}, {})", source.width, source.height, bytes(source.bytes));
    for (at, thumbnail) in report.thumbnails.iter().enumerate() {
        let first = at == 0;
        let size = thumbnail.size.as_str().map_or_else(|| thumbnail.size.to_string(), str::to_owned);
        let line = row(
            if first { &described } else { "" },
            &size,
            &thumbnail.key,
            &format!("{}×{}", thumbnail.width, thumbnail.height),
            &grouped(thumbnail.bytes),
            &if first { format!("{:.0}", report.milliseconds.get("total").unwrap_or(&0.0)) } else { String::new() },
        );
        let _ = writeln!(text, "{line}");
    }
    text.trim_end().to_owned()
}

fn row(source: &str, size: &str, key: &str, pixels: &str, bytes: &str, ms: &str) -> String {
    format!("{source:<42} {size:>5}  {key:<46} {pixels:>9} {bytes:>9} {ms:>6}").trim_end().to_owned()
}

/// `4.2 MB`
pub(crate) fn bytes(count: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "shown with one decimal")]
    let count = count as f64;
    match count {
        ..1e3 => format!("{count} B"),
        ..1e6 => format!("{:.1} kB", count / 1e3),
        _ => format!("{:.1} MB", count / 1e6),
    }
}

/// `12,345`
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_reads_well() {
        let report = serde_json::from_value(json!({
            "outcome": "made", "key": "uploads/cat.jpg",
            "source": { "bytes": 4_200_000, "width": 4000, "height": 3000, "frames": 12 },
            "thumbnails": [
                { "size": "100", "key": "thumbnails/100/uploads/cat.jpg", "width": 100, "height": 75, "bytes": 3412 },
                { "size": 300, "key": "thumbnails/300/uploads/cat.jpg", "width": 300, "height": 225, "bytes": 1_023_412 },
            ],
            "milliseconds": { "total": 71.6 },
        }))
        .unwrap();
        let text = format!("{}\n{}", head(), rows(&report));
        let expected = "\
source                                      size  thumbnail                                         pixels     bytes     ms
cat.jpg (4000×3000, 12 frames, 4.2 MB)       100  thumbnails/100/uploads/cat.jpg                    100×75     3,412     72
                                             300  thumbnails/300/uploads/cat.jpg                   300×225 1,023,412";
        assert_eq!(text, expected);
    }
}
