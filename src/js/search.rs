//! Searches of models: text in, text out.

use wasm_bindgen::prelude::*;

use super::engine::Engine;
use super::error::to_js;
use super::plain;
use crate::error::{Error, Result};
use crate::model::{OwnSelect, Search, bound};

#[wasm_bindgen]
impl Engine {
    /// The result of a search, as JSON: `{"items": […], "total"?, "cursor"?, "prevCursor"?,
    /// "warning"?}`.
    pub fn search(&self, model: &str, search: &str, token: u32) -> Result<String, JsValue> {
        let found =
            || Ok(self.store.search(self.conn(token)?, model, &Search::parse(search)?)?.json());
        found().map_err(to_js)
    }

    /// The number of documents that match.
    pub fn count(&self, model: &str, search: &str, token: u32) -> Result<f64, JsValue> {
        let count = || self.store.count(self.conn(token)?, model, &Search::parse(search)?);
        count().map(|n| n as f64).map_err(to_js)
    }

    /// Whether a document matches.
    pub fn any(&self, model: &str, search: &str, token: u32) -> Result<bool, JsValue> {
        let any = || self.store.searched(model)?.any(self.conn(token)?, &Search::parse(search)?);
        any().map_err(to_js)
    }

    /// A figure over a column, as JSON.
    pub fn aggregate(
        &self,
        model: &str,
        op: &str,
        column: &str,
        search: &str,
        token: u32,
    ) -> Result<String, JsValue> {
        let figure = || {
            let search = Search::parse(search)?;
            self.store.searched(model)?.aggregate(self.conn(token)?, op, column, &search)
        };
        figure().map_err(to_js)
    }

    /// A warning for the developer about the counts and figures since the last call.
    pub fn warning(&self, model: &str) -> Result<Option<String>, JsValue> {
        self.store.searched(model).map(|model| model.take_warning()).map_err(to_js)
    }

    /// The plan by which SQLite would search: `{sql, plan: [line], indexes: [name], scans}`.
    pub fn explain(&self, model: &str, search: &str, token: u32) -> Result<JsValue, JsValue> {
        let plan = || {
            let search = Search::parse(search)?;
            plain::write(&self.store.searched(model)?.explain(self.conn(token)?, &search)?)
        };
        plan().map_err(to_js)
    }

    /// The statements of a search, as JSON: `[sql, values, cursorAliases, totalSql, totalValues,
    /// invert]`.
    #[wasm_bindgen(js_name = makeSelect)]
    pub fn make_select(&self, model: &str, search: &str) -> Result<String, JsValue> {
        let made = || self.store.searched(model)?.make_select(&Search::parse(search)?)?.json();
        made().map_err(to_js)
    }

    /// [`Engine::search`] by statements of the application's own; values are JSON arrays.
    #[wasm_bindgen(js_name = searchOwn)]
    #[allow(clippy::too_many_arguments)]
    pub fn search_own(
        &self,
        model: &str,
        search: &str,
        sql: String,
        values: &str,
        total: Option<String>,
        total_values: &str,
        token: u32,
    ) -> Result<String, JsValue> {
        let found = || -> Result<String, Error> {
            let total = total.map(|sql| Ok::<_, Error>((sql, bound(total_values)?))).transpose()?;
            let own = OwnSelect { select: (sql, bound(values)?), total };
            let (conn, search) = (self.own_conn(token)?, Search::parse(search)?);
            Ok(self.store.searched(model)?.search_own(conn, &search, own)?.json())
        };
        found().map_err(to_js)
    }
}
