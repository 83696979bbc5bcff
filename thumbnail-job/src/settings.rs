//! Reading settings from environment variables, so that one message names everything that is wrong.

use std::{env, fmt, str::FromStr};

/// The value of a variable, by its name.
type Lookup<'a> = dyn Fn(&str) -> Option<String> + 'a;

/// Reads variables one by one and remembers what was wrong with them.
///
/// A variable that is empty counts as unset: that is how deployment templates spell an optional one.
pub struct Reader<'a> {
    lookup: Box<Lookup<'a>>,
    problems: Vec<String>,
}

/// Everything that was wrong with the environment variables.
#[derive(thiserror::Error)]
#[error("invalid settings: {}", .0.join("; "))]
pub struct InvalidSettings(Vec<String>);

/// A returned `Err` of `main` is printed by its `Debug` form; this one is for people.
impl fmt::Debug for InvalidSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Reader<'static> {
    /// Reads the process's environment.
    #[must_use]
    pub fn from_env() -> Self {
        Self { lookup: Box::new(|name| env::var(name).ok()), problems: Vec::new() }
    }
}

impl<'a> Reader<'a> {
    /// Reads the given variables instead of the environment.
    #[must_use]
    pub fn of(variables: &'a [(&'a str, &'a str)]) -> Self {
        let lookup =
            |name: &str| variables.iter().find(|(found, _)| *found == name).map(|(_, value)| (*value).to_owned());
        Self { lookup: Box::new(lookup), problems: Vec::new() }
    }

    /// The variable's value where it is set and not empty.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.lookup)(name).filter(|value| !value.is_empty())
    }

    /// The variable's value; its absence is a problem, whose remedy is `purpose`.
    pub fn required(&mut self, name: &str, purpose: &str) -> String {
        self.optional(name).unwrap_or_else(|| {
            self.problems.push(format!("{name} is not set: {purpose}"));
            String::new()
        })
    }

    /// The variable's parsed value, or `default` where it is unset or wrong; in the latter case that is remembered.
    pub fn or<T>(&mut self, name: &str, default: T) -> T
    where
        T: FromStr<Err: fmt::Display>,
    {
        let Some(text) = self.optional(name) else { return default };
        text.parse().unwrap_or_else(|error| {
            self.problem(name, &text, &format!("{error}"));
            default
        })
    }

    /// The variable's parsed items, separated by commas and spaces at will, or `default`; see [`Self::or`].
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

    /// Remembers what is wrong with a variable.
    pub fn problem(&mut self, name: &str, value: &str, remedy: &str) {
        self.problems.push(format!("{name}={value:?}: {remedy}"));
    }

    /// `settings` when nothing was wrong.
    ///
    /// # Errors
    /// [`InvalidSettings`], with every problem met.
    pub fn finish<T>(self, settings: T) -> Result<T, InvalidSettings> {
        if self.problems.is_empty() { Ok(settings) } else { Err(InvalidSettings(self.problems)) }
    }
}
