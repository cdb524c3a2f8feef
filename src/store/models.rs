//! Models of a store: added at once, or in stages between which the application migrates its
//! documents.
//!
//! What a stage does is `model::migrate`'s. Each `…_now` works in the transaction that is open.

use std::rc::Rc;

use super::Store;
use crate::error::{Error, Result};
use crate::event::{App, queue};
use crate::model::{Definition, Migration, Model, Progress, Stage, forget};
use crate::sql::Value;

impl<A: App> Store<A> {
    /// Has SQL of the application refused on the records of a database with a queue, and on the
    /// tables that events own there, before these are added.
    pub fn claim(&self, owned: &[String]) -> Result<()> {
        if queue::is_there(self.db.writer())? {
            self.close_records();
            owned.iter().for_each(|name| self.db.writer().close(name));
        }
        Ok(())
    }

    pub(super) fn close_records(&self) {
        queue::NAMES.iter().chain(&["_calls"]).for_each(|name| self.db.writer().close(name));
    }

    /// Runs the writing of a model that events don't own, which no trigger or foreign key may carry
    /// on into one they do.
    pub(super) fn writing<T>(&self, model: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        let owned = self.owned.borrow();
        match owned.is_empty() || owned.contains_key(model) {
            true => work(),
            false => self.db.writer().theirs(work),
        }
    }

    /// Adds a model and brings its table up to date. `owned` models are written by events alone.
    pub async fn add_model(&self, definition: Definition, owned: bool) -> Result<()> {
        let _turn = self.enter().await?;
        self.free(&definition.name)?;
        let model = Model::new(definition);
        self.db.transaction(|| model.migrate(self.db.writer(), owned))?;
        self.db.settle().await?;
        self.know(model, owned);
        Ok(())
    }

    /// Adds a model whose table is left as it is: of a database that is read only.
    ///
    /// # Errors
    /// `DUPLICATE_MODEL`.
    pub fn declare_model(&self, definition: Definition, owned: bool) -> Result<()> {
        self.free(&definition.name)?;
        self.know(Model::new(definition), owned);
        Ok(())
    }

    /// Adds a model whose table follows in [stages](Store::step_now). Gives the columns whose
    /// `version` is another one: the application rewrites their values before the last stages.
    pub fn shape_now(&self, definition: Definition, owned: bool) -> Result<Vec<String>> {
        self.free(&definition.name)?;
        let migration = Migration::plan(self.db.writer(), &definition, owned)?;
        let rewritten = migration.rewritten();
        self.migrations.borrow_mut().insert(definition.name.clone(), migration);
        self.know(Model::new(definition), owned);
        Ok(rewritten)
    }

    /// The next step of a stage; nothing when it is over.
    pub fn step_now(&self, model: &str, stage: Stage) -> Result<Option<Progress>> {
        let mut migrations = self.migrations.borrow_mut();
        let migration =
            migrations.get_mut(model).ok_or_else(|| Error::UnknownModel(model.to_string()))?;
        let progress = migration.step(self.db.writer(), stage)?;
        if progress.is_none() && stage == Stage::Refer {
            migrations.remove(model);
        }
        Ok(progress)
    }

    /// Takes a model back whose stages were undone.
    pub fn forget_model(&self, name: &str) {
        self.migrations.borrow_mut().remove(name);
        self.models.borrow_mut().remove(name);
        self.owned.borrow_mut().remove(name);
        self.db.writer().open(name);
    }

    /// Drops the table of a model that is no longer declared; whether there was one.
    ///
    /// # Errors
    /// `DUPLICATE_MODEL` while it is declared.
    pub fn drop_model_now(&self, name: &str) -> Result<bool> {
        self.free(name)?;
        forget(self.db.writer(), name)
    }

    /// Ids of documents after `after`, in their order.
    pub fn ids(&self, model: &str, after: Option<&Value>, limit: i64) -> Result<Vec<Value>> {
        self.model(model)?.ids(self.db.writer(), after, limit)
    }

    /// The documents with these ids, as they are stored.
    pub fn documents(&self, model: &str, ids: &[Value]) -> Result<Vec<String>> {
        let model = self.model(model)?;
        let found = ids.iter().filter_map(|id| model.whole(self.db.writer(), id).transpose());
        found.collect()
    }

    /// Writes documents as they are, in the open transaction.
    pub fn rewrite_now(&self, model: &str, docs: &[String]) -> Result<()> {
        let model = self.model(model)?;
        self.writing(&model.definition.name, || {
            docs.iter().try_for_each(|doc| model.set(self.db.writer(), doc, false).map(|_| ()))
        })
    }

    fn free(&self, name: &str) -> Result<()> {
        // tables that differ in case are one
        match self.models.borrow().keys().any(|known| known.eq_ignore_ascii_case(name)) {
            true => Err(Error::DuplicateModel(name.to_string())),
            false => Ok(()),
        }
    }

    fn know(&self, model: Model, owned: bool) {
        let (name, model) = (model.definition.name.clone(), Rc::new(model));
        if owned {
            self.db.writer().close(&name);
            self.owned.borrow_mut().insert(name.clone(), model.clone());
        }
        self.models.borrow_mut().insert(name, model);
    }
}
