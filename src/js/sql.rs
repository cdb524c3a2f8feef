//! Statements the application wrote.

use js_sys::{Array, JsString, Object};
use wasm_bindgen::prelude::*;

use super::app::JsApp;
use super::engine::{Engine, Job};
use super::error::to_js;
use super::value;
use crate::error::{Error, Result};
use crate::sql::{Conn, Param, Params, check_inside, may_write};
use crate::store::Store;

#[wasm_bindgen]
impl Engine {
    /// Runs a statement; gives `{changes, lastID}`.
    #[wasm_bindgen(js_name = runSql)]
    pub fn run_sql(&self, sql: String, params: &JsValue, token: u32) -> Result<JsValue, JsValue> {
        let params = value::params(params).map_err(to_js)?;
        if token != 0 {
            let run = |s: &Store<JsApp>| self.by(token, s.db().writer(), || run(s, &sql, &params));
            return self.inside(token, |s| check_inside(&sql).and_then(|()| run(s)));
        }
        self.alone(Box::new(move |s| s.db().writer().theirs(|| run(s, &sql, &params))))
    }

    /// Runs statements one after the other, without parameters.
    #[wasm_bindgen(js_name = execSql)]
    pub fn exec_sql(&self, sql: String, token: u32) -> Result<JsValue, JsValue> {
        if token != 0 {
            check_inside(&sql).map_err(to_js)?;
        }
        let exec = move |s: &Store<JsApp>| {
            let writer = s.db().writer();
            writer.check_host(&sql).and_then(|()| writer.exec(&sql)).map(|()| JsValue::UNDEFINED)
        };
        if token != 0 {
            return self.inside(token, |s| self.by(token, s.db().writer(), || exec(s)));
        }
        self.alone(Box::new(move |s| s.db().writer().theirs(|| exec(s))))
    }

    /// The rows of a statement as objects, or its `first` only. One that writes takes its turn.
    #[wasm_bindgen(js_name = allSql)]
    pub fn all_sql(
        &self,
        sql: String,
        params: &JsValue,
        first: bool,
        token: u32,
    ) -> Result<JsValue, JsValue> {
        let params = value::params(params).map_err(to_js)?;
        let db = self.store.db();
        let only_reads = || self.by(token, db.writer(), || db.writer().only_reads(&sql));
        let found = |conn: &Conn| self.by(token, conn, || rows(conn, &sql, &params, first));
        if token != 0 {
            check_inside(&sql).map_err(to_js)?;
            if !only_reads() {
                return self.inside(token, |s| found(s.db().writer()));
            }
        }
        // a plain read goes to the writer's connection, which alone has the application's temporary
        // tables, attached databases and last_insert_rowid()
        if token == 0 && !db.is_hosted() && !db.writer().in_transaction() && only_reads() {
            let found = found(db.writer());
            return no_begin(&self.store).and(found).map_err(to_js);
        }
        if token == 0 && self.store.db().is_hosted() && may_write(&sql) {
            return self.write_rows(sql, params, first);
        }
        match self.own_conn(token).and_then(found) {
            Err(Error::Sqlite { code: "SQLITE_READONLY", .. }) if token == 0 => {
                self.write_rows(sql, params, first)
            }
            done => done.map_err(to_js),
        }
    }
}

impl Engine {
    /// Runs `work` under the rules for the author of its statements: the application, or a phase of
    /// an event.
    fn by<T>(&self, token: u32, conn: &Conn, work: impl FnOnce() -> T) -> T {
        match token != 0 && self.access.is_phase() {
            true => conn.phase(work),
            false => conn.theirs(work),
        }
    }

    fn write_rows(&self, sql: String, params: Params, first: bool) -> Result<JsValue, JsValue> {
        self.alone(Box::new(move |s| {
            let writer = s.db().writer();
            writer.theirs(|| rows(writer, &sql, &params, first))
        }))
    }

    /// Work in a turn of its own, outside of any transaction. It must not leave a transaction open,
    /// which later writes would become part of. When one of several statements fails, the writes of
    /// those before it stay, so they are made durable as well.
    pub(super) fn alone(&self, work: Job<'static>) -> Result<JsValue, JsValue> {
        self.run(|store| async move {
            let _turn = store.enter().await?;
            let done = work(&store);
            no_begin(&store)?;
            match done {
                Ok(done) => store.db().settle().await.map(|()| done),
                Err(error) => store.db().flush().await.and(Err(error)),
            }
        })
    }
}

fn run(store: &Store<JsApp>, sql: &str, params: &Params) -> Result<JsValue> {
    let changes = store.db().writer().statement(sql, params, |_| {}, |_| Ok(true))?;
    // by hand: a rowid beyond a number's precision becomes a BigInt, and every write comes here
    let done = Object::new();
    value::put(&done, "changes", changes.changes as f64);
    value::put(&done, "lastID", value::param_to_js(Param::Integer(changes.last_id)));
    Ok(done.into())
}

fn rows(conn: &Conn, sql: &str, params: &Params, first: bool) -> Result<JsValue> {
    let found = Array::new();
    let mut names: Vec<JsString> = Vec::new();
    let names_cell = std::cell::RefCell::new(&mut names);
    conn.statement(
        sql,
        params,
        |columns| names_cell.borrow_mut().extend(columns.iter().map(|c| JsString::from(*c))),
        |row| {
            let object = Object::new();
            for (i, name) in names_cell.borrow().iter().enumerate() {
                value::put_own(&object, name, value::to_js(&row.value(i)?));
            }
            found.push(&object);
            Ok(!first)
        },
    )?;
    Ok(found.into())
}

/// Ends and refuses a transaction that a statement of the application has begun.
fn no_begin(store: &Store<JsApp>) -> Result<()> {
    if store.db().writer().in_transaction() {
        store.db().writer().exec("ROLLBACK")?;
        return Err(Error::BadValue(
            "BEGIN outside of withTransaction: use db.withTransaction(fn)".into(),
        ));
    }
    Ok(())
}
