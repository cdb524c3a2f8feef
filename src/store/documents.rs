//! Documents of models: the operations of `JsonModel`.
//!
//! Each `…_now` works in the transaction that is open; its twin without takes a turn and a
//! transaction of its own.

use std::rc::Rc;

use super::Store;
use crate::error::{Error, Result};
use crate::event::App;
use crate::model::{Found, Model, News, Patch, Search};
use crate::sql::{Conn, Value};

impl<A: App> Store<A> {
    /// Writes documents, one to a line of `docs`, all or none.
    pub async fn set(&self, model: &str, docs: &str, insert_only: bool) -> Result<Vec<News>> {
        let _turn = self.enter().await?;
        let written = match docs.contains('\n') {
            // one statement is a transaction by itself
            false => self.set_now(model, docs, insert_only),
            true => self.db.transaction(|| self.set_now(model, docs, insert_only)),
        }?;
        self.db.settle().await?;
        Ok(written)
    }

    /// [`Store::set`] in the open transaction.
    pub fn set_now(&self, model: &str, docs: &str, insert_only: bool) -> Result<Vec<News>> {
        let (name, model) = (model, self.model(model)?);
        let write = |doc| model.set_and_tell(self.db.writer(), doc, insert_only);
        self.writing(name, || docs.split('\n').map(write).collect())
    }

    /// Changes parts of a document; gives the whole one.
    pub async fn patch(&self, model: &str, id: &Value, patch: &Patch) -> Result<String> {
        let _turn = self.enter().await?;
        let doc = self.db.transaction(|| self.patch_now(model, id, patch))?;
        self.db.settle().await?;
        Ok(doc)
    }

    /// [`Store::patch`] in the open transaction.
    pub fn patch_now(&self, model: &str, id: &Value, patch: &Patch) -> Result<String> {
        let (name, model) = (model, self.model(model)?);
        self.writing(name, || model.patch(self.db.writer(), id, patch))
    }

    /// Gives a document another id.
    pub async fn change_id(&self, model: &str, old: &Value, new: &Value) -> Result<()> {
        let _turn = self.enter().await?;
        self.change_id_now(model, old, new)?;
        self.db.settle().await
    }

    /// [`Store::change_id`] in the open transaction.
    pub fn change_id_now(&self, model: &str, old: &Value, new: &Value) -> Result<()> {
        let (name, model) = (model, self.model(model)?);
        self.writing(name, || model.change_id(self.db.writer(), old, new))
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
        let (name, model) = (model, self.model(model)?);
        let write = |doc: &String| model.update(self.db.writer(), doc, upsert);
        self.writing(name, || docs.iter().map(write).collect())
    }

    /// Removes documents by their ids, all or none; how many there were.
    pub async fn remove(&self, model: &str, ids: &[Value]) -> Result<u32> {
        let _turn = self.enter().await?;
        let removed = match ids {
            // one statement is a transaction by itself
            [_] => self.remove_now(model, ids),
            _ => self.db.transaction(|| self.remove_now(model, ids)),
        }?;
        self.db.settle().await?;
        Ok(removed)
    }

    /// [`Store::remove`] in the open transaction.
    pub fn remove_now(&self, model: &str, ids: &[Value]) -> Result<u32> {
        let (name, model) = (model, self.model(model)?);
        let remove = |id| model.remove(self.db.writer(), id).map(u32::from);
        self.writing(name, || ids.iter().map(remove).sum())
    }

    /// The document with an id, as `conn` sees it.
    pub fn get(&self, conn: &Conn, model: &str, id: &Value) -> Result<Option<String>> {
        self.readable()?;
        self.model(model)?.get(conn, id)
    }

    /// The first document with a value in a column, as `conn` sees it.
    pub fn get_by(
        &self,
        conn: &Conn,
        model: &str,
        column: &str,
        value: &Value,
    ) -> Result<Option<String>> {
        self.readable()?;
        self.model(model)?.get_by(conn, column, value)
    }

    /// The documents with these values in a column, as `conn` sees them.
    pub fn get_all(
        &self,
        conn: &Conn,
        model: &str,
        column: &str,
        values: &[Value],
    ) -> Result<String> {
        self.readable()?;
        self.model(model)?.get_all(conn, column, values)
    }

    /// A document as a patch would leave it, as `conn` sees it.
    pub fn patched(
        &self,
        conn: &Conn,
        model: &str,
        id: &Value,
        patch: &Patch,
    ) -> Result<Option<String>> {
        self.readable()?;
        self.model(model)?.patched(conn, id, patch)
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
