//! Reads settings from environment variables, and reports all problems in one message.

use std::{collections::HashMap, env, ffi::OsString, fmt, str::FromStr};

/// Reads variables one by one and collects their problems.
///
/// An empty variable counts as unset, because deployment templates set optional variables to the empty string.
pub struct Reader {
    variables: HashMap<String, String>,
    problems: Vec<String>,
}

/// All problems with the environment variables.
#[derive(thiserror::Error)]
#[error("invalid settings: {}", .0.join("; "))]
pub struct InvalidSettings(Vec<String>);

/// Rust prints the error of `main` by its `Debug` form, which is therefore the message for people.
impl fmt::Debug for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Reader {
    /// Reads the process's environment.
    #[must_use]
    pub fn from_env() -> Self {
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        Self { variables: env::vars_os().filter_map(text).collect(), problems: Vec::new() }
    }

    /// Reads the given variables instead of the environment.
    #[must_use]
    pub fn of(variables: &[(&str, &str)]) -> Self {
        let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        Self { variables: variables.iter().map(owned).collect(), problems: Vec::new() }
    }

    /// Returns the variable's value if it is set and not empty.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<String> {
        self.variables.get(name).filter(|value| !value.is_empty()).cloned()
    }

    /// Returns the variable's value. If it is unset, that is a problem, and `remedy` says how to solve it.
    pub fn required(&mut self, name: &str, remedy: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.problems.push(format!("{name} is not set: {remedy}"));
            String::new()
        })
    }

    /// Parses the variable's value. Returns `default` if it is unset, or if it is invalid, which is a problem.
    pub fn or<T>(&mut self, name: &str, default: T) -> T
    where
        T: FromStr<Err: fmt::Display>,
    {
        let Some(text) = self.optional(name) else { return default };
        text.parse().unwrap_or_else(|error: T::Err| {
            self.problem(name, &text, &error.to_string());
            default
        })
    }

    /// Parses a list of items, separated by commas and optional spaces. Returns `default` in the same cases as [`Self::or`].
    pub fn list<T>(&mut self, name: &str, default: Vec<T>) -> Vec<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let Some(text) = self.optional(name) else { return default };
        let items: Result<_, _> = text.split(',').map(|item| item.trim().parse()).collect();
        items.unwrap_or_else(|error: T::Err| {
            self.problem(name, &text, &error.to_string());
            default
        })
    }

    /// Adds a problem with a variable.
    pub fn problem(&mut self, name: &str, value: &str, remedy: &str) {
        self.problems.push(format!("{name}={value:?}: {remedy}"));
    }

    /// Returns `settings` if there were no problems.
    ///
    /// # Errors
    /// Returns [`InvalidSettings`] with all problems.
    pub fn finish<T>(self, settings: T) -> Result<T, InvalidSettings> {
        if self.problems.is_empty() { Ok(settings) } else { Err(InvalidSettings(self.problems)) }
    }
}
