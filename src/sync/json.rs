//! Reading and writing the JSON of messages, bounded by length. What is in them is others'
//! business.

use super::error::{Error, Result};
use serde::{Deserialize, Serialize};

/// The JSON text of a message.
///
/// # Errors
/// None in practice: our messages have no maps with odd keys.
pub fn to_json<T: Serialize>(message: &T) -> Result<String> {
    serde_json::to_string(message).map_err(|e| Error::Protocol(e.to_string()))
}

/// Reads a message of at most `limit` bytes.
pub(super) fn parse<'a, T: Deserialize<'a>>(text: &'a str, limit: usize) -> Result<T> {
    if text.len() > limit {
        return Err(Error::Protocol(format!("{} bytes of JSON are too many", text.len())));
    }
    serde_json::from_str(text).map_err(|e| Error::Protocol(e.to_string()))
}
