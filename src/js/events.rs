//! Events and the queue for JavaScript: drafts in and events out as JSON text.

use std::collections::BTreeMap;

use js_sys::Array;
use serde::Deserialize;
use serde_json::value::RawValue;
use wasm_bindgen::prelude::*;

use super::engine::Engine;
use super::error::to_js;
use super::plain;
use super::sync::noop;
use crate::error::{Error, Result};
use crate::event::{self, Filter, HistoryRow, TypeRule, Types};
use crate::store::{Call, Dispatched, Draft, EventOptions};
use crate::sync::id::{ClientId, Id};

/// A draft in JSON: `{type, data?, ts?, id?, tv?}`.
#[derive(Deserialize)]
struct DraftText {
    #[serde(rename = "type")]
    event_type: String,
    #[serde(default)]
    data: Option<Box<RawValue>>,
    #[serde(default)]
    ts: Option<i64>,
    #[serde(default)]
    id: Option<Id>,
    #[serde(default)]
    tv: u32,
    #[serde(default)]
    x: Option<String>,
}

/// The options of the queue.
#[derive(Deserialize)]
struct Opening {
    log: Option<String>,
    version: i64,
    types: Option<BTreeMap<String, TypeRule>>,
}

/// A page's call.
#[derive(Deserialize)]
struct CallGiven {
    tab: String,
    n: u64,
    done: u64,
    #[serde(default)]
    again: bool,
}

/// The part of the queue to read.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FilterGiven {
    #[serde(rename = "type")]
    event_type: Option<String>,
    #[serde(default)]
    after: u64,
    up_to: Option<u64>,
    limit: Option<u64>,
    #[serde(default)]
    newest_first: bool,
}

#[wasm_bindgen]
impl Engine {
    /// Opens the queue, after the models were added, with options `{log?, version, types?}`: the
    /// synced log's name, the version of the reducers, and the declared types of events as `{type:
    /// {tv, optional}}`.
    #[wasm_bindgen(js_name = openEvents)]
    pub fn open_events(&self, options: JsValue) -> Result<JsValue, JsValue> {
        let Opening { log, version, types } = plain::read(options, "options").map_err(to_js)?;
        let types = types.map(Types::new).unwrap_or_default();
        let options = EventOptions { log, version, types };
        self.run(
            |store| async move { store.open_events(options).await.map(|()| JsValue::UNDEFINED) },
        )
    }

    /// Makes events, all or none. `drafts` is a JSON array of `{type, data?, ts?, id?, tv?, x?}`;
    /// gives a JSON array of `{id, v, type, ts, data, result, pending}`. `call` is a page's: `{tab,
    /// n, done, again?}`.
    pub fn dispatch(&self, drafts: &str, call: JsValue) -> Result<JsValue, JsValue> {
        let drafts = parse_drafts(drafts).map_err(to_js)?;
        let call = (!call.is_undefined()).then(|| read_call(call)).transpose().map_err(to_js)?;
        self.run(|store| async move {
            let reply = match call {
                Some(call) => store.dispatch_once(drafts, &call, write_dispatched).await?,
                None => write_dispatched(&store.dispatch(drafts).await?)?,
            };
            Ok(JsValue::from_str(&reply))
        })
    }

    /// The tabs whose calls are recorded.
    #[wasm_bindgen(js_name = callTabs)]
    pub fn call_tabs(&self) -> Result<Vec<String>, JsValue> {
        self.store.call_tabs().map_err(to_js)
    }

    /// Forgets the calls of a tab that is gone.
    #[wasm_bindgen(js_name = forgetCalls)]
    pub fn forget_calls(&self, tab: String) -> Result<JsValue, JsValue> {
        self.run(|store| async move { store.forget_calls(&tab).await.map(|()| JsValue::UNDEFINED) })
    }

    /// The outcome of one of this replica's events: `[seq, error?]`, undefined while it is pending.
    pub fn verdict(&self, id: &str) -> Result<Option<Array>, JsValue> {
        let id: Id =
            serde_json::from_value(id.into()).map_err(|e| to_js(Error::BadValue(e.to_string())))?;
        let found = self.store.verdict(*id.as_bytes()).map_err(to_js)?;
        Ok(found.map(|v| {
            let refusal = v.refusal.map_or(JsValue::UNDEFINED, to_js);
            Array::of2(&JsValue::from_f64(v.seq as f64), &refusal)
        }))
    }

