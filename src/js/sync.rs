//! The fetch driver: carries out what the sync machine says, and reports what came of it.
//!
//! JavaScript calls [`Engine::sync_step`] in a loop and announces each report; nothing is called back from here but
//! `fetch` and `getToken`.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use js_sys::{Array, Function, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::{JsFuture, spawn_local};
use web_sys::{AbortController, Response};

use super::engine::{Engine, object};
use super::error::to_js;
use super::host::{JsHost, random};
use crate::error::{Error, Result};
use crate::store::{Applied, Store};
use crate::sync::client::{Action, Change, Client, Request, Tick};
use crate::sync::id::Id;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn monotonic() -> f64;
    #[wasm_bindgen(js_name = setTimeout)]
    fn set_timeout(f: &Function, ms: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    fn clear_timeout(timer: &JsValue);
}

/// The loop's state. One per engine; idle until it is started.
#[derive(Debug, Default)]
pub(super) struct SyncLoop {
    client: RefCell<Option<Client>>,
    wire: RefCell<Option<Wire>>,
    token: RefCell<Option<String>>,
    flight: RefCell<Option<(u64, AbortController)>>,
    bell: Bell,
    stopped: Cell<bool>,
    reported: RefCell<String>,
}

/// How requests get out.
#[derive(Debug, Clone)]
struct Wire {
    /// `<url>/v1/<log>`
    base: String,
    fetch: Function,
    get_token: Option<Function>,
}

