//! Errors that come as codes and words: of the bundled SQLite, of other SQLites, and those that
//! were recorded of events. Has SQLite's names of its result codes.

use super::Error;

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        let (code, message, sql) = match error {
            rusqlite::Error::SqliteFailure(e, message) => {
                (e.extended_code, message.unwrap_or_else(|| e.to_string()), String::new())
            }
            rusqlite::Error::SqlInputError { error, msg, sql, .. } => {
                (error.extended_code, msg, sql)
            }
            other => return Error::BadValue(other.to_string()),
        };
        Error::Sqlite { code: sqlite_code(code), message, sql }
    }
}

impl Error {
    /// The error that was recorded of an event as `code: message`. `USER` where its code is none of
    /// a refused write's.
    pub fn recorded(event_type: &str, text: &str) -> Error {
        let user = || Error::User { phase: format!("event '{event_type}'"), message: text.into() };
        let Some((code, message)) = text.split_once(": ") else { return user() };
        let known = ["EEXIST", "ENOENT"].into_iter().find(|known| *known == code);
        match known.or_else(|| named(code)) {
            Some(code) => Error::NoEffect { code, message: message.into() },
            None => user(),
        }
    }

    /// What another SQLite than the bundled one said: `code` is its result code as a number or a
    /// name, if it gave one, else the message is looked through.
    pub fn foreign_sqlite(code: Option<i32>, name: &str, message: String) -> Error {
        let code = match code {
            Some(code) => sqlite_code(code),
            None => named(name).unwrap_or_else(|| code_in(&message)),
        };
        let words = message.split(": SQLITE_").next().unwrap_or(&message).to_string();
        Error::Sqlite { code, message: words, sql: String::new() }
    }
}

/// The code a message tells of: a Durable Object gives nothing else.
fn code_in(message: &str) -> &'static str {
    let told = [
        ("FOREIGN KEY constraint failed", "SQLITE_CONSTRAINT_FOREIGNKEY"),
        ("NOT NULL constraint failed", "SQLITE_CONSTRAINT_NOTNULL"),
        ("CHECK constraint failed", "SQLITE_CONSTRAINT_CHECK"),
    ];
    let words: Vec<&str> =
        message.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    // the longest name that is there says most: SQLITE_CONSTRAINT_UNIQUE, not SQLITE_CONSTRAINT
    let named = names().filter(|name| words.contains(name)).max_by_key(|name| name.len());
    let telling = told.iter().find(|(words, _)| message.contains(words)).map(|(_, code)| *code);
    match named {
        Some(name) if name != "SQLITE_CONSTRAINT" => name,
        // SQLite says the same of a primary key
        _ if message.contains("UNIQUE constraint failed") => "SQLITE_CONSTRAINT_UNIQUE",
        named => telling.or(named).unwrap_or("SQLITE_ERROR"),
    }
}

/// The name, if it is one of SQLite's.
fn named(name: &str) -> Option<&'static str> {
    names().find(|known| *known == name)
}

/// Every name that [`sqlite_code`] gives, most of them many times.
fn names() -> impl Iterator<Item = &'static str> {
    (1..0x1000).map(sqlite_code)
}

