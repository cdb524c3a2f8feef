//! Events and the queue for JavaScript: drafts in and events out as JSON text.

use js_sys::Array;
use serde::Deserialize;
use serde_json::value::RawValue;
use wasm_bindgen::prelude::*;

use super::engine::Engine;
use super::error::to_js;
use crate::error::{Error, Result};
use crate::event::{self, Entry, Filter, Types};
use crate::store::{Call, Dispatched, Draft, EventOptions};
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

/// A page's call in JSON: `{tab, n, done, again?}`.
#[derive(Deserialize)]
struct CallText {
    tab: String,
    n: u64,
    done: u64,
    #[serde(default)]
    again: bool,
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
    /// Opens the queue, after the models were added. `log` is the synced log's name, `types` the
    /// declared types of events in JSON: `{type: {tv, optional}}`.
    #[wasm_bindgen(js_name = openEvents)]
    pub fn open_events(
        &self,
        log: Option<String>,
        version: i32,
        types: Option<String>,
    ) -> Result<JsValue, JsValue> {
        let types = types.map_or(Ok(Types::default()), |text| {
            let bad = |e: serde_json::Error| to_js(Error::BadValue(format!("types: {e}")));
            serde_json::from_str(&text).map(Types::new).map_err(bad)
        })?;
        let options = EventOptions { log, version: version.into(), max_body: limits::BODY, types };
        self.run(
            |store| async move { store.open_events(options).await.map(|()| JsValue::UNDEFINED) },
        )
    }

    /// Makes events, all or none. `drafts` is a JSON array of `{type, data?, ts?, id?, tv?}`; gives
    /// a JSON array of `{id, v, type, ts, data, result, pending}`. `call` is a page's, in JSON:
    /// `{tab, n, done, again?}`.
    pub fn dispatch(&self, drafts: &str, call: Option<String>) -> Result<JsValue, JsValue> {
        let drafts = parse_drafts(drafts).map_err(to_js)?;
        let call = call.map(|call| parse_call(&call)).transpose().map_err(to_js)?;
        self.run(|store| async move {
            let reply = match call {
                Some(call) => store.dispatch_once(drafts, &call, write_dispatched).await?,
                None => write_dispatched(&store.dispatch(drafts).await?)?,
            };
            Ok(JsValue::from_str(&reply))
        })
    }

    /// The tabs of which calls are recorded.
    #[wasm_bindgen(js_name = callTabs)]
    pub fn call_tabs(&self) -> Result<Vec<String>, JsValue> {
        self.store.call_tabs().map_err(to_js)
    }

    /// Forgets the calls of a tab that is gone.
    #[wasm_bindgen(js_name = forgetCalls)]
    pub fn forget_calls(&self, tab: String) -> Result<JsValue, JsValue> {
        self.run(|store| async move { store.forget_calls(&tab).await.map(|()| JsValue::UNDEFINED) })
    }

    /// What became of an own event: `[seq, error?]`, undefined while it is pending.
    pub fn verdict(&self, id: &str) -> Result<Option<Array>, JsValue> {
        let id: Id =
            serde_json::from_value(id.into()).map_err(|e| to_js(Error::BadValue(e.to_string())))?;
        let found = self.store.verdict(*id.as_bytes()).map_err(to_js)?;
        Ok(found.map(|v| {
            let refusal = v.refusal.map_or(JsValue::UNDEFINED, to_js);
            Array::of2(&JsValue::from_f64(v.seq as f64), &refusal)
        }))
    }

    /// `[confirmed, pending]`: up to where the log is confirmed, and how many events wait after
    /// that.
    pub fn progress(&self) -> Result<Array, JsValue> {
        let (confirmed, pending) = self.store.progress().map_err(to_js)?;
        Ok(Array::of2(&JsValue::from_f64(confirmed as f64), &JsValue::from_f64(pending as f64)))
    }

    /// The confirmed event that this version does not know, `[seq, type, tv]`, or undefined.
    pub fn held(&self) -> Result<JsValue, JsValue> {
        let held = self.store.held().map_err(to_js)?;
        Ok(held.map_or(JsValue::UNDEFINED, |h| {
            Array::of3(&(h.seq as f64).into(), &h.t.into(), &h.tv.into()).into()
        }))
    }

    /// This replica's identity.
    #[wasm_bindgen(getter)]
    pub fn client(&self) -> Result<String, JsValue> {
        self.store.start().map(|start| start.client.to_string()).map_err(to_js)
    }

    /// Part of the queue as a JSON array of `{v, id, type, data, ts, pending, sent?, client?,
    /// kind?, code?, error?}`.
    pub fn history(&self, filter: &str, token: u32) -> Result<String, JsValue> {
        let read = || -> Result<String> {
            let f: FilterText = serde_json::from_str(filter)
                .map_err(|e| Error::BadValue(format!("queue search: {e}")))?;
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

    /// How many events the queue has, of a type if one is given.
    #[wasm_bindgen(js_name = countEvents)]
    pub fn count_events(&self, event_type: Option<String>, token: u32) -> Result<f64, JsValue> {
        let count = || event::count_events(self.conn(token)?, event_type.as_deref());
        count().map(|n| n as f64).map_err(to_js)
    }

    /// Rebuilds everything that events made from the log.
    pub fn rebuild(&self) -> Result<JsValue, JsValue> {
        self.run(|store| async move {
            let turn = store.enter().await?;
            store.rebuild(&turn, None).await.map(|()| JsValue::UNDEFINED)
        })
    }
}

fn parse_call(text: &str) -> Result<Call> {
    let call: CallText =
        serde_json::from_str(text).map_err(|e| Error::BadValue(format!("call: {e}")))?;
    Ok(Call { tab: call.tab, n: call.n, done: call.done, again: call.again })
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
        let result =
            serde_json::to_string(&d.results).map_err(|e| Error::BadValue(e.to_string()))?;
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
        if e.pending {
            out.push_str(&format!(",\"sent\":{}", e.sent));
        }
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
