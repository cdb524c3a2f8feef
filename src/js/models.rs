//! Models of an engine: at once, or in the stages between which the class API runs the
//! application's migrations.

use js_sys::Array;
use wasm_bindgen::prelude::*;

use super::engine::Engine;
use super::error::to_js;
use super::{plain, value};
use crate::error::{Error, Result};
use crate::model::{Definition, Stage, done_keys, note_key};
use crate::sql::Value;

#[wasm_bindgen]
impl Engine {
    /// Refuses SQL of the application on what events own, in a database with a queue, before the
    /// models are added.
    pub fn claim(&self, owned: Vec<String>) -> Result<(), JsValue> {
        self.store.claim(&owned).map_err(to_js)
    }

    /// Adds a model; only events write to an `owned` one.
    #[wasm_bindgen(js_name = addModel)]
    pub fn add_model(&self, definition: JsValue, owned: bool) -> Result<JsValue, JsValue> {
        let definition = defined(definition).map_err(to_js)?;
        self.run(|store| async move {
            store.add_model(definition, owned).await.map(|()| JsValue::UNDEFINED)
        })
    }

    /// Adds a model to a database that is read only: its table stays as it is.
    #[wasm_bindgen(js_name = declareModel)]
    pub fn declare_model(&self, definition: JsValue, owned: bool) -> Result<(), JsValue> {
        let declare = || self.store.declare_model(defined(definition)?, owned);
        declare().map_err(to_js)
    }

    /// Adds a model; `migrateModel` then brings its table to the definition. Gives the columns
    /// whose `version` changed, which must be written again.
    #[wasm_bindgen(js_name = planModel)]
    pub fn plan_model(
        &self,
        definition: JsValue,
        owned: bool,
        token: u32,
    ) -> Result<JsValue, JsValue> {
        let definition = defined(definition).map_err(to_js)?;
        self.inside(token, |s| plain::write(&s.shape_now(definition, owned)?))
    }

    /// The next step of a stage, `shape`, `rest` or `refer`: `[phase, done, total]`, or null when
    /// it is over.
    #[wasm_bindgen(js_name = migrateModel)]
    pub fn migrate_model(&self, model: &str, stage: &str, token: u32) -> Result<JsValue, JsValue> {
        self.inside(token, |s| {
            let stage = match stage {
                "shape" => Stage::Shape,
                "rest" => Stage::Rest,
                "refer" => Stage::Refer,
                other => return Err(Error::BadValue(format!("there is no stage '{other}'"))),
            };
            plain::write(&s.step_now(model, stage)?.map(|step| (step.phase, step.done, step.total)))
        })
    }

    /// Removes a model from the engine after its transaction was rolled back.
    #[wasm_bindgen(js_name = forgetModel)]
    pub fn forget_model(&self, model: &str) {
        self.store.forget_model(model);
    }

    /// Drops the table of a model that is no longer declared; whether there was one.
    #[wasm_bindgen(js_name = dropModel)]
    pub fn drop_model(&self, model: &str, token: u32) -> Result<JsValue, JsValue> {
        self.inside(token, |s| s.drop_model_now(model).map(JsValue::from_bool))
    }

    /// At most `limit` ids of documents after `after`, in their order.
    pub fn ids(
        &self,
        model: &str,
        after: &JsValue,
        limit: u32,
        token: u32,
    ) -> Result<JsValue, JsValue> {
        self.inside(token, |s| {
            let after = value::from_js(after, "after")?;
            let ids = s.ids(model, Some(&after).filter(|id| **id != Value::Null), limit.into())?;
            Ok(ids.iter().map(value::to_js).collect::<Array>().into())
        })
    }

    /// The documents with these ids as JSON texts, just as they are stored.
    pub fn documents(&self, model: &str, ids: &Array, token: u32) -> Result<JsValue, JsValue> {
        self.inside(token, |s| {
            let ids: Vec<Value> =
                ids.iter().map(|id| value::from_js(&id, "id")).collect::<Result<_>>()?;
            let docs = s.documents(model, &ids)?;
            Ok(docs.iter().map(|doc| JsValue::from_str(doc)).collect::<Array>().into())
        })
    }

    /// Writes documents from such texts.
    pub fn rewrite(&self, model: &str, docs: Vec<String>, token: u32) -> Result<JsValue, JsValue> {
        self.inside(token, |s| s.rewrite_now(model, &docs).map(|()| JsValue::UNDEFINED))
    }

    /// The keys of the application's migrations that have run.
    #[wasm_bindgen(js_name = migrated)]
    pub fn migrated(&self, token: u32) -> Result<JsValue, JsValue> {
        self.inside(token, |s| plain::write(&done_keys(s.db().writer())?))
    }

    /// Notes that a migration has run, at `ts` in seconds.
    #[wasm_bindgen(js_name = noteMigrated)]
    pub fn note_migrated(&self, key: &str, ts: f64, token: u32) -> Result<JsValue, JsValue> {
        self.inside(token, |s| {
            note_key(s.db().writer(), key, ts as i64).map(|()| JsValue::UNDEFINED)
        })
    }
}

/// A model's definition, as `JsonModel` compiles it.
fn defined(given: JsValue) -> Result<Definition> {
    plain::read::<Definition>(given, "model definition")?.checked()
}
