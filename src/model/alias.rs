//! Names for the columns of our own SELECT lists. A host's rows are objects: a name that JavaScript
//! sorts like an array's index, that objects treat specially, or that a search needs for itself
//! would put values elsewhere. Does not quote.

/// The column in which a row gives its sort value.
pub(super) fn sort_value(key: usize) -> String {
    format!("_s{key}")
}

/// The column in which a row gives an excerpt.
pub(super) fn excerpt(column: usize) -> String {
    format!("_x{column}")
}

/// The column in which a row gives its rank.
pub(super) const RANK: &str = "_rank";

/// The name under which a column of the table is selected, where its own will not do: `names` are
/// all of them.
pub(super) fn other(name: &str, names: &[String]) -> Option<String> {
    if !unfit(name) {
        return None;
    }
    let mut alias = format!("_{name}");
    while unfit(&alias) || names.iter().any(|taken| taken.eq_ignore_ascii_case(&alias)) {
        alias.insert(0, '_');
    }
    Some(alias)
}

fn unfit(name: &str) -> bool {
    let numbered = |start| lower(name, start).is_some_and(digits);
    digits(name)
        || name == "__proto__"
        || numbered("_s")
        || numbered("_x")
        || name.eq_ignore_ascii_case(RANK)
}

/// The rest of a name after `start`, in whatever case that is written.
fn lower<'n>(name: &'n str, start: &str) -> Option<&'n str> {
    let (head, rest) = name.split_at_checked(start.len())?;
    head.eq_ignore_ascii_case(start).then_some(rest)
}

fn digits(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unfit_names_get_another_that_nobody_has() {
        let names: Vec<String> =
            ["0", "_0", "__proto__", "_S1", "name", "_c0"].map(String::from).into();
        let other = |name: &str| other(name, &names);
        assert_eq!(other("0").as_deref(), Some("__0"));
        assert_eq!(other("12").as_deref(), Some("_12"));
        assert_eq!(other("__proto__").as_deref(), Some("___proto__"));
        assert_eq!(other("_S1").as_deref(), Some("__S1"));
        assert_eq!(other("_x10").as_deref(), Some("__x10"));
        assert_eq!(other("_rank").as_deref(), Some("__rank"));
        for fit in ["name", "0a", "-1", "_c0", "_s", "_xa", "é1", "1é"] {
            assert_eq!(other(fit), None, "{fit}");
        }
    }
}
