//! The application's functions, clock and randomness. Each function runs in its phase of an event,
//! with a token for the open transaction.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use js_sys::{Array, Date, Promise};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;

use super::access::Access;
use super::error::user_error;
use crate::error::{Error, Result};
use crate::event::{App, Event, Phases};
use crate::sync::id::Id;
use crate::vfs::realm;

#[wasm_bindgen]
extern "C" {
    // by hand: the object is this package's own
    /// The object of the class API that calls the users' functions. Each gets the event's fields
    /// and a token, and returns its result or a promise of it.
    pub type Functions;

    #[wasm_bindgen(method, getter)]
    fn preprocesses(this: &Functions) -> bool;
    #[wasm_bindgen(method, getter)]
    fn reduces(this: &Functions) -> bool;
    #[wasm_bindgen(method, getter)]
    fn derives(this: &Functions) -> bool;
    #[wasm_bindgen(method, catch)]
    #[allow(clippy::too_many_arguments)]
    fn preprocess(
        this: &Functions,
        event_type: &str,
        data: &str,
        v: f64,
        ts: f64,
        tv: u32,
        id: &str,
        token: u32,
    ) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    #[allow(clippy::too_many_arguments)]
    fn reduce(
        this: &Functions,
        event_type: &str,
        data: &str,
        v: f64,
        ts: f64,
        tv: u32,
        id: &str,
        token: u32,
    ) -> Result<JsValue, JsValue>;
    #[wasm_bindgen(method, catch)]
    #[allow(clippy::too_many_arguments)]
    fn derive(
        this: &Functions,
        event_type: &str,
        data: &str,
        v: f64,
        ts: f64,
        tv: u32,
        id: &str,
        token: u32,
        results: &str,
    ) -> Result<JsValue, JsValue>;
}

/// Random bytes got at a time: a call into the platform costs more than a small event.
const POOL: usize = 4096;

/// Bytes from the platform's generator, none of them given twice. Each app has its own: with the
/// functions it was given, they are all that a replica's events depend on.
#[derive(Debug, Default)]
pub(super) struct Random(RefCell<Vec<u8>>);

impl Random {
    /// The next sixteen.
    pub(super) fn draw(&self) -> [u8; 16] {
        let mut pool = self.0.borrow_mut();
        if pool.len() < 16 {
            pool.resize(POOL, 0);
            let filled =
                realm().crypto().and_then(|all| all.get_random_values_with_u8_array(&mut pool));
            if let Err(error) = filled {
                // without randomness two replicas would make the same ids
                wasm_bindgen::throw_val(error);
            }
        }
        let mut out = [0; 16];
        let rest = pool.len() - 16;
        out.copy_from_slice(&pool.split_off(rest));
        out
    }
}

/// The app of a store in JavaScript.
#[derive(Debug)]
pub(super) struct JsApp {
    functions: Option<Functions>,
    /// Which functions there are: asked once, for they don't change and each question is a call.
    phases: OnceCell<Phases>,
    access: Rc<Access>,
    random: Random,
}

impl std::fmt::Debug for Functions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Functions")
    }
}

impl JsApp {
    pub(super) fn new(functions: Option<Functions>, access: Rc<Access>) -> JsApp {
        JsApp { functions, phases: OnceCell::new(), access, random: Random::default() }
    }

    /// Calls a phase's function, waits for it if it is async, then ends its access.
    async fn call(
        &self,
        phase: &str,
        event: &Event,
        writes: bool,
        function: impl FnOnce(&Functions, f64, f64, u32, &str, u32) -> Result<JsValue, JsValue>,
    ) -> Result<JsValue> {
        let Some(functions) = &self.functions else { return Ok(JsValue::UNDEFINED) };
        let token = self.access.grant(writes);
        let id = Id::from_bytes(event.id).to_string();
        let returned = function(functions, event.v as f64, event.ts as f64, event.tv, &id, token);
        let returned = match returned {
            Ok(value) if value.is_instance_of::<Promise>() => {
                JsFuture::from(Promise::from(value)).await
            }
            other => other,
        };
        self.access.revoke();
        returned.map_err(|thrown| user_error(&format!("{phase} of '{}'", event.event_type), thrown))
    }
}

impl App for JsApp {
    fn phases(&self) -> Phases {
        let Some(f) = &self.functions else { return Phases::default() };
        *self.phases.get_or_init(|| Phases {
            preprocess: f.preprocesses(),
            reduce: f.reduces(),
            derive: f.derives(),
        })
    }

    fn now(&self) -> i64 {
        Date::now() as i64
    }

    fn random(&self) -> [u8; 16] {
        self.random.draw()
    }

    async fn preprocess(&self, event: &mut Event) -> Result<()> {
        let changed = self
            .call("preprocess", event, false, |f, v, ts, tv, id, token| {
                f.preprocess(&event.event_type, &event.data, v, ts, tv, id, token)
            })
            .await?;
        if let Some(changed) = changed.dyn_ref::<Array>() {
            let text = |i| changed.get(i).as_string().ok_or_else(|| bad_return("preprocess"));
            (event.event_type, event.data) = (text(0)?, text(1)?);
        }
        Ok(())
    }

    async fn reduce(&self, event: &Event) -> Result<Option<String>> {
        let result = self
            .call("reduce", event, false, |f, v, ts, tv, id, token| {
                f.reduce(&event.event_type, &event.data, v, ts, tv, id, token)
            })
            .await?;
        match result.is_undefined() {
            true => Ok(None),
            false => result.as_string().map(Some).ok_or_else(|| bad_return("reduce")),
        }
    }

    async fn derive(&self, event: &Event, results: &str) -> Result<()> {
        self.call("derive", event, true, |f, v, ts, tv, id, token| {
            f.derive(&event.event_type, &event.data, v, ts, tv, id, token, results)
        })
        .await
        .map(|_| ())
    }
}

fn bad_return(phase: &str) -> Error {
    Error::BadValue(format!("{phase} gave the engine no JSON text: this is a fault of the package"))
}
