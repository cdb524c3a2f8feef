//! The one error type of the crate and its stable codes.
//!
//! Messages are lower case, name the offending value and, where there is one, the remedy.

mod sqlite;

use std::fmt;

use crate::sync;

/// The result of every fallible call of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong, each with a stable [`code`](Error::code).
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// SQLite refused or failed; `code` is its own name for it.
    #[error("{message}{}", In(sql))]
    Sqlite {
        /// SQLite's name of its result code, such as `SQLITE_CONSTRAINT_UNIQUE`.
        code: &'static str,
        /// SQLite's own words.
        message: String,
        /// The statement, empty where there was none.
        sql: String,
    },
    /// Another connection, tab or process holds the database.
    #[error("database '{0}' is open elsewhere: close it there first")]
    Locked(String),
    /// The storage has no room; nothing of the failed transaction was kept.
    #[error("no room left ({0}): free some storage and write again; reads go on")]
    Quota(String),
    /// The storage under the database failed.
    #[error("storage failed: {0}")]
    Io(String),
    /// No such database.
    #[error("there is no database '{0}'")]
    NotFound(String),
    /// A database of that name is there already.
    #[error("there is a database '{0}' already: delete it first or choose another name")]
    Exists(String),
    /// Made by a newer version of the package.
    #[error("database has format {found}, this version reads up to {known}: update tidelog")]
    NewerFormat {
        /// The format of the file.
        found: i64,
        /// The newest format this version knows.
        known: i64,
    },
    /// Made by an older version of the package, and not to be gone on with.
    #[error("the database has format {found}, which is read but not written any more: {remedy}")]
    OlderFormat {
        /// The format of the file.
        found: i64,
        /// What to do.
        remedy: &'static str,
    },
    /// The bytes are not a database, or are damaged.
    #[error("{0}")]
    Corrupt(String),
    /// Used after `close`.
    #[error("the database is closed: open it again")]
    Closed,
    /// A name that cannot be used for what it was given for.
    #[error("{what} '{name}' is not usable: {remedy}")]
    BadName {
        /// The kind of thing the name is for.
        what: &'static str,
        /// The name.
        name: String,
        /// A description of names that would be accepted.
        remedy: &'static str,
    },
    /// A value that cannot be stored or understood.
    #[error("{0}")]
    BadValue(String),
    /// A model that was not added.
    #[error("there is no model '{0}': add it with addModel")]
    UnknownModel(String),
    /// A model's name is taken.
    #[error("model '{0}' was added already")]
    DuplicateModel(String),
    /// A column the model does not declare.
    #[error("model '{model}' has no column '{column}': declare it in columns")]
    UnknownColumn {
        /// The model.
        model: String,
        /// The column asked for.
        column: String,
    },
    /// A column that must have a value has none.
    #[error("{model}.{column}: value is required")]
    Required {
        /// The model.
        model: String,
        /// The column.
        column: String,
    },
    /// An INSERT event met an existing document.
    #[error(
        "{model}.{action} {id}: EEXIST: a document with this id is there already: give another id"
    )]
    AlreadyThere {
        /// The model.
        model: String,
        /// The method.
        action: &'static str,
        /// The document's id as JSON.
        id: String,
    },
    /// An UPDATE met no document.
    #[error("{model}.{action} {id}: ENOENT: there is no such document: give the id of one")]
    NotThere {
        /// The model.
        model: String,
        /// The method.
        action: &'static str,
        /// The document's id as JSON.
        id: String,
    },
    /// A user's function threw or rejected.
    #[error("{phase} failed: {message}")]
    User {
        /// The phase or function, such as `reduce todos`.
        phase: String,
        /// The thrown error, in words.
        message: String,
    },
    /// Why an event has no effect, as it was recorded.
    #[error("{message}")]
    NoEffect {
        /// The code of the error that it was.
        code: &'static str,
        /// That error's message.
        message: String,
    },
    /// Above one of the limits of a synced log.
    #[error("{what} is {size} {unit}, at most {limit} are allowed")]
    TooLarge {
        /// The thing that was measured.
        what: &'static str,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
        /// The unit of the size.
        unit: &'static str,
    },
    /// A message that breaks the sync protocol.
    #[error("bad message: {0}")]
    Protocol(String),
    /// The server will not take this replica's credentials.
    #[error("the server refused access: {0}")]
    Forbidden(String),
    /// The server's verdict on an event.
    #[error("the server rejected the event: {0}")]
    Rejected(String),
    /// The server's operators took the event back.
    #[error("the event was voided at the server: it has no effect")]
    Void,
    /// SQL of an application that would change what only events, or we, may.
    #[error("SQL may not change {0}")]
    Owned(String),
    /// Not built yet, or not there in this browser.
    #[error("{0} is not supported")]
    NotSupported(&'static str),
    /// The engine stopped in the middle of something.
    #[error("the engine stopped: {0}")]
    Crashed(String),
}

