//! A host's SQLite, called through `pkg-template/sql/host-link.js`, which wraps the adapter of four
//! methods.

use js_sys::{Array, BigInt, Reflect};
use wasm_bindgen::prelude::*;

use super::error::user_error;
use super::value;
use crate::error::{Error, Result};
use crate::sql::{HostRows, HostSqlite, Param, Value};

#[wasm_bindgen]
extern "C" {
    // by hand: the object is this package's own
    /// The class `HostLink` of `host-link.js`.
    #[derive(Debug, Clone)]
    pub type HostLink;

    #[wasm_bindgen(method, catch)]
    fn exec(this: &HostLink, sql: &str, params: &Array) -> Result<(), JsValue>;
    /// `[names, row, row, …]`, each an array.
    #[wasm_bindgen(method, catch)]
    fn rows(this: &HostLink, sql: &str, params: &Array, limit: f64) -> Result<Array, JsValue>;
    /// Whether `f` gave `true`; the transaction is undone when it gave `false`.
    #[wasm_bindgen(method, catch)]
    fn transaction(this: &HostLink, f: &mut dyn FnMut() -> bool) -> Result<bool, JsValue>;
    #[wasm_bindgen(method, catch)]
    fn close(this: &HostLink) -> Result<(), JsValue>;
    #[wasm_bindgen(method, getter, js_name = callsOnly)]
    fn calls_only(this: &HostLink) -> bool;
    #[wasm_bindgen(method, getter, js_name = castsIntegers)]
    fn casts_integers(this: &HostLink) -> bool;
    #[wasm_bindgen(method, getter, js_name = inTransaction)]
    fn in_transaction(this: &HostLink) -> Option<bool>;
}

/// The host's database of a link.
#[derive(Debug)]
pub(super) struct Linked {
    link: HostLink,
    casts_integers: bool,
    calls_only: bool,
}

impl Linked {
    pub(super) fn new(link: HostLink) -> Linked {
        let (casts_integers, calls_only) = (link.casts_integers(), link.calls_only());
        Linked { link, casts_integers, calls_only }
    }

    /// Integers go as BigInt, because some hosts bind every number as a double; or as text, which
    /// the statement casts.
    fn bind(&self, params: &[Param<'_>]) -> Array {
        let one = |param: &Param<'_>| match *param {
            Param::Integer(i) if self.casts_integers => JsValue::from_str(&i.to_string()),
            Param::Integer(i) => BigInt::from(i).into(),
            other => value::param_to_js(other),
        };
        params.iter().map(one).collect()
    }
}

impl HostSqlite for Linked {
    fn exec(&self, sql: &str, params: &[Param<'_>]) -> Result<()> {
        self.link.exec(sql, &self.bind(params)).map_err(thrown)
    }

    fn rows(&self, sql: &str, params: &[Param<'_>], limit: Option<usize>) -> Result<HostRows> {
        let limit = limit.map_or(f64::INFINITY, |n| n as f64);
        let found = self.link.rows(sql, &self.bind(params), limit).map_err(thrown)?;
        let mut lists = found.iter().map(|list| list.unchecked_into::<Array>());
        let Some(names) = lists.next() else { return Ok(HostRows::default()) };
        let names: Vec<String> =
            names.iter().map(|name| name.as_string().unwrap_or_default()).collect();
        let rows =
            lists.map(|row| row.iter().map(|cell| read(&cell)).collect()).collect::<Result<_>>()?;
        Ok(HostRows { names, rows })
    }

    fn transaction(&self, f: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        let mut failed = None;
        let ran = self.link.transaction(&mut || match f() {
            Ok(()) => true,
            Err(error) => {
                failed = Some(error);
                false
            }
        });
        match (failed, ran) {
            (Some(error), _) => Err(error),
            (None, Ok(_)) => Ok(()),
            (None, Err(error)) => Err(thrown(error)),
        }
    }

    fn calls_only(&self) -> bool {
        self.calls_only
    }

    fn casts_integers(&self) -> bool {
        self.casts_integers
    }

    fn in_transaction(&self) -> Option<bool> {
        self.link.in_transaction()
    }

    fn close(&self) -> Result<()> {
        self.link.close().map_err(thrown)
    }
}

/// A value the host read. A number beyond 2^53 may have lost digits already, so it is refused.
fn read(cell: &JsValue) -> Result<Value> {
    let read = value::from_js(cell, "a value of the host's SQLite")?;
    match read {
        Value::Real(f)
            if f.fract() == 0.0 && f.abs() >= 9_007_199_254_740_992.0 && f.abs() < 9.3e18 =>
        {
            Err(Error::BadValue(format!(
                "{f} has more than 53 bits, which this host's numbers cannot hold: \
                 read it with CAST(… AS TEXT)"
            )))
        }
        read => Ok(read),
    }
}

/// An error that the host threw, as our error. Hosts give SQLite's code as a number, as a name, or
/// in the message.
fn thrown(error: JsValue) -> Error {
    let get = |key: &str| Reflect::get(&error, &key.into()).unwrap_or(JsValue::UNDEFINED);
    let message = get("message").as_string().unwrap_or_default();
    let name = get("code").as_string().unwrap_or_default();
    let number = get("errcode").as_f64().map(|code| code as i32);
    if message.contains("state.storage.transaction()") {
        // a Durable Object's answer to BEGIN
        return Error::BadValue(
            "BEGIN outside of withTransaction: use db.withTransaction(fn)".into(),
        );
    }
    if number.is_some() || name.starts_with("SQLITE_") || message.contains("SQLITE_") {
        return Error::foreign_sqlite(number, &name, message);
    }
    user_error("the host's SQLite", error)
}
