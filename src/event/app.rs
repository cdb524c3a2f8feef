//! The event, and the trait through which the engine calls the application's functions.

use crate::error::Result;

/// An event as reducers see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its identity, made with it.
    pub id: [u8; 16],
    /// Its position when it is processed; a pending one may move.
    pub v: u64,
    /// Its type.
    pub event_type: String,
    /// The schema version of its type.
    pub tv: u32,
    /// Its data as JSON text.
    pub data: String,
    /// When it was made, in ms since 1970 by its author's clock.
    pub ts: i64,
}

/// Which functions of users there are: the others are not called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Phases {
    /// A model has a preprocessor.
    pub preprocess: bool,
    /// A model has a reducer of its own.
    pub reduce: bool,
    /// A model has a deriver.
    pub derive: bool,
}

/// The application around the engine: runs the users' functions, and gives time and randomness, of
/// which the engine has none.
///
/// Natively the futures are ready at once; in wasm they wait for JS only when a function returned a
/// promise.
#[allow(async_fn_in_trait)]
pub trait App {
    /// Which functions there are.
    fn phases(&self) -> Phases;
    /// The clock, in ms since 1970.
    fn now(&self) -> i64;
    /// Fresh random bytes.
    fn random(&self) -> [u8; 16];
    /// May change type and data before the event is logged.
    async fn preprocess(&self, event: &mut Event) -> Result<()>;
    /// The reducers' results as JSON: `{model: {rm, ins, set, upd, sav, esFail}}`, or nothing.
    async fn reduce(&self, event: &Event) -> Result<Option<String>>;
    /// Runs the derivers; `results` is what was applied, as JSON.
    async fn derive(&self, event: &Event, results: &str) -> Result<()>;
}
