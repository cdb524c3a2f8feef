//! `ServerLog`: one log of a server for JavaScript. HTTP, authorisation and waiting are the class
//! API's.

use js_sys::Function;
use serde::Serialize;
use wasm_bindgen::prelude::*;

use super::app::Random;
use super::engine::open_db;
use super::error::{to_js, user_error};
use super::plain;
use super::settle::settle;
use crate::error::{Error, Result};
use crate::server::Server;
use crate::sync::id::Epoch;
use crate::sync::server::{Reply, Validator};
use crate::sync::wire::Entry;
use crate::vfs::place::Place;

/// One open log. Calls are synchronous: one push is finished before the next begins.
#[wasm_bindgen]
#[derive(Debug)]
pub struct ServerLog {
    server: Option<Server>,
}

#[wasm_bindgen]
impl ServerLog {
    /// Opens the log of that name in a file; gives the `ServerLog`. `options` and `fs` as in
    /// `Engine.open`.
    pub fn open(options: JsValue, fs: JsValue, log: String) -> Result<JsValue, JsValue> {
        settle(async move { ServerLog::opened(options, fs, &log).await.map(JsValue::from) })
    }

    /// Sets how many bytes an event's data may have, at most 256 KiB.
    #[wasm_bindgen(js_name = setBodyLimit)]
    pub fn set_body_limit(&mut self, bytes: u32) -> Result<(), JsValue> {
        let server = self.server.as_mut().ok_or(Error::Closed).map_err(to_js)?;
        server.set_body_limit(bytes as usize);
        Ok(())
    }

    /// Carries out a push; gives `{status, body}`. `validate(type, data, id)` may give a code that
    /// rejects an event.
    pub fn push(
        &mut self,
        principal: &str,
        body: &[u8],
        validate: Option<Function>,
    ) -> Result<JsValue, JsValue> {
        let text = text(body);
        let call = validate.map(|f| move |entry: &Entry| verdict(&f, entry));
        let validator = call.as_ref().map(|f| f as Validator<'_, Error>);
        let reply = self
            .server
            .as_mut()
            .ok_or(Error::Closed)
            .and_then(|s| s.push(principal, &text, validator));
        reply.and_then(|r| answer(&r, 0)).map_err(to_js)
    }

    /// Carries out a pull; gives `{status, body, empty, waitMs}`: an empty segment may be held back
    /// so long.
    pub fn pull(&self, principal: &str, body: &[u8]) -> Result<JsValue, JsValue> {
        let text = text(body);
        let pulled =
            self.server.as_ref().ok_or(Error::Closed).and_then(|s| s.pull(principal, &text));
        pulled.and_then(|p| answer(&p.reply, p.wait_ms)).map_err(to_js)
    }

    /// Says where a client's history and this one part; gives `{status, body}`.
    pub fn resume(&self, principal: &str, body: &[u8]) -> Result<JsValue, JsValue> {
        let text = text(body);
        let reply =
            self.server.as_ref().ok_or(Error::Closed).and_then(|s| s.resume(principal, &text));
        reply.and_then(|r| answer(&r, 0)).map_err(to_js)
    }

    /// Appends a row of the server's own: `void` or `erase` with an event's id, `trim` with a
    /// position. Gives whether there was anything to say.
    pub fn operate(&mut self, kind: &str, about: &str) -> Result<bool, JsValue> {
        let bad = || Error::BadValue(format!("'{kind}' of '{about}' is nothing a server says"));
        let run = |server: &mut Server| match kind {
            "void" => server.void(&about.parse()?),
            "erase" => server.erase(&about.parse()?),
            "trim" => server.announce_trim(about.parse().map_err(|_| bad())?),
            _ => Err(bad()),
        };
        self.server.as_mut().ok_or(Error::Closed).and_then(run).map_err(to_js)
    }

    /// Closes the files.
    pub fn close(&mut self) {
        self.server = None;
    }
}

impl ServerLog {
    async fn opened(options: JsValue, fs: JsValue, log: &str) -> Result<ServerLog> {
        let (place, db) = open_db(options, fs).await?;
        if place == Place::IndexedDb.name() {
            // its calls are synchronous and could not wait for their commits
            return Err(Error::NotSupported("a server's log in IndexedDB"));
        }
        let mut epoch = [0; 8];
        epoch.copy_from_slice(&Random::default().draw()[..8]);
        let server = Server::open(db, log, Epoch::from_bytes(epoch))?;
        Ok(ServerLog { server: Some(server) })
    }
}

/// The body as text. One that is not UTF-8 is not JSON either: the protocol's decoder refuses it.
fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

fn verdict(validate: &Function, entry: &Entry) -> Result<Option<String>> {
    let (event_type, data, id) = (
        JsValue::from_str(&entry.event_type),
        JsValue::from_str(entry.text()),
        JsValue::from_str(&entry.id.to_string()),
    );
    match validate.call3(&JsValue::UNDEFINED, &event_type, &data, &id) {
        Ok(code) => Ok(code.as_string()),
        Err(thrown) => Err(user_error("validate", thrown)),
    }
}

/// A reply as JavaScript gets it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Answer<'a> {
    status: u16,
    empty: bool,
    body: &'a str,
    wait_ms: u64,
}

fn answer(reply: &Reply, wait_ms: u64) -> Result<JsValue> {
    let Reply { status, body, .. } = reply;
    plain::write(&Answer { status: *status, empty: wait_ms > 0, body, wait_ms })
}
