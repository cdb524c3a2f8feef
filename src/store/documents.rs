//! Documents of models: the operations of `JsonModel`.
//!
//! Each `…_now` works in the transaction that is open; its twin without takes a turn and a transaction of its own.

use std::rc::Rc;

use super::Store;
use crate::error::{Error, Result};
use crate::event::Host;
use crate::model::{Found, Model, Search};
use crate::sql::{Conn, Value};

impl<H: Host> Store<H> {
    /// Writes documents, all or none; gives their ids.
    pub async fn set(&self, model: &str, docs: &[String], insert_only: bool) -> Result<Vec<Value>> {
        let _turn = self.enter().await?;
        let ids = match docs {
            // one statement is a transaction by itself
            [_] => self.set_now(model, docs, insert_only),
            _ => self.db.transaction(|| self.set_now(model, docs, insert_only)),
        }?;
        self.db.settle().await?;
        Ok(ids)
    }

    /// [`Store::set`] in the open transaction.
    pub fn set_now(&self, model: &str, docs: &[String], insert_only: bool) -> Result<Vec<Value>> {
        let model = self.model(model)?;
        docs.iter().map(|doc| model.set(self.db.writer(), doc, insert_only)).collect()
    }

    /// Merges documents into existing ones, all or none; gives the merged ones.
    pub async fn update(&self, model: &str, docs: &[String], upsert: bool) -> Result<Vec<String>> {
        let _turn = self.enter().await?;
        let merged = self.db.transaction(|| self.update_now(model, docs, upsert))?;
        self.db.settle().await?;
        Ok(merged)
    }

    /// [`Store::update`] in the open transaction.
    pub fn update_now(&self, model: &str, docs: &[String], upsert: bool) -> Result<Vec<String>> {
        let model = self.model(model)?;
        docs.iter().map(|doc| model.update(self.db.writer(), doc, upsert)).collect()
    }

    /// Removes a document; whether there was one.
    pub async fn remove(&self, model: &str, id: &Value) -> Result<bool> {
        let _turn = self.enter().await?;
        let there = self.remove_now(model, id)?;
        self.db.settle().await?;
        Ok(there)
    }

    /// [`Store::remove`] in the open transaction.
    pub fn remove_now(&self, model: &str, id: &Value) -> Result<bool> {
        self.model(model)?.remove(self.db.writer(), id)
    }

    /// The document with an id, as `conn` sees it.
    pub fn get(&self, conn: &Conn, model: &str, id: &Value) -> Result<Option<String>> {
        self.readable()?;
        self.model(model)?.get(conn, id)
    }

    /// A model to search, unless the database is closed.
    pub fn searched(&self, model: &str) -> Result<Rc<Model>> {
        self.readable()?;
        self.model(model)
    }

    /// The documents that match, as `conn` sees them.
    pub fn search(&self, conn: &Conn, model: &str, search: &Search) -> Result<Found> {
        self.searched(model)?.search(conn, search)
    }

    /// How many documents match, as `conn` sees them.
    pub fn count(&self, conn: &Conn, model: &str, search: &Search) -> Result<i64> {
        self.searched(model)?.count(conn, search)
    }

    fn readable(&self) -> Result<()> {
        if self.closed.get() { Err(Error::Closed) } else { Ok(()) }
    }
}
