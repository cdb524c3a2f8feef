//! Database names and the directory names they become: `data/my.db` is a name, and a directory may
//! not hold a slash.

use crate::error::{Error, Result};

/// Bytes a directory name may have at most; file systems under OPFS stop at 255.
const LONGEST: usize = 240;

/// The directory of the database `name`. Everything but small letters, digits, `-`, `_` and inner
/// dots is written as `%XX`, so that no two names meet in one directory, even where capitals don't
/// count.
///
/// # Errors
/// `BAD_NAME` for an empty or a very long one.
pub(super) fn directory_of(name: &str) -> Result<String> {
    let mut directory = String::new();
    for (index, byte) in name.bytes().enumerate() {
        let last = index + 1 == name.len();
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' => directory.push(byte.into()),
            b'.' if index > 0 && !last => directory.push('.'),
            _ => directory.push_str(&format!("%{byte:02X}")),
        }
    }
    if directory.is_empty() || directory.len() > LONGEST {
        let remedy = "give it 1 to 80 characters";
        return Err(Error::BadName { what: "database", name: name.into(), remedy });
    }
    Ok(directory)
}

/// The database of a directory; `None` for one that no name leads to.
pub(super) fn name_of(directory: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = directory.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            byte => byte,
        });
    }
    let name = String::from_utf8(bytes).ok()?;
    (directory_of(&name).ok()? == directory).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn every_name_has_a_directory_of_its_own_and_comes_back() {
        let names = [
            "my.db",
            "data/my.db",
            "data\\my.db",
            "My.db",
            "..",
            ".",
            "%2F",
            "a b",
            "ä",
            "\0",
            "a.",
            ".a",
        ];
        let mut seen = std::collections::BTreeSet::new();
        for name in names {
            let directory = directory_of(name).unwrap();
            assert!(
                directory.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.%".contains(&b)),
                "{directory}"
            );
            assert!(!directory.starts_with('.') && !directory.ends_with('.'));
            assert_eq!(name_of(&directory).as_deref(), Some(name));
            assert!(seen.insert(directory.to_lowercase()), "{name} shares a directory");
        }
        assert_eq!(directory_of("data/my.db").unwrap(), "data%2Fmy.db");
    }

    #[test]
    fn a_name_that_cannot_be_is_refused() {
        assert_eq!(directory_of("").unwrap_err().code(), "BAD_NAME");
        assert_eq!(directory_of(&"/".repeat(81)).unwrap_err().code(), "BAD_NAME");
        assert!(
            ["%2f", "%", "%zz", "A", ".hidden"]
                .iter()
                .all(|directory| name_of(directory).is_none())
        );
    }
}
