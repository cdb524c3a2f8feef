//! Values that JSON has no words for: `{"$bytes": base64}` and `{"$bigint": digits}`, as values of
//! columns that are declared so, as search values, results and cursors. Anywhere else such an
//! object is an ordinary object.

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::sql::Value;

/// The largest integer every JavaScript number up to it holds exactly.
const SAFE: i64 = (1 << 53) - 1;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tagged {
    #[serde(default, rename = "$bytes")]
    bytes: Option<String>,
    #[serde(default, rename = "$bigint")]
    bigint: Option<String>,
}

/// The value of a tagged object; none for any other JSON.
pub(super) fn read(raw: &str) -> Result<Option<Value>> {
    if !raw.starts_with('{') {
        return Ok(None);
    }
    let bad = || {
        Error::BadValue(format!(
            "{raw} is not a value to search for: use a string, number, boolean or null, bytes or a BigInt"
        ))
    };
    let tagged: Tagged = serde_json::from_str(raw).map_err(|_| bad())?;
    match (tagged.bytes, tagged.bigint) {
        (Some(text), None) => {
            // each text has one meaning: with its padding, and nothing after the last bit
            let bytes = decode(&text).filter(|bytes| encode(bytes) == text);
            Ok(Some(Value::Blob(bytes.ok_or_else(bad)?)))
        }
        (None, Some(digits)) => Ok(Some(Value::Integer(digits.parse().map_err(|_| {
            Error::BadValue(format!(
                "{digits}n has more than 64 bits, the most an integer in SQLite has"
            ))
        })?))),
        _ => Err(bad()),
    }
}

/// Whether every JavaScript number up to this integer is exact.
pub(super) fn is_safe(i: i64) -> bool {
    (-SAFE..=SAFE).contains(&i)
}

/// The bytes of `{"$bytes": base64}`; none for any other JSON.
pub(super) fn bytes(raw: &str) -> Option<Vec<u8>> {
    match read(raw) {
        Ok(Some(Value::Blob(bytes))) => Some(bytes),
        _ => None,
    }
}

/// The integer of `{"$bigint": digits}`; none for any other JSON.
pub(super) fn bigint(raw: &str) -> Option<i64> {
    match read(raw) {
        Ok(Some(Value::Integer(i))) => Some(i),
        _ => None,
    }
}

/// Appends `{"$bytes": …}`.
pub(super) fn write_bytes(out: &mut String, bytes: &[u8]) {
    out.push_str("{\"$bytes\":\"");
    out.push_str(&encode(bytes));
    out.push_str("\"}");
}

/// Appends `{"$bigint": …}`, however small.
pub(super) fn write_bigint(out: &mut String, i: i64) {
    out.push_str("{\"$bigint\":\"");
    out.push_str(&i.to_string());
    out.push_str("\"}");
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes as base64.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().fold(0u32, |g, b| g << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            let digit = DIGITS[(group >> (18 - 6 * i) & 63) as usize];
            text.push(if i <= chunk.len() { digit as char } else { '=' });
        }
    }
    text
}

/// Bytes of base64; none when it is not.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.chunks(4) {
        let mut group = 0u32;
        for c in chunk {
            let digit = DIGITS.iter().position(|d| d == c)?;
            group = group << 6 | digit as u32;
        }
        let whole = [(group << (6 * (4 - chunk.len()))).to_be_bytes()][0];
        bytes.extend_from_slice(whole.get(1..chunk.len())?);
    }
    (text.len() % 4 != 1).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::document::write_exact;
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn bytes_and_big_integers_come_back() {
        for bytes in [&b""[..], b"a", b"ab", b"abc", &[0, 255, 254, 1, 128]] {
            let mut text = String::new();
            write_exact(&mut text, &Value::Blob(bytes.to_vec())).unwrap();
            assert_eq!(read(&text).unwrap(), Some(Value::Blob(bytes.to_vec())));
        }
        let mut text = String::new();
        write_exact(&mut text, &Value::Integer(i64::MIN)).unwrap();
        assert_eq!(text, r#"{"$bigint":"-9223372036854775808"}"#);
        assert_eq!(read(&text).unwrap(), Some(Value::Integer(i64::MIN)));
        for bad in
            [r#"{"$bytes":"*"}"#, r#"{"$bigint":"9223372036854775808"}"#, r#"{"$bytes":1}"#, "{}"]
        {
            assert_eq!(read(bad).unwrap_err().code(), "BAD_VALUE", "{bad}");
        }
    }

    #[test]
    fn bytes_of_every_length_come_back() {
        for length in 0..70u8 {
            let given: Vec<u8> = (0..length).map(|i| i.wrapping_mul(37) ^ 0xa5).collect();
            let mut text = String::new();
            write_bytes(&mut text, &given);
            assert_eq!(bytes(&text), Some(given), "{text}");
        }
        assert_eq!(encode(b"hello!?"), "aGVsbG8hPw==");
    }

    #[test]
    fn what_is_not_tagged_so_is_not_read() {
        for bad in ["aGk", "a===", "aGl=", "aG k", "====", "aGk=aGk="] {
            assert_eq!(bytes(&format!(r#"{{"$bytes":"{bad}"}}"#)), None, "{bad}");
        }
        assert_eq!(bytes(r#"{"$bytes":"aGk=","more":1}"#), None);
        assert_eq!(bigint(r#"{"$bigint":"9223372036854775807"}"#), Some(i64::MAX));
        assert_eq!(bigint(r#"{"$bigint":"9223372036854775808"}"#), None);
        assert_eq!(bigint("7"), None);
    }
}
