//! The sync machine for JavaScript: each thing that happens to it is a call, and its next action is
//! a plain object.
//!
//! Sends nothing and reads no clock: `pkg-template/sync/driver.js` does, and hands in time and
//! randomness.

use std::cell::RefCell;

use js_sys::Array;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::engine::Engine;
use super::error::to_js;
use super::plain;
use crate::error::{Error, Result};
use crate::store::{Noop, Verdict};
use crate::sync::client::{Action, Change, Client, Request, Status, Tick};
use crate::sync::id::Id;

/// The machine of an engine's log, from [`Engine::start_sync`] on.
#[derive(Debug, Default)]
pub(super) struct Machine {
    client: RefCell<Option<Client>>,
    /// The change that the last poll said to carry out.
    change: RefCell<Option<Box<Change>>>,
    /// The status that was given last.
    given: RefCell<Option<Status>>,
}

/// The next action, as JavaScript gets it.
#[derive(Serialize)]
#[serde(tag = "act", rename_all = "camelCase")]
enum Next {
    Send {
        id: u64,
        verb: &'static str,
        body: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        sent: Option<u64>,
    },
    Abort {
        id: u64,
    },
    Apply,
    Token {
        refused: bool,
    },
    Wait {
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<u64>,
    },
}

impl Machine {
    fn with<T>(&self, f: impl FnOnce(&mut Client) -> T) -> Result<T> {
        match &mut *self.client.borrow_mut() {
            Some(client) => Ok(f(client)),
            None => Err(Error::NotSupported("sync before startSync")),
        }
    }
}

fn tick(now: f64, random: u32) -> Tick {
    Tick { now: now as u64, random }
}

#[wasm_bindgen]
impl Engine {
    /// Starts the machine on the opened queue; gives what [`Engine::set_online`] was last given.
    #[wasm_bindgen(js_name = startSync)]
    pub fn start_sync(&self) -> Result<bool, JsValue> {
        let start = self.store.start().map_err(to_js)?;
        let online = self.store.online().map_err(to_js)?;
        let mut client = Client::new(start);
        client.set_online(online);
        self.machine.client.replace(Some(client));
        self.machine.given.replace(None);
        Ok(online)
    }

    /// The next action: `{act: 'send', id, verb, body, sent?}` (call `markSent(sent)` before),
    /// `{act: 'abort', id}`, `{act: 'apply'}` (the change stays here for `syncApply`), `{act:
    /// 'token', refused}` or `{act: 'wait', until?}`. In every call `now` is in ms of a clock that
    /// does not run backwards, and `random` is uniform.
    #[wasm_bindgen(js_name = syncPoll)]
    pub fn sync_poll(&self, now: f64, random: u32) -> Result<JsValue, JsValue> {
        let polled = self.machine.with(|client| client.poll(tick(now, random), &*self.store));
        let next = polled.and_then(|action| action).map(|action| match action {
            Action::Send(Request { id, verb, body, sent, .. }) => {
                Next::Send { id, verb: verb.name(), body, sent }
            }
            Action::Abort(id) => Next::Abort { id },
            Action::Apply(change) => {
                self.machine.change.replace(Some(change));
                Next::Apply
            }
            Action::Token { refused } => Next::Token { refused },
            Action::Wait(until) => Next::Wait { until },
        });
        next.and_then(|next| plain::write(&next)).map_err(to_js)
    }

    /// Marks pending events up to number `n` as sent: from now on the server may have them.
    #[wasm_bindgen(js_name = markSent)]
    pub fn mark_sent(&self, n: f64) -> Result<JsValue, JsValue> {
        self.run(
            |store| async move { store.mark_sent(n as u64).await.map(|()| JsValue::UNDEFINED) },
        )
    }

    /// Takes the answer to request `id`.
    #[wasm_bindgen(js_name = syncHandle)]
    pub fn sync_handle(
        &self,
        now: f64,
        random: u32,
        id: f64,
        status: u16,
        body: &str,
    ) -> Result<(), JsValue> {
        self.told(|client| client.handle(tick(now, random), id as u64, status, body))
    }

    /// Request `id` failed without an answer.
    #[wasm_bindgen(js_name = syncFailed)]
    pub fn sync_failed(&self, now: f64, random: u32, id: f64) -> Result<(), JsValue> {
        self.told(|client| client.failed(tick(now, random), id as u64))
    }

