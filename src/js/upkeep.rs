//! The database's versions, free pages and statistics. Timers are the class API's.

use wasm_bindgen::prelude::*;

use super::app::JsApp;
use super::engine::Engine;
use super::error::to_js;
use crate::store::Store;

#[wasm_bindgen]
impl Engine {
    /// A number that changes when another connection has written to the file.
    #[wasm_bindgen(js_name = dataVersion)]
    pub fn data_version(&self) -> Result<f64, JsValue> {
        self.store.db().data_version().map(|v| v as f64).map_err(to_js)
    }

    /// The application's version of the database.
    #[wasm_bindgen(js_name = userVersion)]
    pub fn user_version(&self, token: u32) -> Result<f64, JsValue> {
        let version = || self.store.db().user_version(self.conn(token)?);
        version().map(|v| v as f64).map_err(to_js)
    }

    /// Sets it.
    #[wasm_bindgen(js_name = setUserVersion)]
    pub fn set_user_version(&self, version: i32, token: u32) -> Result<JsValue, JsValue> {
        let set =
            move |s: &Store<JsApp>| s.db().set_user_version(version).map(|()| JsValue::UNDEFINED);
        if token != 0 {
            return self.inside(token, set);
        }
        self.alone(Box::new(set))
    }

    /// The number of unused pages of the file.
    #[wasm_bindgen(js_name = freePages)]
    pub fn free_pages(&self) -> Result<f64, JsValue> {
        self.store.db().free_pages().map(|n| n as f64).map_err(to_js)
    }

    /// Switches the file to give unused pages back step by step.
    #[wasm_bindgen(js_name = makeIncremental)]
    pub fn make_incremental(&self) -> Result<JsValue, JsValue> {
        self.alone(Box::new(|s| s.db().make_incremental().map(|()| JsValue::UNDEFINED)))
    }

    /// Gives up to `pages` unused pages back; gives how many are left.
    #[wasm_bindgen(js_name = giveBack)]
    pub fn give_back(&self, pages: u32) -> Result<JsValue, JsValue> {
        self.alone(Box::new(move |s| s.db().give_back(pages).map(|left| (left as f64).into())))
    }

    /// Writes the whole file anew, without free pages.
    pub fn vacuum(&self) -> Result<JsValue, JsValue> {
        self.alone(Box::new(|s| s.db().vacuum().map(|()| JsValue::UNDEFINED)))
    }

    /// Brings statistics up to date.
    pub fn optimize(&self) -> Result<JsValue, JsValue> {
        self.alone(Box::new(|s| s.db().optimize().map(|()| JsValue::UNDEFINED)))
    }

    /// Gives rows in the opposite order where none is asked for.
    #[wasm_bindgen(js_name = reverseUnordered)]
    pub fn reverse_unordered(&self) -> Result<(), JsValue> {
        self.store.db().reverse_unordered().map_err(to_js)
    }
}