/// Wakes the loop: an answer came, a timer rang, an event was made.
#[derive(Debug, Default)]
struct Bell {
    rung: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Bell {
    fn ring(&self) {
        self.rung.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    async fn wait(&self) {
        poll_fn(|cx| match self.rung.replace(false) {
            true => Poll::Ready(()),
            false => {
                self.waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        })
        .await;
    }
}

fn tick() -> Tick {
    let bytes = random();
    let random = u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    Tick { now: monotonic() as u64, random }
}

impl SyncLoop {
    pub(super) fn notify(&self) {
        self.bell.ring();
    }

    /// Ends the loop; a request in flight is aborted.
    pub(super) fn stop(&self) {
        self.stopped.set(true);
        if let Some((_, abort)) = self.flight.take() {
            abort.abort();
        }
        self.bell.ring();
    }

    fn with<T>(&self, f: impl FnOnce(&mut Client) -> T) -> Option<T> {
        self.client.borrow_mut().as_mut().map(f)
    }

    fn status(&self, store: &Store<JsHost>) -> Result<String> {
        let status = self.with(|client| client.status(store)).transpose()?;
        serde_json::to_string(&status).map_err(|e| Error::BadValue(e.to_string()))
    }

    /// Sends a request and gives the machine its answer, in the background.
    fn send(self: &Rc<Self>, request: Request) {
        let Some(wire) = self.wire.borrow().clone() else { return };
        let Ok(abort) = AbortController::new() else { return };
        self.flight.replace(Some((request.id, abort.clone())));
        let (this, token) = (self.clone(), self.token.borrow().clone());
        spawn_local(async move {
            let answer = post(&wire, token, &request, &abort).await;
            this.flight.borrow_mut().take_if(|(id, _)| *id == request.id);
            this.with(|client| match &answer {
                Ok((status, body)) => client.handle(tick(), request.id, *status, body),
                Err(_) => client.failed(tick(), request.id),
            });
            this.bell.ring();
        });
    }

    /// Asks the application for a token, in the background.
    fn ask_token(self: &Rc<Self>, refused: bool) {
        let get = self.wire.borrow().as_ref().and_then(|wire| wire.get_token.clone());
        let Some(get) = get else {
            // a token given by setToken stays; when it is refused, only the application can give another
            self.with(|client| if refused { client.no_token() } else { client.token() });
            return self.bell.ring();
        };
        let this = self.clone();
        spawn_local(async move {
            let reason = object(&[("reason", if refused { "refused" } else { "first" }.into())]);
            let token = match get.call1(&JsValue::UNDEFINED, &reason) {
                Ok(value) => JsFuture::from(Promise::resolve(&value)).await,
                Err(thrown) => Err(thrown),
            };
            match token {
                Ok(value) => {
                    this.token.replace(value.as_string());
                    this.with(Client::token);
                }
                Err(_) => {
                    this.with(|client| client.failed_token(tick()));
                }
            }
            this.bell.ring();
        });
    }

    /// Waits until the bell rings, or until `until` on the monotonic clock.
    async fn sleep(self: &Rc<Self>, until: Option<u64>) {
        let this = self.clone();
        let ring = Closure::<dyn FnMut()>::new(move || this.bell.ring());
        let timer = until.map(|until| {
            let ms = (until as f64 - monotonic()).max(0.0);
            set_timeout(ring.as_ref().unchecked_ref(), ms)
        });
        self.bell.wait().await;
        if let Some(timer) = timer {
            clear_timeout(&timer);
        }
    }
}

async fn post(
    wire: &Wire,
    token: Option<String>,
    request: &Request,
    abort: &AbortController,
) -> Result<(u16, String), JsValue> {
    let mut headers = vec![("content-type", JsValue::from_str("application/json"))];
    if let Some(token) = token {
        headers.push(("authorization", JsValue::from_str(&format!("Bearer {token}"))));
    }
    let init = object(&[
        ("method", "POST".into()),
        ("headers", object(&headers)),
        ("body", JsValue::from_str(&request.body)),
        ("signal", abort.signal().into()),
        // answers are for this client alone and never a second time
        ("cache", "no-store".into()),
    ]);
    let url = format!("{}/{}", wire.base, request.verb.name());
    let response = wire.fetch.call2(&JsValue::UNDEFINED, &url.into(), &init)?;
    let response: Response = JsFuture::from(Promise::resolve(&response)).await?.unchecked_into();
    let text = JsFuture::from(response.text()?).await?;
    Ok((response.status(), text.as_string().unwrap_or_default()))
}

#[wasm_bindgen]
impl Engine {
    /// Starts the sync machine on the opened queue. `base` is `<url>/v1/<log>`.
    #[wasm_bindgen(js_name = startSync)]
    pub fn start_sync(
        &self,
        base: String,
        fetch: Function,
        get_token: Option<Function>,
    ) -> Result<(), JsValue> {
        let start = self.store.start().map_err(to_js)?;
        self.sync.client.replace(Some(Client::new(start)));
        self.sync.wire.replace(Some(Wire { base, fetch, get_token }));
        Ok(())
    }

    /// Works until there is something to tell: `{status, verdicts, done}`. `status` is JSON, `verdicts` a list of
    /// `[id, seq, error?]`; call again until `done`.
    #[wasm_bindgen(js_name = syncStep)]
    pub async fn sync_step(&self) -> Result<JsValue, JsValue> {
        let (sync, store) = (self.sync.clone(), self.store.clone());
        let applied = step(&sync, &store).await.map_err(to_js)?;
        let status = sync.status(&store).map_err(to_js)?;
        sync.reported.replace(status.clone());
        let verdicts: Array = applied
            .verdicts
            .into_iter()
            .map(|v| {
                let refusal = v.refusal.map_or(JsValue::UNDEFINED, to_js);
                Array::of3(&Id::from_bytes(v.id).to_string().into(), &(v.seq as f64).into(), &refusal)
            })
            .collect();
        let done = JsValue::from_bool(sync.stopped.get());
        Ok(object(&[("status", status.into()), ("verdicts", verdicts.into()), ("done", done)]))
    }

    /// Ends the loop: `sync_step` gives `done`, a request in flight is aborted.
    #[wasm_bindgen(js_name = stopSync)]
    pub fn stop_sync(&self) {
        self.sync.stop();
    }

    /// Tries now: the network may be back, or the page became visible.
    #[wasm_bindgen(js_name = wakeSync)]
    pub fn wake_sync(&self) {
        self.sync.with(Client::wake);
        self.sync.bell.ring();
    }

    /// The application's offline switch.
    #[wasm_bindgen(js_name = setOnline)]
    pub fn set_online(&self, online: bool) {
        self.sync.with(|client| client.set_online(online));
        self.sync.bell.ring();
    }

    /// A new token, which lifts a fence.
    #[wasm_bindgen(js_name = setToken)]
    pub fn set_token(&self, token: Option<String>) {
        self.sync.token.replace(token);
        self.sync.with(Client::token);
        self.sync.bell.ring();
    }
}

/// Carries out actions until a page was applied, the status changed or the loop was stopped.
async fn step(sync: &Rc<SyncLoop>, store: &Rc<Store<JsHost>>) -> Result<Applied> {
    loop {
        if sync.stopped.get() {
            return Ok(Applied::default());
        }
        let action = sync.with(|client| client.poll(tick(), &**store)).transpose()?;
        match action {
            None => return Err(Error::NotSupported("a sync step before startSync")),
            Some(Action::Send(request)) => {
                if let Some(n) = request.sent
                    && store.mark_sent(n).await.is_err()
                {
                    sync.with(|client| client.failed(tick(), request.id));
                    continue;
                }
                sync.send(request);
            }
            Some(Action::Abort(id)) => {
                if let Some((_, abort)) = sync.flight.borrow_mut().take_if(|(flying, _)| *flying == id) {
                    abort.abort();
                }
            }
            Some(Action::Token { refused }) => sync.ask_token(refused),
            Some(Action::Apply(change)) => return apply(sync, store, &change).await,
            Some(Action::Wait(until)) => {
                if sync.status(store)? != *sync.reported.borrow() {
                    return Ok(Applied::default());
                }
                sync.sleep(until).await;
            }
        }
    }
}

async fn apply(sync: &SyncLoop, store: &Store<JsHost>, change: &Change) -> Result<Applied> {
    match store.carry_out(change).await {
        Ok(Some(applied)) => {
            sync.with(|client| client.applied(tick(), applied.outcome));
            Ok(applied)
        }
        Ok(None) => {
            sync.with(|client| client.apply_failed(tick(), "PROTOCOL"));
            Ok(Applied::default())
        }
        Err(Error::Closed) => {
            sync.stop();
            Ok(Applied::default())
        }
        Err(error) => {
            sync.with(|client| client.apply_failed(tick(), error.code()));
            Ok(Applied::default())
        }
    }
}
