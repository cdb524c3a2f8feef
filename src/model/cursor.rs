//! Keyset cursors: where a search stopped, as an opaque string, and the rows after it as a
//! condition.
//!
//! A cursor holds the row's sort values exactly, and a hash of model and order: another search
//! refuses it.

use super::expression::Sql;
use super::tagged::{decode, encode};
use crate::error::{Error, Result};
use crate::sql::Value;

/// One thing to sort by.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) sql: Sql,
    pub(super) descending: bool,
}

/// A place in an order.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cursor {
    /// The rows before it are wanted, not those after it.
    pub(super) back: bool,
    /// One value per key.
    pub(super) values: Vec<Value>,
}

impl Cursor {
    /// As text for applications.
    pub(super) fn write(&self, order: u64) -> String {
        let mut bytes = order.to_be_bytes()[..6].to_vec();
        bytes.push(u8::from(self.back));
        for value in &self.values {
            let (kind, body): (u8, Vec<u8>) = match value {
                Value::Null => (0, Vec::new()),
                Value::Integer(i) => (1, i.to_be_bytes().to_vec()),
                Value::Real(f) => (2, f.to_bits().to_be_bytes().to_vec()),
                Value::Text(s) => (3, s.as_bytes().to_vec()),
                Value::Blob(b) => (4, b.clone()),
            };
            bytes.push(kind);
            if kind > 2 {
                bytes.extend_from_slice(&(body.len() as u32).to_be_bytes());
            }
            bytes.extend_from_slice(&body);
        }
        encode(&bytes).trim_end_matches('=').replace('+', "-").replace('/', "_")
    }

    /// Reads a cursor made by a search with this order.
    ///
    /// # Errors
    /// `BAD_VALUE` for one of another search, and for what is no cursor.
    pub(super) fn read(text: &str, order: u64, keys: usize) -> Result<Cursor> {
        let refuse = |why: &str| Error::BadValue(format!("cursor '{text}' {why}"));
        let garbled = || refuse("is not one that a search gave");
        let bytes = decode(&text.replace('-', "+").replace('_', "/")).ok_or_else(garbled)?;
        let (head, mut rest) = bytes.split_at_checked(7).ok_or_else(garbled)?;
        if head[..6] != order.to_be_bytes()[..6] {
            return Err(refuse(
                "belongs to a search of another model or order: search from the start",
            ));
        }
        let mut values = Vec::with_capacity(keys);
        while !rest.is_empty() {
            values.push(value(&mut rest).ok_or_else(garbled)?);
        }
        if values.len() != keys || head[6] > 1 {
            return Err(garbled());
        }
        Ok(Cursor { back: head[6] == 1, values })
    }
}

fn value(rest: &mut &[u8]) -> Option<Value> {
    let mut take = |n: usize| -> Option<&[u8]> {
        let (taken, left) = rest.split_at_checked(n)?;
        *rest = left;
        Some(taken)
    };
    Some(match take(1)?[0] {
        0 => Value::Null,
        1 => Value::Integer(i64::from_be_bytes(take(8)?.try_into().ok()?)),
        2 => Value::Real(f64::from_bits(u64::from_be_bytes(take(8)?.try_into().ok()?))),
        kind @ (3 | 4) => {
            let length = u32::from_be_bytes(take(4)?.try_into().ok()?);
            let body = take(length as usize)?.to_vec();
            if kind == 4 { Value::Blob(body) } else { Value::Text(String::from_utf8(body).ok()?) }
        }
        _ => return None,
    })
}

/// FNV-1a over what an order is made of.
pub(super) fn hash<'a>(parts: impl Iterator<Item = &'a str>) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325u64;
    for byte in parts.flat_map(|part| part.bytes().chain([0xff])) {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash
}

/// Adds the condition for the rows after `values` in the order of `keys`, or, `back`, before them.
/// NULL comes before everything, as in SQLite's sorting.
///
/// Written so that an index on the first key is entered at the right place. Where it descends, what
/// comes last are NULLs, which no range has: [`Rest::NoNulls`] leaves them to a second search,
/// [`Rest::Nulls`].
pub(super) fn after(keys: &[Key], values: &[Value], back: bool, rest: Rest, out: &mut Sql) {
    let (Some(key), Some(value)) = (keys.first(), values.first()) else {
        out.push("0");
        return;
    };
    let falling = key.descending != back;
    if rest == Rest::Nulls {
        out.add(&key.sql).push(" IS NULL");
        return;
    }
    let more = keys.len() > 1;
    match (value, falling) {
        (Value::Null, falling) => {
            // rising: everything else is above; falling: only ties are left
            out.push("(");
            if !falling {
                out.add(&key.sql).push(" IS NOT NULL").push(if more { " OR " } else { "" });
            }
            if more {
                out.push("(").add(&key.sql).push(" IS NULL AND ");
                after(&keys[1..], &values[1..], back, Rest::All, out);
                out.push(")");
            } else if falling {
                out.push("0");
            }
            out.push(")");
        }
        (value, falling) => {
            let sign = if falling { "<" } else { ">" };
            let nulls = falling && rest == Rest::All;
            out.push("(");
            if more {
                let ranged = !nulls;
                if ranged {
                    out.add(&key.sql)
                        .push(&format!(" {sign}= "))
                        .bind(value.clone())
                        .push(" AND (");
                }
                out.add(&key.sql).push(&format!(" {sign} ")).bind(value.clone());
                out.push(" OR (").add(&key.sql).push(" = ").bind(value.clone()).push(" AND ");
                after(&keys[1..], &values[1..], back, Rest::All, out);
                out.push(if ranged { "))" } else { ")" });
            } else {
                out.add(&key.sql).push(&format!(" {sign} ")).bind(value.clone());
            }
            if nulls {
                out.push(" OR ").add(&key.sql).push(" IS NULL");
            }
            out.push(")");
        }
    }
}

/// Which of the rows after a cursor are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rest {
    /// All of them.
    All,
    /// Those whose first key is not NULL.
    NoNulls,
    /// Those whose first key is NULL, and the cursor's is not.
    Nulls,
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_cursor_is_lossless_and_bound_to_its_order() {
        let values = vec![
            Value::Null,
            Value::Integer(i64::MAX),
            Value::Real(-0.1),
            Value::Real(f64::INFINITY),
            Value::Text("ü\0'".into()),
            Value::Blob(vec![0, 255]),
        ];
        let cursor = Cursor { back: true, values };
        let text = cursor.write(7 << 32);
        assert_eq!(Cursor::read(&text, 7 << 32, 6).unwrap(), cursor);
        let other = Cursor::read(&text, 8 << 32, 6).unwrap_err();
        assert!(other.to_string().contains("another model or order"), "{other}");
        for bad in ["", "AAAA", "%", &text[..text.len() - 3], &format!("{text}AA")] {
            assert_eq!(Cursor::read(bad, 7 << 32, 6).unwrap_err().code(), "BAD_VALUE", "{bad}");
        }
    }
}
