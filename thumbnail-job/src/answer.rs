use serde::Serialize;

/// What both functions answer: `{"statusCode": 200, "body": "<result as JSON text>", "result": {…}}`.
///
/// `statusCode` and `body` are what API-style callers expect; `result` says the same as an object, because an event pattern
/// on a Lambda destination cannot look inside a string.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer<R> {
    status_code: u16,
    body: String,
    result: R,
}

impl<R: Serialize> Answer<R> {
    /// The answer that carries `result`.
    ///
    /// # Errors
    /// Where `result` cannot be written as JSON.
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
