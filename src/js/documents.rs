//! Documents of models: writing them, and reading them by their ids. Searches are in engine.rs.

use js_sys::Array;
use wasm_bindgen::prelude::*;

use super::engine::Engine;
use super::error::to_js;
use super::value;
use crate::error::{Error, Result};
use crate::model::{News, Patch};
use crate::sql::Value;

#[wasm_bindgen]
impl Engine {
    /// Writes documents, as lines of JSON in UTF-8: wasm-bindgen copies a string character by
    /// character, which is slower. Gives for each document undefined when it reads back as it was
    /// given, its id (a number or BigInt) when the engine made the id, else the document as it now
    /// reads, as JSON.
    pub fn set(
        &self,
        model: String,
        docs: Vec<u8>,
        insert_only: bool,
        token: u32,
    ) -> Result<JsValue, JsValue> {
        let docs = String::from_utf8(docs).map_err(|e| to_js(Error::BadValue(e.to_string())))?;
        if token != 0 {
            return self
                .inside(token, |s| s.set_now(&model, &docs, insert_only).map(|all| news(&all)));
        }
        self.run(|store| async move {
            store.set(&model, &docs, insert_only).await.map(|all| news(&all))
        })
    }

    /// Merges documents; gives the merged ones.
    pub fn update(
        &self,
        model: String,
        docs: Vec<String>,
        upsert: bool,
        token: u32,
    ) -> Result<JsValue, JsValue> {
        if token != 0 {
            return self.inside(token, |s| s.update_now(&model, &docs, upsert).map(text_list));
        }
        self.run(|store| async move { store.update(&model, &docs, upsert).await.map(text_list) })
    }

    /// Changes parts of a document; gives the whole one.
    pub fn patch(
        &self,
        model: String,
        id: &JsValue,
        patch: &str,
        token: u32,
    ) -> Result<JsValue, JsValue> {
        let (id, patch) =
            id_of(&model, id).and_then(|id| Ok((id, Patch::parse(patch)?))).map_err(to_js)?;
        if token != 0 {
            return self.inside(token, |s| s.patch_now(&model, &id, &patch).map(JsValue::from));
        }
        self.run(|store| async move { store.patch(&model, &id, &patch).await.map(JsValue::from) })
    }

    /// A document as a patch would leave it, or undefined when there is none.
    pub fn patched(
        &self,
        model: &str,
        id: &JsValue,
        patch: &str,
        token: u32,
    ) -> Result<Option<String>, JsValue> {
        let doc = || {
            self.store.patched(self.conn(token)?, model, &id_of(model, id)?, &Patch::parse(patch)?)
        };
        doc().map_err(to_js)
    }

    /// Gives a document another id.
    #[wasm_bindgen(js_name = changeId)]
    pub fn change_id(
        &self,
        model: String,
        old: &JsValue,
        new: &JsValue,
        token: u32,
    ) -> Result<JsValue, JsValue> {
        let (old, new) =
            id_of(&model, old).and_then(|old| Ok((old, id_of(&model, new)?))).map_err(to_js)?;
        if token != 0 {
            return self.inside(token, |s| {
                s.change_id_now(&model, &old, &new).map(|()| JsValue::UNDEFINED)
            });
        }
        self.run(|store| async move {
            store.change_id(&model, &old, &new).await.map(|()| JsValue::UNDEFINED)
        })
    }

    /// Removes documents by their ids, all or none; gives how many there were.
    pub fn remove(&self, model: String, ids: &Array, token: u32) -> Result<JsValue, JsValue> {
        let ids: Vec<Value> =
            ids.iter().map(|id| value::from_js(&id, "id")).collect::<Result<_>>().map_err(to_js)?;
        if token != 0 {
            return self.inside(token, |s| s.remove_now(&model, &ids).map(JsValue::from));
        }
        self.run(|store| async move { store.remove(&model, &ids).await.map(JsValue::from) })
    }

    /// The document with an id as JSON, or undefined.
    pub fn get(&self, model: &str, id: &JsValue, token: u32) -> Result<Option<String>, JsValue> {
        let found = || self.store.get(self.conn(token)?, model, &id_of(model, id)?);
        found().map_err(to_js)
    }

    /// The first document with a value in a column as JSON, or undefined.
    #[wasm_bindgen(js_name = getBy)]
    pub fn get_by(
        &self,
        model: &str,
        column: &str,
        value: &JsValue,
        token: u32,
    ) -> Result<Option<String>, JsValue> {
        let found = || self.store.get_by(self.conn(token)?, model, column, &id_of(model, value)?);
        found().map_err(to_js)
    }

    /// The documents with these values in a column as one JSON array, null where there is none.
    #[wasm_bindgen(js_name = getAll)]
    pub fn get_all(
        &self,
        model: &str,
        column: &str,
        values: &Array,
        token: u32,
    ) -> Result<String, JsValue> {
        let found = || {
            let values: Vec<Value> =
                values.iter().map(|value| id_of(model, &value)).collect::<Result<_>>()?;
            self.store.get_all(self.conn(token)?, model, column, &values)
        };
        found().map_err(to_js)
    }
}

fn news(written: &[News]) -> JsValue {
    let told = written.iter().map(|news| match news {
        News::None => JsValue::UNDEFINED,
        News::Id(id) => value::to_js(id),
        News::Doc(doc) => JsValue::from_str(doc),
    });
    told.collect::<Array>().into()
}

fn id_of(model: &str, id: &JsValue) -> Result<Value> {
    match value::from_js(id, "id")? {
        Value::Null => Err(Error::BadValue(format!("{model}: no id was given"))),
        id => Ok(id),
    }
}

fn text_list(docs: Vec<String>) -> JsValue {
    docs.iter().map(|doc| JsValue::from_str(doc)).collect::<Array>().into()
}