impl Error {
    /// The stable, UPPER_SNAKE name of this kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Sqlite { code, .. } | Error::NoEffect { code, .. } => code,
            Error::Locked(_) => "LOCKED",
            Error::Quota(_) => "QUOTA",
            Error::Io(_) => "IO",
            Error::NotFound(_) => "NOT_FOUND",
            Error::Exists(_) => "EXISTS",
            Error::NewerFormat { .. } => "NEWER_FORMAT",
            Error::OlderFormat { .. } => "OLDER_FORMAT",
            Error::Corrupt(_) => "CORRUPT",
            Error::Closed => "CLOSED",
            Error::BadName { .. } => "BAD_NAME",
            Error::BadValue(_) => "BAD_VALUE",
            Error::UnknownModel(_) => "UNKNOWN_MODEL",
            Error::DuplicateModel(_) => "DUPLICATE_MODEL",
            Error::UnknownColumn { .. } => "UNKNOWN_COLUMN",
            Error::Required { .. } => "REQUIRED",
            Error::AlreadyThere { .. } => "EEXIST",
            Error::NotThere { .. } => "ENOENT",
            Error::User { .. } => "USER",
            Error::TooLarge { .. } => "TOO_LARGE",
            Error::Protocol(_) => "PROTOCOL",
            Error::Forbidden(_) => "FORBIDDEN",
            Error::Rejected(_) => "REJECTED",
            Error::Void => "VOID",
            Error::Owned(_) | Error::NotSupported(_) => "NOT_SUPPORTED",
            Error::Crashed(_) => "CRASHED",
        }
    }

    /// Whether the fault lies in the surroundings (storage, quota, I/O) and not in the data or the
    /// code: the same call may succeed later, so it must never be recorded as the outcome of an
    /// event.
    pub fn is_environmental(&self) -> bool {
        match self {
            Error::Sqlite { code, .. } => [
                "SQLITE_IOERR",
                "SQLITE_FULL",
                "SQLITE_CANTOPEN",
                "SQLITE_NOMEM",
                "SQLITE_BUSY",
                "SQLITE_LOCKED",
                "SQLITE_CORRUPT",
            ]
            .iter()
            .any(|c| code.starts_with(c)),
            Error::Locked(_)
            | Error::Quota(_)
            | Error::Io(_)
            | Error::Closed
            | Error::Crashed(_) => true,
            _ => false,
        }
    }
}

/// ` in "SELECT …"`, or nothing.
struct In<'a>(&'a str);

impl fmt::Display for In<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, " in \"{}\"", self.0) }
    }
}

/// The codes stay as they are.
impl From<sync::Error> for Error {
    fn from(error: sync::Error) -> Self {
        match error {
            sync::Error::Protocol(message) => Error::Protocol(message),
            sync::Error::TooLarge { what, size, limit, unit } => {
                Error::TooLarge { what, size, limit, unit }
            }
            sync::Error::BadEvent(message) => Error::BadValue(message),
            sync::Error::BadLogName { name, remedy } => {
                Error::BadName { what: "log", name, remedy }
            }
            sync::Error::Corrupt(message) => Error::Corrupt(message),
        }
    }
}

#[cfg(test)]
mod tests;
