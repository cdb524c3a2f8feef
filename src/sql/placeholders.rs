//! The parameters in an SQL text: their places, and the text with parameters that every host's
//! SQLite understands.
//!
//! It reads just enough of the text to skip strings, names and comments.

use std::borrow::Cow;
use std::ops::Range;

use super::bind::wrong_count;
use super::value::{Param, Params};
use crate::error::{Error, Result};

/// A text whose parameters are all `?`, and their values in order.
pub(super) type Portable<'a> = (Cow<'a, str>, Vec<Param<'a>>);

/// A parameter in a text.
#[derive(Debug, PartialEq)]
struct Placeholder<'a> {
    at: Range<usize>,
    /// As written: `?`, `?2` or `:name`.
    text: &'a str,
    /// The number SQLite gives it, from 1.
    number: usize,
}

/// Says `sql` with plain `?`; where `casts`, integers are bound as text and cast. The `+` takes the
/// affinity away that a cast has, so that comparisons stay what they are with a bound integer.
pub(super) fn portable<'a>(
    sql: &'a str,
    params: &[Param<'a>],
    casts: bool,
) -> Result<Portable<'a>> {
    let found = placeholders(sql)?;
    let wanted = count(&found);
    if wanted != params.len() {
        return Err(wrong_count(wanted, params.len()));
    }
    let cast = |p: &Placeholder<'_>| casts && matches!(params[p.number - 1], Param::Integer(_));
    if found.iter().enumerate().all(|(i, p)| p.text == "?" && p.number == i + 1 && !cast(p)) {
        return Ok((Cow::Borrowed(sql), params.to_vec()));
    }
    let (mut text, mut end, mut order) = (String::with_capacity(sql.len() + 32), 0, Vec::new());
    for p in &found {
        text.push_str(&sql[end..p.at.start]);
        text.push_str(if cast(p) { "(+CAST(? AS INTEGER))" } else { "?" });
        end = p.at.end;
        order.push(params[p.number - 1]);
    }
    text.push_str(&sql[end..]);
    Ok((Cow::Owned(text), order))
}

/// The values of an application's parameters in the order of SQLite's numbers.
pub(super) fn positional<'a>(sql: &str, params: &'a Params) -> Result<Vec<Param<'a>>> {
    let values = match params {
        Params::Positional(values) => {
            return Ok(values.iter().map(|value| value.param()).collect());
        }
        Params::Named(values) => values,
    };
    let found = placeholders(sql)?;
    let mut bound = vec![None; count(&found)];
    for (name, value) in values {
        let signed = name.starts_with([':', '@', '$']);
        let same = |p: &&Placeholder<'_>| {
            p.text == name
                || (!signed && p.text.starts_with([':', '@', '$']) && &p.text[1..] == name)
        };
        let p = found
            .iter()
            .find(same)
            .ok_or_else(|| Error::BadValue(format!("the statement has no parameter '{name}'")))?;
        bound[p.number - 1] = Some(value.param());
    }
    let named = |i: usize| found.iter().find(|p| p.number == i + 1).map_or("?", |p| p.text);
    let missing = |i| Error::BadValue(format!("parameter '{}' has no value: give one", named(i)));
    bound.into_iter().enumerate().map(|(i, value)| value.ok_or_else(|| missing(i))).collect()
}

/// The statements of a text, as far as semicolons tell, without comments, strings and quoted names.
pub(super) fn statements(sql: &str) -> Vec<String> {
    let (bytes, mut i) = (sql.as_bytes(), 0);
    let mut found = vec![String::new()];
    while i < bytes.len() {
        let skip = skipped(&bytes[i..]).max(1);
        match (&sql[i..i + skip], found.last_mut()) {
            (";", _) => found.push(String::new()),
            (text, Some(last)) if skip == 1 || bytes[i].is_ascii_alphabetic() => {
                last.push_str(text)
            }
            (_, Some(last)) => last.push(' '),
            _ => {}
        }
        i += skip;
    }
    found.retain(|statement| !statement.trim().is_empty());
    found
}

/// Whether a statement may write: `false` only for what surely reads.
pub fn may_write(sql: &str) -> bool {
    let mut rest = sql;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ';');
        let skip = skipped(rest.as_bytes());
        if !rest.starts_with(['-', '/']) || skip < 2 {
            break;
        }
        rest = &rest[skip..];
    }
    let word =
        rest.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or("").to_ascii_uppercase();
    !["SELECT", "EXPLAIN", "PRAGMA", "VALUES"].contains(&word.as_str())
}

