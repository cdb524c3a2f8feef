//! What JSON has no word for, as tagged JSON: `{"$bytes": base64}` and `{"$bigint": digits}`.
//!
//! Only columns that are declared so are read like this: anywhere else such an object is an ordinary object.

use serde::Deserialize;
use std::borrow::Cow;

use super::document::write_string;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bytes<'a> {
    #[serde(rename = "$bytes", borrow)]
    base64: Cow<'a, str>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BigInt<'a> {
    #[serde(rename = "$bigint", borrow)]
    digits: Cow<'a, str>,
}

/// The bytes of `{"$bytes": base64}`.
pub(super) fn bytes(raw: &str) -> Option<Vec<u8>> {
    serde_json::from_str::<Bytes<'_>>(raw).ok().and_then(|b| decode(&b.base64))
}

/// The integer of `{"$bigint": digits}`, if it has at most 64 bits.
pub(super) fn bigint(raw: &str) -> Option<i64> {
    serde_json::from_str::<BigInt<'_>>(raw).ok().and_then(|b| b.digits.parse().ok())
}

/// Appends `{"$bytes": …}`.
pub(super) fn write_bytes(out: &mut String, bytes: &[u8]) {
    out.push_str("{\"$bytes\":");
    write_string(out, &encode(bytes));
    out.push('}');
}

/// Appends `{"$bigint": …}`.
pub(super) fn write_bigint(out: &mut String, i: i64) {
    out.push_str("{\"$bigint\":\"");
    out.push_str(&i.to_string());
    out.push_str("\"}");
}

fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let n = chunk.iter().fold(0u32, |n, b| n << 8 | u32::from(*b)) << (8 * (3 - chunk.len()));
        for i in 0..4 {
            match i <= chunk.len() {
                true => out.push(char::from(ALPHABET[(n >> (18 - 6 * i)) as usize & 63])),
                false => out.push('='),
            }
        }
    }
    out
}

/// Standard base64 with its padding, nothing else: each text has one meaning.
fn decode(text: &str) -> Option<Vec<u8>> {
    let body = text.trim_end_matches('=');
    if text.len() % 4 != 0 || text.len() - body.len() > 2 || body.len() % 4 == 1 {
        return None;
    }
    let mut out = Vec::with_capacity(body.len() * 3 / 4);
    for chunk in body.as_bytes().chunks(4) {
        let mut n = 0u32;
        for b in chunk {
            let digit = match b {
                b'A'..=b'Z' => b - b'A',
                b'a'..=b'z' => b - b'a' + 26,
                b'0'..=b'9' => b - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            n = n << 6 | u32::from(digit);
        }
        n <<= 6 * (4 - chunk.len());
        out.extend_from_slice(&n.to_be_bytes()[1..chunk.len()]);
    }
    (encode(&out) == text).then_some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

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
            assert_eq!(decode(bad), None, "{bad}");
        }
        assert_eq!(bytes(r#"{"$bytes":"aGk=","more":1}"#), None);
        assert_eq!(bigint(r#"{"$bigint":"9223372036854775807"}"#), Some(i64::MAX));
        assert_eq!(bigint(r#"{"$bigint":"9223372036854775808"}"#), None);
        assert_eq!(bigint("7"), None);
    }
}
