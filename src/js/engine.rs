//! `Engine`: one open database. Each operation is one call and gives its value, or a promise of it
//! when it waits.

use std::rc::Rc;

use js_sys::Array;
use serde::Deserialize;
use wasm_bindgen::prelude::*;

use super::access::Access;
use super::app::{Functions, JsApp};
use super::error::to_js;
use super::host_sql::{HostLink, Linked};
use super::plain;
use super::settle::settle;
use super::sync::Machine;
use crate::error::{Error, Result};
use crate::sql::{Conn, Db, Durability, Options};
use crate::store::Store;
use crate::vfs::place::{self, Place};
use crate::vfs::system::open_file;

/// An open database. `token` is 0 outside of transactions.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Engine {
    pub(super) store: Rc<Store<JsApp>>,
    pub(super) access: Rc<Access>,
    pub(super) machine: Rc<Machine>,
    /// The storage it was opened in.
    place: &'static str,
}

#[wasm_bindgen]
impl Engine {
    /// Opens a database with options `{storage, file, relaxed?, readOnly?}`; gives the `Engine`.
    /// `storage` is `file` (then `fs` is the system's files), `opfs`, `indexeddb`, `memory`, or
    /// `browser` for the one of these three that has it or is the best there is.
    pub fn open(
        options: JsValue,
        fs: JsValue,
        functions: Option<Functions>,
    ) -> Result<JsValue, JsValue> {
        settle(async move {
            let (place, db) = open_db(options, fs).await?;
            let access = Rc::new(Access::default());
            let store = Rc::new(Store::new(db, JsApp::new(functions, access.clone())));
            Ok(Engine { store, access, machine: Rc::default(), place }.into())
        })
    }

    /// Opens a host's SQLite through its link: see `host-link.js`.
    #[wasm_bindgen(js_name = openHosted)]
    pub fn open_hosted(link: HostLink) -> Result<Engine, JsValue> {
        let db = Db::of_host(Box::new(Linked::new(link))).map_err(to_js)?;
        let access = Rc::new(Access::default());
        let store = Rc::new(Store::new(db, JsApp::new(None, access.clone())));
        Ok(Engine { store, access, machine: Rc::default(), place: "adapter" })
    }