    /// Carries out the change of the last poll; gives `[verdicts, noops]`: `[[id, seq, error?], …]`
    /// of this replica's own events in it, and `[[id, seq, type, error], …]` of all events that
    /// failed at their place; undefined when there was none or it failed. A change that fails comes
    /// again with a later poll, and only `CLOSED` is thrown.
    #[wasm_bindgen(js_name = syncApply)]
    pub fn sync_apply(&self, now: f64, random: u32) -> Result<JsValue, JsValue> {
        let machine = self.machine.clone();
        self.run(|store| async move {
            let Some(change) = machine.change.take() else { return Ok(JsValue::UNDEFINED) };
            let failed = match store.carry_out(&change).await {
                Ok(Some(applied)) => {
                    machine.with(|client| client.applied(tick(now, random), applied.outcome))?;
                    return Ok(told(applied.verdicts, applied.noops));
                }
                Ok(None) => "PROTOCOL",
                Err(Error::Closed) => return Err(Error::Closed),
                Err(error) => error.code(),
            };
            machine.with(|client| client.apply_failed(tick(now, random), failed))?;
            Ok(JsValue::UNDEFINED)
        })
    }

    /// The driver has a token, so requests may be sent again.
    #[wasm_bindgen(js_name = syncToken)]
    pub fn sync_token(&self) -> Result<(), JsValue> {
        self.told(Client::token)
    }

    /// The driver has no token but the one that the server refused.
    #[wasm_bindgen(js_name = syncNoToken)]
    pub fn sync_no_token(&self) -> Result<(), JsValue> {
        self.told(Client::no_token)
    }

    /// The driver failed to get a token; the machine asks again later.
    #[wasm_bindgen(js_name = syncFailedToken)]
    pub fn sync_failed_token(&self, now: f64, random: u32) -> Result<(), JsValue> {
        self.told(|client| client.failed_token(tick(now, random)))
    }

    /// Tries now: the network may be back, or the page became visible.
    #[wasm_bindgen(js_name = wakeSync)]
    pub fn wake_sync(&self) -> Result<(), JsValue> {
        self.told(Client::wake)
    }

    /// The application's offline switch: in force at once, kept for the next start when the promise
    /// resolves.
    #[wasm_bindgen(js_name = setOnline)]
    pub fn set_online(&self, online: bool) -> Result<JsValue, JsValue> {
        self.told(|client| client.set_online(online))?;
        self.run(|store| async move { store.set_online(online).await.map(|()| JsValue::UNDEFINED) })
    }

    /// The status: `{state: {name, …}, seq, head, pending, failures, error, requests}`.
    #[wasm_bindgen(js_name = syncStatus)]
    pub fn sync_status(&self) -> Result<JsValue, JsValue> {
        let status = || {
            let status = self.status()?;
            let written = plain::write(&status)?;
            self.machine.given.replace(Some(status));
            Ok(written)
        };
        status().map_err(to_js)
    }

    /// Whether the status is another one than `syncStatus` gave last.
    #[wasm_bindgen(js_name = syncChanged)]
    pub fn sync_changed(&self) -> Result<bool, JsValue> {
        let status = self.status().map_err(to_js)?;
        Ok(self.machine.given.borrow().as_ref() != Some(&status))
    }

    fn status(&self) -> Result<Status> {
        self.machine.with(|client| client.status(&*self.store))?
    }

    fn told(&self, f: impl FnOnce(&mut Client)) -> Result<(), JsValue> {
        self.machine.with(f).map_err(to_js)
    }
}

fn told(verdicts: Vec<Verdict>, noops: Vec<Noop>) -> JsValue {
    let noops: Array = noops.into_iter().map(noop).collect();
    Array::of2(&list(verdicts), &noops).into()
}

/// `[id, seq, type, error]`.
pub(super) fn noop(noop: Noop) -> Array {
    Array::of4(
        &Id::from_bytes(noop.id).to_string().into(),
        &(noop.seq as f64).into(),
        &noop.event_type.into(),
        &to_js(noop.error),
    )
}

fn list(verdicts: Vec<Verdict>) -> Array {
    let row = |v: Verdict| {
        let refusal = v.refusal.map_or(JsValue::UNDEFINED, to_js);
        Array::of3(&Id::from_bytes(v.id).to_string().into(), &(v.seq as f64).into(), &refusal)
    };
    verdicts.into_iter().map(row).collect()
}