/// SQLite's name of a result code; an extended code nobody branches on gets its primary's name.
fn sqlite_code(code: i32) -> &'static str {
    use rusqlite::ffi;
    match code {
        ffi::SQLITE_CONSTRAINT_CHECK => "SQLITE_CONSTRAINT_CHECK",
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => "SQLITE_CONSTRAINT_FOREIGNKEY",
        ffi::SQLITE_CONSTRAINT_NOTNULL => "SQLITE_CONSTRAINT_NOTNULL",
        ffi::SQLITE_CONSTRAINT_PRIMARYKEY => "SQLITE_CONSTRAINT_PRIMARYKEY",
        ffi::SQLITE_CONSTRAINT_TRIGGER => "SQLITE_CONSTRAINT_TRIGGER",
        ffi::SQLITE_CONSTRAINT_UNIQUE => "SQLITE_CONSTRAINT_UNIQUE",
        ffi::SQLITE_BUSY_SNAPSHOT => "SQLITE_BUSY_SNAPSHOT",
        _ => match code & 0xff {
            ffi::SQLITE_INTERNAL => "SQLITE_INTERNAL",
            ffi::SQLITE_PERM => "SQLITE_PERM",
            ffi::SQLITE_ABORT => "SQLITE_ABORT",
            ffi::SQLITE_BUSY => "SQLITE_BUSY",
            ffi::SQLITE_LOCKED => "SQLITE_LOCKED",
            ffi::SQLITE_NOMEM => "SQLITE_NOMEM",
            ffi::SQLITE_READONLY => "SQLITE_READONLY",
            ffi::SQLITE_INTERRUPT => "SQLITE_INTERRUPT",
            ffi::SQLITE_IOERR => "SQLITE_IOERR",
            ffi::SQLITE_CORRUPT => "SQLITE_CORRUPT",
            ffi::SQLITE_NOTFOUND => "SQLITE_NOTFOUND",
            ffi::SQLITE_FULL => "SQLITE_FULL",
            ffi::SQLITE_CANTOPEN => "SQLITE_CANTOPEN",
            ffi::SQLITE_PROTOCOL => "SQLITE_PROTOCOL",
            ffi::SQLITE_SCHEMA => "SQLITE_SCHEMA",
            ffi::SQLITE_TOOBIG => "SQLITE_TOOBIG",
            ffi::SQLITE_CONSTRAINT => "SQLITE_CONSTRAINT",
            ffi::SQLITE_MISMATCH => "SQLITE_MISMATCH",
            ffi::SQLITE_MISUSE => "SQLITE_MISUSE",
            ffi::SQLITE_AUTH => "SQLITE_AUTH",
            ffi::SQLITE_RANGE => "SQLITE_RANGE",
            ffi::SQLITE_NOTADB => "SQLITE_NOTADB",
            _ => "SQLITE_ERROR",
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn another_sqlites_error_has_the_same_code() {
        let code = |code, name: &str, message: &str| {
            Error::foreign_sqlite(code, name, message.into()).code()
        };
        assert_eq!(code(Some(2067), "ERR_SQLITE_ERROR", "x"), "SQLITE_CONSTRAINT_UNIQUE");
        assert_eq!(code(None, "SQLITE_CONSTRAINT_PRIMARYKEY", "x"), "SQLITE_CONSTRAINT_PRIMARYKEY");
        let told = "UNIQUE constraint failed: t.a: SQLITE_CONSTRAINT";
        assert_eq!(code(None, "", told), "SQLITE_CONSTRAINT_UNIQUE");
        let told = "UNIQUE constraint failed: t.a: SQLITE_CONSTRAINT (extended: SQLITE_CONSTRAINT_PRIMARYKEY)";
        assert_eq!(code(None, "", told), "SQLITE_CONSTRAINT_PRIMARYKEY");
        assert_eq!(
            code(None, "", "FOREIGN KEY constraint failed: SQLITE_CONSTRAINT"),
            "SQLITE_CONSTRAINT_FOREIGNKEY"
        );
        let told = Error::foreign_sqlite(None, "", "no such table: t: SQLITE_ERROR".into());
        assert_eq!((told.code(), told.to_string().as_str()), ("SQLITE_ERROR", "no such table: t"));
    }

    #[test]
    fn what_was_recorded_keeps_its_code() {
        let recorded = |text| {
            let error = Error::recorded("es/todos", text);
            (error.code(), error.to_string())
        };
        assert_eq!(
            recorded("EEXIST: todos.set \"a\": EEXIST"),
            ("EEXIST", "todos.set \"a\": EEXIST".into())
        );
        let unique = "SQLITE_CONSTRAINT_UNIQUE: UNIQUE constraint failed: t.a";
        assert_eq!(recorded(unique).0, "SQLITE_CONSTRAINT_UNIQUE");
        assert_eq!(recorded("USER: reduce failed: x").0, "USER");
        assert_eq!(recorded("something").0, "USER");
    }
}
