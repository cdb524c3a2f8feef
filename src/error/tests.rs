//! Codes, messages, and the errors that count as failures of the surroundings.

use super::*;
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

#[test]
fn the_statement_is_named_where_there_is_one() {
    let mut e = Error::Sqlite {
        code: "SQLITE_ERROR",
        message: "no such table: t".into(),
        sql: "SELECT 1".into(),
    };
    assert_eq!(e.to_string(), "no such table: t in \"SELECT 1\"");
    if let Error::Sqlite { sql, .. } = &mut e {
        sql.clear();
    }
    assert_eq!(e.to_string(), "no such table: t");
}

#[test]
fn an_error_of_the_protocol_keeps_its_code_and_words() {
    let (what, unit, remedy) = ("push", "bytes", "use 1 to 63 of a-z");
    for error in [
        sync::Error::Protocol("no JSON".into()),
        sync::Error::TooLarge { what, size: 9, limit: 8, unit },
        sync::Error::BadEvent("the type is empty".into()),
        sync::Error::BadLogName { name: "A".into(), remedy },
        sync::Error::Corrupt("row 3 after 1".into()),
    ] {
        let (code, words) = (error.code(), error.to_string());
        let error = Error::from(error);
        assert_eq!((error.code(), error.to_string()), (code, words));
    }
}

#[test]
fn only_the_surroundings_are_environmental() {
    let full = Error::Sqlite { code: "SQLITE_FULL", message: String::new(), sql: String::new() };
    let unique = Error::Sqlite {
        code: "SQLITE_CONSTRAINT_UNIQUE",
        message: String::new(),
        sql: String::new(),
    };
    let shut =
        Error::Sqlite { code: "SQLITE_CANTOPEN", message: String::new(), sql: String::new() };
    assert!(full.is_environmental() && Error::Quota(String::new()).is_environmental());
    assert!(shut.is_environmental());
    assert!(!unique.is_environmental() && !Error::Closed.to_string().is_empty());
}
