//! Where a value is in a document: `home.city`, `tags[0].name`.
//!
//! Names are own properties, never looked up anywhere else; a name with a dot or bracket in it
//! cannot be written here.

use crate::error::{Error, Result};

/// The most steps of a path.
const LONGEST: usize = 100;

/// One step into a document.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A property of an object.
    Key(String),
    /// An element of an array, from 0.
    Index(usize),
}

/// Reads a path: names with dots between them, each followed by any number of `[n]`.
pub(super) fn parse(path: &str) -> Result<Vec<Step>> {
    let bad = |remedy| Error::BadName { what: "path", name: path.to_string(), remedy };
    let mut steps = Vec::new();
    for part in path.split('.') {
        let (name, mut rest) = part.split_at(part.find('[').unwrap_or(part.len()));
        if name.is_empty() || name.len() > 200 || name.contains(['"', '\\', '\0', ']']) {
            return Err(bad("write it like a.b[0].c, without quotes, backslashes or NUL"));
        }
        steps.push(Step::Key(name.to_string()));
        while let Some(inner) = rest.strip_prefix('[') {
            let (digits, after) = inner.split_once(']').ok_or_else(|| bad("a '[' has no ']'"))?;
            let whole = !digits.is_empty()
                && digits.len() < 10
                && digits.bytes().all(|b| b.is_ascii_digit());
            let index = digits.parse().ok().filter(|_| whole);
            steps.push(Step::Index(
                index.ok_or_else(|| bad("between [ and ] goes a whole number"))?,
            ));
            rest = after;
        }
        if !rest.is_empty() {
            return Err(bad("a ']' is followed by '.', '[' or nothing"));
        }
    }
    if steps.len() > LONGEST {
        return Err(bad("at most 100 steps are allowed"));
    }
    Ok(steps)
}

/// `$."a"."b"[0]` for SQLite's JSON functions; quotes and backslashes were refused.
pub(super) fn for_sqlite(steps: &[Step]) -> String {
    steps.iter().fold(String::from("$"), |path, step| match step {
        Step::Key(name) => format!("{path}.\"{name}\""),
        Step::Index(index) => format!("{path}[{index}]"),
    })
}

/// The path as it is written, for messages.
pub(super) fn written(steps: &[Step]) -> String {
    steps.iter().fold(String::new(), |path, step| match step {
        Step::Key(name) if path.is_empty() => name.clone(),
        Step::Key(name) => format!("{path}.{name}"),
        Step::Index(index) => format!("{path}[{index}]"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn a_path_is_read_and_written() {
        let steps = parse("x[0][12].y.__proto__").unwrap();
        assert_eq!(steps[..2], [Step::Key("x".into()), Step::Index(0)]);
        assert_eq!(written(&steps), "x[0][12].y.__proto__");
        assert_eq!(for_sqlite(&steps), r#"$."x"[0][12]."y"."__proto__""#);
    }

    #[test]
    fn what_is_no_path_is_refused() {
        let long = vec!["a"; 101].join(".");
        for bad in [
            "", ".", "a.", "a..b", "a[", "a[]", "a[-1]", "a[1]b", "a]", "[0]", "a\"", "a[1e3]",
            &long,
        ] {
            assert_eq!(parse(bad).unwrap_err().code(), "BAD_NAME", "{bad}");
        }
    }
}
