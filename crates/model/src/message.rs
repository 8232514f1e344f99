//! The `message` frame: made once by the publisher, the same bytes for every reader on every lane.

use serde_json::value::RawValue;
use thiserror::Error;

use crate::{Cursor, Micros, TopicName};

/// Most bytes of published `data`, once it is written compactly.
pub const MAX_DATA_BYTES: usize = 48 * 1024;

/// Why `data` was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DataError {
    /// It is not JSON.
    #[error("data must be JSON: {0}")]
    Json(String),
    /// It is larger than [`MAX_DATA_BYTES`].
    #[error("data is at most {MAX_DATA_BYTES} bytes of compact JSON, this is more")]
    TooLarge,
}

/// Any JSON, rewritten without white space between its tokens, within [`MAX_DATA_BYTES`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Data(Box<str>);

impl Data {
    /// Takes JSON text from outside.
    ///
    /// # Errors
    /// The text is no JSON or too large.
    pub fn parse(text: &[u8]) -> Result<Self, DataError> {
        let value: &RawValue = serde_json::from_slice(text).map_err(|error| DataError::Json(error.to_string()))?;
        Self::compact(value)
    }

    /// Takes JSON that was already read as part of a frame.
    ///
    /// # Errors
    /// The value is too large.
    pub fn compact(value: &RawValue) -> Result<Self, DataError> {
        let text = strip_white_space(value.get());
        if text.len() > MAX_DATA_BYTES {
            return Err(DataError::TooLarge);
        }
        Ok(Self(text.into()))
    }

    /// The JSON.
    #[must_use]
    pub fn get(&self) -> &str {
        &self.0
    }
}

/// JSON without the white space between its tokens. Numbers keep their digits and objects their order and their
/// double keys: what was published is what arrives.
fn strip_white_space(json: &str) -> String {
    let (mut out, mut in_string, mut escaped) = (String::with_capacity(json.len()), false, false);
    for c in json.chars() {
        match c {
            ' ' | '\t' | '\n' | '\r' if !in_string => continue,
            '"' if !escaped => in_string = !in_string,
            _ => {}
        }
        escaped = in_string && c == '\\' && !escaped;
        out.push(c);
    }
    out
}

/// Appends `{"type":"message","topic":…,"cursor":…,"sent_us":…,"data":…}`. `data` must be compact JSON.
pub fn write_message(topic: &TopicName, cursor: Cursor, sent_us: Micros, data: &[u8], out: &mut Vec<u8>) {
    use std::io::Write as _;
    // The names and cursors of the grammar need no escaping.
    let head = write!(
        out,
        r#"{{"type":"message","topic":"{topic}","cursor":"{cursor}","sent_us":{},"data":"#,
        sent_us.0
    );
    head.expect("a Vec takes every byte");
    out.extend_from_slice(data);
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn white_space_goes_and_everything_else_stays() {
        let data =
            Data::parse(b" { \"a b\\\" \" : [ 1.50 , \"\\\\\" , 12345678901234567890123 ] , \"a b\\\" \": null }\n")
                .expect("JSON");
        assert_eq!(
            data.get(),
            r#"{"a b\" ":[1.50,"\\",12345678901234567890123],"a b\" ":null}"#
        );
    }

    #[test]
    fn what_is_no_json_or_too_large_is_refused() {
        for odd in [&b""[..], b"{", b"{\"a\":1}x", b"\xff", b"nope", b"\"\n\""] {
            assert!(matches!(Data::parse(odd), Err(DataError::Json(_))), "{odd:?}");
        }
        let text = |bytes: usize| format!("\"{}\"", "x".repeat(bytes - 2));
        assert!(Data::parse(text(MAX_DATA_BYTES).as_bytes()).is_ok());
        assert_eq!(
            Data::parse(text(MAX_DATA_BYTES + 1).as_bytes()),
            Err(DataError::TooLarge)
        );
        let deep = "[".repeat(100_000);
        assert!(
            matches!(Data::parse(deep.as_bytes()), Err(DataError::Json(_))),
            "depth is bounded"
        );
    }

    proptest! {
        #[test]
        fn any_json_keeps_its_meaning(text in "[ \\n\\t]*\\{\"[a-z \\\\\\\\\"]{0,8}\": *[0-9]{1,30}\\}|\\[( *[0-9]{1,3} *,){0,4} *null *\\]") {
            if let Ok(value) = serde_json::from_str::<serde_json::Value>(&text) {
                let data = Data::parse(text.as_bytes()).expect("it is JSON");
                prop_assert_eq!(serde_json::from_str::<serde_json::Value>(data.get()).expect("still JSON"), value);
            }
        }
    }
}
