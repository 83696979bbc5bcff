use percent_encoding::percent_decode_str;

/// Decodes a key from an S3 notification or a Batch Operations task. Such keys are form-encoded UTF-8, in which `+` stands for a
/// space; returns `None` for any other text.
#[must_use]
pub fn decode_key(encoded: &str) -> Option<String> {
    let escapes_are_whole = encoded
        .split('%')
        .skip(1)
        .all(|rest| rest.len() >= 2 && rest.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()));
    let spaced = encoded.replace('+', " ");
    let decoded = percent_decode_str(&spaced).decode_utf8().ok()?;
    (escapes_are_whole && !decoded.is_empty()).then(|| decoded.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_form_encoded() {
        assert_eq!(decode_key("a+b%2B%E6%97%A5%25.jpg").as_deref(), Some("a b+日%.jpg"));
        for wrong in ["", "%", "%4", "%zz", "%FF"] {
            assert_eq!(decode_key(wrong), None, "{wrong:?}");
        }
    }
}