fn count(found: &[Placeholder<'_>]) -> usize {
    found.iter().map(|p| p.number).max().unwrap_or(0)
}

/// Every parameter, numbered as SQLite numbers them.
fn placeholders(sql: &str) -> Result<Vec<Placeholder<'_>>> {
    let bytes = sql.as_bytes();
    let (mut found, mut i, mut top) = (Vec::<Placeholder<'_>>::new(), 0, 0);
    while i < bytes.len() {
        let tail = &bytes[i..];
        let length = match tail[0] {
            b'?' => 1 + tail[1..].iter().take_while(|b| b.is_ascii_digit()).count(),
            b':' | b'@' | b'$' => 1 + tail[1..].iter().take_while(|b| in_name(**b)).count(),
            _ => {
                i += skipped(tail);
                continue;
            }
        };
        let (at, text) = (i..i + length, &sql[i..i + length]);
        i += length;
        let number = match text {
            "?" => top + 1,
            ":" | "@" | "$" => continue,
            _ if text.starts_with('?') => {
                text[1..].parse().ok().filter(|n| (1..=32766).contains(n)).ok_or_else(|| {
                    Error::BadValue(format!(
                        "parameter '{text}' must have a number from 1 to 32766"
                    ))
                })?
            }
            _ => found.iter().find(|p| p.text == text).map_or(top + 1, |p| p.number),
        };
        top = top.max(number);
        found.push(Placeholder { at, text, number });
    }
    Ok(found)
}

fn in_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// The length of what stands at the beginning and is no parameter: a string, a name, a comment, a
/// word, one sign.
fn skipped(tail: &[u8]) -> usize {
    let until = |end: &[u8], from: usize| {
        tail[from..]
            .windows(end.len())
            .position(|w| w == end)
            .map_or(tail.len(), |n| from + n + end.len())
    };
    match tail {
        // a doubled quote reads as the end of one and the beginning of the next
        [quote @ (b'\'' | b'"' | b'`'), ..] => until(&[*quote], 1),
        [b'[', ..] => until(b"]", 1),
        [b'-', b'-', ..] => until(b"\n", 2),
        [b'/', b'*', ..] => until(b"*/", 2),
        [first, ..] if in_name(*first) => tail.iter().take_while(|b| in_name(**b)).count(),
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::Value;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    fn said<'a>(sql: &'a str, params: &[Param<'a>]) -> (String, Vec<Param<'a>>) {
        let (text, order) = portable(sql, params, false).unwrap();
        (text.into_owned(), order)
    }

    #[test]
    fn numbered_parameters_become_plain_ones_with_their_values_repeated() {
        let (one, two) = (Param::Integer(1), Param::Text("b"));
        assert_eq!(
            said("SELECT ?2, ?1, ?2", &[one, two]),
            ("SELECT ?, ?, ?".into(), vec![two, one, two])
        );
        assert_eq!(
            said("SELECT ?2, ?", &[one, two, one]).1,
            [two, one],
            "a plain one follows the highest"
        );
        assert_eq!(said("SELECT ?, ?", &[one, two]), ("SELECT ?, ?".into(), vec![one, two]));
        assert!(
            portable("SELECT ?", &[], false).is_err()
                && portable("SELECT 1", &[one], false).is_err()
        );
        assert!(
            portable("SELECT ?0", &[], false).is_err()
                && portable("SELECT ?99999", &[one], false).is_err()
        );
    }

    #[test]
    fn what_only_looks_like_a_parameter_stays() {
        for sql in [
            "SELECT '?', 'it''s ?1', \"a?\"\":x\", `?`, [a?b], x$y, é$é -- ? :a\n/* ? */ FROM t",
            "SELECT '$.a' -> '?'",
            "SELECT 'open ?",
            "SELECT 1 /* open ?",
            "--",
        ] {
            assert_eq!(said(sql, &[]), (sql.into(), vec![]), "{sql}");
        }
        assert_eq!(said("SELECT a-?/?--?", &[Param::Null, Param::Null]).1.len(), 2);
    }

    #[test]
    fn named_parameters_are_found_with_and_without_their_sign() {
        let (one, two) = (Value::Integer(1), Value::Integer(2));
        let named = |list: &[(&str, &Value)]| {
            Params::Named(list.iter().map(|(n, v)| (n.to_string(), (*v).clone())).collect())
        };
        let sql = "SELECT :a + $b + @c + :a";
        let params = named(&[("b", &two), ("a", &one), ("@c", &one)]);
        let order = positional(sql, &params).unwrap();
        assert_eq!(order, [one.param(), two.param(), one.param()]);
        assert_eq!(said(sql, &order).0, "SELECT ? + ? + ? + ?");
        let error = |params: &Params| positional(sql, params).unwrap_err().to_string();
        assert!(error(&named(&[("d", &one)])).contains("no parameter 'd'"));
        assert!(error(&named(&[("a", &one), ("b", &one)])).contains("'@c' has no value"));
    }

    #[test]
    fn where_it_must_be_integers_are_cast_and_others_are_not() {
        let (text, _) =
            portable("SELECT ?1, ?2", &[Param::Integer(5), Param::Text("a")], true).unwrap();
        assert_eq!(text, "SELECT (+CAST(? AS INTEGER)), ?");
    }

    #[test]
    fn only_what_surely_reads_is_said_to_read() {
        assert!(
            [
                "SELECT 1",
                " -- x\n select 1",
                "/* y */ EXPLAIN DELETE FROM t",
                ";VALUES(1)",
                "pragma x"
            ]
            .iter()
            .all(|sql| !may_write(sql))
        );
        assert!(
            [
                "INSERT INTO t VALUES(1)",
                "WITH a AS (SELECT 1) DELETE FROM t",
                "-- SELECT",
                "",
                "- SELECT"
            ]
            .iter()
            .all(|sql| may_write(sql))
        );
    }
}
