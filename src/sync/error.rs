//! What can go wrong in the protocol's machines, each with its stable code. What the storage under
//! them says is of the storage's own type.

/// What any fallible call of this room returns.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can be wrong with a message, an event or a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A message that breaks the protocol.
    #[error("bad message: {0}")]
    Protocol(String),
    /// Above one of the [limits](super::limits).
    #[error("{what} is {size} {unit}, at most {limit} are allowed")]
    TooLarge {
        /// What was measured.
        what: &'static str,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
        /// What is counted.
        unit: &'static str,
    },
    /// An event that no log can have.
    #[error("{0}")]
    BadEvent(String),
    /// A name that no log can have.
    #[error("log '{name}' is not usable: {remedy}")]
    BadLogName {
        /// The name.
        name: String,
        /// What would be accepted.
        remedy: &'static str,
    },
    /// A log that contradicts itself.
    #[error("{0}")]
    Corrupt(String),
}

impl Error {
    /// The stable, UPPER_SNAKE name of this kind of error.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Protocol(_) => "PROTOCOL",
            Error::TooLarge { .. } => "TOO_LARGE",
            Error::BadEvent(_) => "BAD_VALUE",
            Error::BadLogName { .. } => "BAD_NAME",
            Error::Corrupt(_) => "CORRUPT",
        }
    }
}