    /// `[confirmed, pending]`: the position up to which the log is confirmed, and the number of
    /// events after it.
    pub fn progress(&self) -> Result<JsValue, JsValue> {
        self.store.progress().and_then(|progress| plain::write(&progress)).map_err(to_js)
    }

    /// The confirmed event that this version does not know, `[seq, type, tv]`, or null.
    pub fn held(&self) -> Result<JsValue, JsValue> {
        let held =
            || plain::write(&self.store.held()?.map(|held| (held.seq, held.event_type, held.tv)));
        held().map_err(to_js)
    }

    /// The confirmed events without effect: `[count, [id, seq, type, error]?]` with the last one.
    pub fn noops(&self) -> Result<Array, JsValue> {
        let (count, last) = self.store.noops().map_err(to_js)?;
        let last = last.map_or(JsValue::UNDEFINED, |last| noop(last).into());
        Ok(Array::of2(&JsValue::from_f64(count as f64), &last))
    }

    /// This replica's identity.
    #[wasm_bindgen(getter)]
    pub fn client(&self) -> Result<String, JsValue> {
        self.store.start().map(|start| start.client.to_string()).map_err(to_js)
    }

    /// Part of the queue as a JSON array of `{v, id, type, data, ts, pending, sent?, client?,
    /// kind?, code?, error?}`. `filter` is `{type?, after?, upTo?, limit?, newestFirst?}`.
    pub fn history(&self, filter: JsValue, token: u32) -> Result<String, JsValue> {
        let read = || -> Result<String> {
            let f: FilterGiven = plain::read(filter, "queue search")?;
            let filter = Filter {
                event_type: f.event_type,
                after: f.after,
                up_to: f.up_to,
                limit: f.limit,
                newest_first: f.newest_first,
            };
            write_history(&event::history(self.conn(token)?, &filter)?)
        };
        read().map_err(to_js)
    }

    /// The number of events in the queue, of a type if one is given.
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

fn read_call(given: JsValue) -> Result<Call> {
    let call: CallGiven = plain::read(given, "call")?;
    Ok(Call { tab: call.tab, n: call.n, done: call.done, again: call.again })
}

fn parse_drafts(text: &str) -> Result<Vec<Draft>> {
    let drafts: Vec<DraftText> =
        serde_json::from_str(text).map_err(|e| Error::BadValue(format!("event: {e}")))?;
    let drafts = drafts.into_iter().map(|d| Draft {
        id: d.id.map(|id| *id.as_bytes()),
        event_type: d.event_type,
        tv: d.tv,
        data: d.data.map_or_else(|| "null".to_string(), |data| data.get().to_string()),
        ts: d.ts,
        x: d.x,
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
            "{{\"id\":\"{}\",\"v\":{},\"type\":{},\"ts\":{},\"data\":{},\
             \"result\":{result},\"pending\":{}}}",
            Id::from_bytes(e.id),
            e.v,
            quoted(&e.event_type),
            e.ts,
            e.data,
            d.pending
        ));
    }
    out.push(']');
    Ok(out)
}

fn write_history(rows: &[HistoryRow]) -> Result<String> {
    let mut out = String::from("[");
    for (i, e) in rows.iter().enumerate() {
        let damaged =
            || Error::Corrupt("the log is damaged: the id of an event is not 16 bytes long".into());
        let id = Id::from_slice(&e.id).ok_or_else(damaged)?;
        out.push_str(if i > 0 { "," } else { "" });
        out.push_str(&format!(
            "{{\"v\":{},\"id\":\"{id}\",\"type\":{},\"pending\":{}",
            e.v,
            quoted(&e.event_type),
            e.pending
        ));
        if e.pending {
            out.push_str(&format!(",\"sent\":{}", e.sent));
        }
        let data = if e.data.is_empty() { "null" } else { &e.data };
        out.push_str(&format!(",\"data\":{data}"));
        if let Some(ts) = e.ts {
            out.push_str(&format!(",\"ts\":{ts}"));
        }
        if let Some(client) = e.client.as_deref().and_then(ClientId::from_slice) {
            out.push_str(&format!(",\"client\":\"{client}\""));
        }
        if e.kind != 1 {
            out.push_str(&format!(",\"kind\":{}", e.kind));
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
