//! What reducers want done to models, and doing it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::model::{Model, fields};
use crate::sql::Conn;

/// The results of one event or action, by model.
pub type ByModel = BTreeMap<String, ModelResult>;

/// The results of an event: of each action, where it has the form of several.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Results {
    /// Of the event.
    One(ByModel),
    /// Of its actions.
    Many(Vec<ByModel>),
}

/// What one model's reducer wants done. In JSON: `{rm?: [id], ins?: [doc], set?: [doc], upd?:
/// [doc], sav?: [doc], esFail?: code}`; an `error` fails the event.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ModelResult {
    /// Ids to remove.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rm: Vec<Box<RawValue>>,
    /// Documents to insert; one that exists fails the event.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ins: Vec<Box<RawValue>>,
    /// Documents to write whole.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<Box<RawValue>>,
    /// Changes to existing documents; a missing one fails the event.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upd: Vec<Box<RawValue>>,
    /// Changes to documents that are made when missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sav: Vec<Box<RawValue>>,
    /// The event is fine and has no effect on this model, says a reducer of the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub es_fail: Option<String>,
    /// The event fails.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Box<RawValue>>,
    /// Sub-events, which are not built yet.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<Box<RawValue>>,
}

impl ModelResult {
    /// Adds what another reducer of the same model wants.
    pub(super) fn merge(&mut self, other: ModelResult) {
        self.rm.extend(other.rm);
        self.ins.extend(other.ins);
        self.set.extend(other.set);
        self.upd.extend(other.upd);
        self.sav.extend(other.sav);
        self.events.extend(other.events);
        self.es_fail = self.es_fail.take().or(other.es_fail);
        self.error = self.error.take().or(other.error);
    }

    /// Whether the result fails its event.
    pub(super) fn check(&self, model: &str) -> Result<()> {
        if let Some(error) = &self.error {
            return Err(Error::User {
                phase: format!("reduce {model}"),
                message: error.get().to_string(),
            });
        }
        if !self.events.is_empty() {
            return Err(Error::NotSupported("a sub-event (`events` in the result of a reducer)"));
        }
        Ok(())
    }

    /// Does what is wanted, in the order rm, ins, set, upd, sav.
    pub(super) fn apply(&self, conn: &Conn, model: &Model) -> Result<()> {
        if self.es_fail.is_some() {
            return Ok(());
        }
        let with_id = |doc: &RawValue| -> Result<()> {
            if model.definition.integer_id()
                && model.id_in(&fields(doc.get())?)? == crate::sql::Value::Null
            {
                // SQLite would count it up, differently on every replica
                let (model, column) =
                    (model.definition.name.clone(), model.definition.id_col.clone());
                return Err(Error::Required { model, column });
            }
            Ok(())
        };
        for id in &self.rm {
            model.remove(conn, &model.id_from(id.get())?)?;
        }
        for doc in &self.ins {
            with_id(doc)?;
            model.set(conn, doc.get(), true)?;
        }
        for doc in &self.set {
            with_id(doc)?;
            model.set(conn, doc.get(), false)?;
        }
        for doc in &self.upd {
            model.update(conn, doc.get(), false)?;
        }
        for doc in &self.sav {
            with_id(doc)?;
            model.update(conn, doc.get(), true)?;
        }
        Ok(())
    }
}
