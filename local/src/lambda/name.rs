//! The names of a function: a plain name (`image-processor`), a partial ARN (`123456789012:function:image-processor`) or a full ARN, each
//! with or without `:` and a version or an alias. <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>

use crate::sdk::REGION;

/// The account of the local stack.
const ACCOUNT: &str = "000000000000";

/// The ARN of a function, without a version.
pub(super) fn arn(function: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{function}")
}

/// The name of a function, with the version or alias that the caller named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FunctionName {
    pub(super) function: String,
    pub(super) qualifier: Option<String>,
}

impl FunctionName {
    /// Parses a name. Returns `None` for other text.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parts: Vec<&str> = text.split(':').collect();
        let named = match parts.as_slice() {
            ["arn", _, "lambda", _, _, "function", named @ ..] | [_, "function", named @ ..] | named => named,
        };
        let (function, qualifier) = match named {
            [function] => (*function, None),
            [function, qualifier] => (*function, Some(*qualifier)),
            _ => return None,
        };
        let fine =
            |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_$".contains(&b));
        (fine(function) && qualifier.is_none_or(fine))
            .then(|| Self { function: function.to_owned(), qualifier: qualifier.map(str::to_owned) })
    }

    /// The version or alias that the caller named, or `$LATEST`.
    pub(super) fn version(&self) -> &str {
        self.qualifier.as_deref().unwrap_or("$LATEST")
    }

    pub(super) fn arn(&self) -> String {
        format!("{}:{}", arn(&self.function), self.version())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_names_the_function() {
        for (text, qualifier) in [
            ("image-processor", None),
            ("image-processor:live", Some("live")),
            ("image-processor:$LATEST", Some("$LATEST")),
            ("123456789012:function:image-processor", None),
            ("arn:aws:lambda:eu-west-1:123456789012:function:image-processor", None),
            ("arn:aws:lambda:eu-west-1:123456789012:function:image-processor:7", Some("7")),
        ] {
            let name = FunctionName::parse(text).unwrap();
            assert_eq!((name.function.as_str(), name.qualifier.as_deref()), ("image-processor", qualifier), "{text}");
        }
        for text in ["", "a:b:c", "arn:aws:s3:::bucket", "image processor", "../etc", "a:"] {
            assert_eq!(FunctionName::parse(text), None, "{text}");
        }
    }
}
