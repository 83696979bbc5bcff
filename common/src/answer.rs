use serde::Serialize;

/// The answer of both functions: `{"statusCode": 200, "body": "<result as JSON text>", "result": {…}}`.
///
/// API-style callers expect `statusCode` and `body`. `result` is the same as `body`, as an object: an event pattern of a Lambda
/// destination cannot match text within a string.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer<R> {
    status_code: u16,
    body: String,
    result: R,
}

impl<R: Serialize> Answer<R> {
    /// Builds the answer with `result`.
    ///
    /// # Errors
    /// Returns an error if `result` cannot be written as JSON.
    pub fn new(result: R) -> Result<Self, serde_json::Error> {
        Ok(Self { status_code: 200, body: serde_json::to_string(&result)?, result })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn body_and_result_say_the_same() {
        let answer = serde_json::to_value(Answer::new(json!({"outcome": "made"})).unwrap()).unwrap();
        assert_eq!(answer, json!({"statusCode": 200, "body": "{\"outcome\":\"made\"}", "result": {"outcome": "made"}}));
    }
}
