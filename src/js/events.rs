//! Events and the queue for JavaScript: drafts in and events out as JSON text.

use js_sys::Array;
use serde::Deserialize;
use serde_json::value::RawValue;
use wasm_bindgen::prelude::*;

use super::engine::Engine;
use super::error::to_js;
use crate::error::{Error, Result};
use crate::event::{self, Entry, Filter};
use crate::store::{Dispatched, Draft, EventOptions};
use crate::sync::id::{ClientId, Id};
use crate::sync::limits;

/// A draft in JSON: `{type, data?, ts?, id?, tv?}`.
#[derive(Deserialize)]
struct DraftText {
    #[serde(rename = "type")]
    t: String,
    #[serde(default)]
    data: Option<Box<RawValue>>,
    #[serde(default)]
    ts: Option<i64>,
    #[serde(default)]
    id: Option<Id>,
    #[serde(default)]
    tv: u32,
}

/// What to read of the queue, in JSON: `{type?, after?, upTo?, limit?, newestFirst?}`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct FilterText {
    #[serde(default, rename = "type")]
    t: Option<String>,
    #[serde(default)]
    after: u64,
    #[serde(default)]
    up_to: Option<u64>,
    #[serde(default)]
    limit: Option<u64>,
    #[serde(default)]
    newest_first: bool,
}

#[wasm_bindgen]
impl Engine {
    /// Opens the queue, after the models were added. `log` is the synced log's name.
    #[wasm_bindgen(js_name = openEvents)]
    pub fn open_events(&self, log: Option<String>, version: i32) -> Result<JsValue, JsValue> {
        let options = EventOptions { log, version: version.into(), max_body: limits::BODY };
        self.run(|store| async move { store.open_events(options).await.map(|()| JsValue::UNDEFINED) })
    }

    /// Makes events, all or none. `drafts` is a JSON array of `{type, data?, ts?, id?, tv?}`; gives a JSON array of
    /// `{id, v, type, ts, data, result, pending}`.
    pub fn dispatch(&self, drafts: &str) -> Result<JsValue, JsValue> {
        let drafts = parse_drafts(drafts).map_err(to_js)?;
        self.run(|store| async move {
            let made = store.dispatch(drafts).await?;
            Ok(JsValue::from_str(&write_dispatched(&made)?))
        })
    }

    /// `[confirmed, pending]`: up to where the log is confirmed, and how many events wait after that.
    pub fn progress(&self) -> Result<Array, JsValue> {
        let (confirmed, pending) = self.store.progress().map_err(to_js)?;
        Ok(Array::of2(&JsValue::from_f64(confirmed as f64), &JsValue::from_f64(pending as f64)))
    }

    /// This replica's identity.
    #[wasm_bindgen(getter)]
    pub fn client(&self) -> Result<String, JsValue> {
        self.store.identity().map(|(client, _)| client.to_string()).map_err(to_js)
    }

    /// Part of the queue as a JSON array of `{v, id, type, data, ts, pending, client?, kind?, code?, error?}`.
    pub fn history(&self, filter: &str, token: u32) -> Result<String, JsValue> {
        let read = || -> Result<String> {
            let f: FilterText =
                serde_json::from_str(filter).map_err(|e| Error::BadValue(format!("queue search: {e}")))?;
            let filter = Filter {
                t: f.t,
                after: f.after,
                up_to: f.up_to,
                limit: f.limit,
                newest_first: f.newest_first,
            };
            write_entries(&event::history(self.conn(token)?, &filter)?)
        };
        read().map_err(to_js)
    }

    /// Rebuilds everything that events made from the log.
    pub fn rebuild(&self) -> Result<JsValue, JsValue> {
        self.run(|store| async move {
            let turn = store.enter().await?;
            store.rebuild(&turn, None).await.map(|()| JsValue::UNDEFINED)
        })
    }
}

fn parse_drafts(text: &str) -> Result<Vec<Draft>> {
    let drafts: Vec<DraftText> =
        serde_json::from_str(text).map_err(|e| Error::BadValue(format!("event: {e}")))?;
    let drafts = drafts.into_iter().map(|d| Draft {
        id: d.id.map(|id| *id.as_bytes()),
        t: d.t,
        tv: d.tv,
        b: d.data.map_or_else(|| "null".to_string(), |data| data.get().to_string()),
        ts: d.ts,
    });
    Ok(drafts.collect())
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

fn write_dispatched(made: &[Dispatched]) -> Result<String> {
    let mut out = String::from("[");
    for (i, d) in made.iter().enumerate() {
        let e = &d.event;
        let result = serde_json::to_string(&d.results).map_err(|e| Error::BadValue(e.to_string()))?;
        out.push_str(if i > 0 { "," } else { "" });
        out.push_str(&format!(
            "{{\"id\":\"{}\",\"v\":{},\"type\":{},\"ts\":{},\"data\":{},\"result\":{result},\"pending\":{}}}",
            Id::from_bytes(e.id),
            e.v,
            quoted(&e.t),
            e.ts,
            e.b,
            d.pending
        ));
    }
    out.push(']');
    Ok(out)
}

fn write_entries(entries: &[Entry]) -> Result<String> {
    let mut out = String::from("[");
    for (i, e) in entries.iter().enumerate() {
        let damaged = || Error::Corrupt("an id in the log has not 16 bytes".into());
        let id = Id::from_slice(&e.id).ok_or_else(damaged)?;
        out.push_str(if i > 0 { "," } else { "" });
        out.push_str(&format!(
            "{{\"v\":{},\"id\":\"{id}\",\"type\":{},\"pending\":{}",
            e.v,
            quoted(&e.t),
            e.pending
        ));
        let data = if e.b.is_empty() { "null" } else { &e.b };
        out.push_str(&format!(",\"data\":{data}"));
        if let Some(ts) = e.ts {
            out.push_str(&format!(",\"ts\":{ts}"));
        }
        if let Some(client) = e.client.as_deref().and_then(ClientId::from_slice) {
            out.push_str(&format!(",\"client\":\"{client}\""));
        }
        if e.k != 1 {
            out.push_str(&format!(",\"kind\":{}", e.k));
        }
        for (key, value) in [("code", &e.code), ("error", &e.err)] {
            if let Some(value) = value {
                out.push_str(&format!(",\"{key}\":{}", quoted(value)));
            }
        }
        out.push('}');
    }
    out.push(']');
    Ok(out)
}