    /// Waits for the writes that have begun and refuses later ones. The files are closed when the
    /// engine is freed.
    pub fn close(&self) -> Result<JsValue, JsValue> {
        let store = self.store.clone();
        settle(async move {
            store.close().await?;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Where the database is: `file`, `opfs`, `indexeddb`, `memory`, or `adapter` for a host's
    /// SQLite.
    #[wasm_bindgen(getter)]
    pub fn storage(&self) -> String {
        self.place.into()
    }

    /// Whether the last write failed because the storage is full.
    #[wasm_bindgen(getter)]
    pub fn full(&self) -> bool {
        self.store.db().is_full()
    }

    /// Resolves when the `relaxed` writes so far are kept, rejects with why they are not.
    #[wasm_bindgen(js_name = catchUp)]
    pub fn catch_up(&self) -> Result<JsValue, JsValue> {
        self.run(|store| async move { store.db().catch_up().await.map(|()| JsValue::UNDEFINED) })
    }

    /// The random name that the database got when its queue was made, undefined before that.
    /// Another name under the same file means that the database was deleted and made again.
    #[wasm_bindgen(getter)]
    pub fn birth(&self) -> Option<String> {
        self.store.birth().map(|birth| birth.to_string())
    }

    /// The tables whose rows changed since the last call.
    pub fn changed(&self) -> Array {
        self.store.take_changed().iter().map(|table| JsValue::from_str(table)).collect()
    }

    /// Begins a transaction of the application; gives its token.
    pub fn begin(&self) -> Result<JsValue, JsValue> {
        let access = self.access.clone();
        self.run(|store| async move {
            let turn = store.enter().await?;
            store.db().begin_long()?.keep();
            Ok(JsValue::from(access.hold(turn)))
        })
    }

    /// Begins a savepoint in the application's transaction; gives its depth.
    pub fn nest(&self, token: u32) -> Result<u32, JsValue> {
        let depth = || -> Result<u32> {
            self.access.check(token, true)?;
            Ok(self.store.db().begin_long()?.keep())
        };
        depth().map_err(to_js)
    }

    /// Ends a savepoint: keeps its writes, or rolls them back.
    pub fn unnest(&self, token: u32, depth: u32, keep: bool) -> Result<(), JsValue> {
        let done = || -> Result<()> {
            self.access.check(token, true)?;
            let tx = self.store.db().resume(depth);
            if keep { tx.commit() } else { tx.rollback() }
        };
        done().map_err(to_js)
    }

    /// Commits the application's transaction.
    pub fn commit(&self, token: u32) -> Result<JsValue, JsValue> {
        let turn = self.access.release(token).map_err(to_js)?;
        self.run(|store| async move {
            let _turn = turn;
            store.db().resume(0).commit()?;
            store.db().settle().await?;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// Rolls the application's transaction back.
    pub fn rollback(&self, token: u32) -> Result<(), JsValue> {
        let done = || -> Result<()> {
            let _turn = self.access.release(token)?;
            self.store.db().resume(0).rollback()
        };
        done().map_err(to_js)
    }
}

/// The options of [`Engine::open`].
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Opening {
    storage: String,
    file: String,
    #[serde(default)]
    relaxed: bool,
    #[serde(default)]
    read_only: bool,
}

/// Opens a database where it is kept; `options` and `fs` as in [`Engine::open`]. Gives the
/// storage's name, too.
pub(super) async fn open_db(options: JsValue, fs: JsValue) -> Result<(&'static str, Db)> {
    let Opening { storage, file, relaxed, read_only } = plain::read(options, "options")?;
    let (storage, file) = (storage.as_str(), file.as_str());
    let durability = if relaxed { Durability::Relaxed } else { Durability::Strict };
    let (place, vfs, name) = match (storage, Place::from_name(storage)) {
        ("file", _) => {
            let (vfs, name) = open_file(fs.unchecked_ref(), file).await?;
            ("file", vfs, name)
        }
        (_, Some(place)) => {
            let (vfs, name) = place.open(file).await?;
            (place.name(), vfs, name)
        }
        _ => {
            let (place, vfs, name) = place::open(file).await?;
            (place.name(), vfs, name)
        }
    };
    let db = Db::open(vfs, &name, Options { durability, read_only })?;
    // what opening has made is what a first commit that fails goes back to
    db.flush().await?;
    Ok((place, db))
}

/// Work on the store that waits for nothing.
pub(super) type Job<'a> = Box<dyn FnOnce(&Store<JsApp>) -> Result<JsValue> + 'a>;

impl Engine {
    /// An operation with a turn of its own.
    pub(super) fn run<F>(
        &self,
        operation: impl FnOnce(Rc<Store<JsApp>>) -> F,
    ) -> Result<JsValue, JsValue>
    where
        F: Future<Output = Result<JsValue>> + 'static,
    {
        settle(operation(self.store.clone()))
    }

    /// A write inside the open transaction. When it fails, only its own changes are rolled back.
    pub(super) fn inside(
        &self,
        token: u32,
        operation: impl FnOnce(&Store<JsApp>) -> Result<JsValue>,
    ) -> Result<JsValue, JsValue> {
        self.part(token, Box::new(operation))
    }

    /// [`Engine::inside`], compiled once and not for each operation.
    fn part(&self, token: u32, operation: Job<'_>) -> Result<JsValue, JsValue> {
        let done = || {
            self.access.check(token, true)?;
            self.store.db().transaction(|| operation(&self.store))
        };
        // when the commit hook refused a COMMIT in the application's SQL, `check_open` knows why
        let told = |error: Error| {
            self.store.db().check_open().err().filter(|_| by_hook(&error)).unwrap_or(error)
        };
        done().map_err(|error| to_js(told(error)))
    }

    /// Where a read of models goes: the open transaction with its token, else the last commit.
    pub(super) fn conn(&self, token: u32) -> Result<&Conn> {
        match token {
            0 => Ok(self.store.db().committed()),
            token => self.own_conn(token),
        }
    }

    /// Where an application's own statement goes: as [`Engine::conn`], but outside of the
    /// transaction it cannot write.
    pub(super) fn own_conn(&self, token: u32) -> Result<&Conn> {
        match token {
            0 => Ok(self.store.db().reader()),
            token => {
                self.access.check(token, false)?;
                self.store.db().check_open().map(|()| self.store.db().writer())
            }
        }
    }
}

/// Whether the writer's commit hook refused a commit. A table's constraint always says which one
/// failed; the hook leaves SQLite without a name to give.
fn by_hook(error: &Error) -> bool {
    matches!(error, Error::Sqlite { message, .. } if message == "constraint failed")
}
