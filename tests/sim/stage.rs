//! The stage: what the world in wasm asks of JavaScript (tests/shipped/stage.js), where the
//! published package's replicas and servers live. Everything crosses as plain text, numbers and
//! bytes.

use super::dice::Dice;
use std::cell::RefCell;
use wasm_bindgen::prelude::*;

#[wasm_bindgen]
extern "C" {
    /// What makes replicas and servers.
    pub type Stage;
    #[wasm_bindgen(method)]
    pub(crate) fn replica(this: &Stage, random: &[u8]) -> Actor;
    #[wasm_bindgen(method)]
    pub(crate) fn server(this: &Stage, random: &[u8]) -> Actor;

    /// One of them. Both die and come back in the same way.
    #[derive(Debug)]
    pub(crate) type Actor;
    #[wasm_bindgen(method)]
    pub(crate) fn reopen(this: &Actor, random: &[u8]);
    #[wasm_bindgen(method)]
    pub(crate) fn copy(this: &Actor, random: &[u8]) -> Actor;
    #[wasm_bindgen(method)]
    pub(crate) fn arm(this: &Actor, k: f64);
    #[wasm_bindgen(method)]
    pub(crate) fn caught(this: &Actor) -> bool;
    #[wasm_bindgen(method)]
    pub(crate) fn free(this: &Actor);

    #[wasm_bindgen(method)]
    pub(crate) fn dispatch(
        this: &Actor,
        id: &str,
        hex: &str,
        tv: u32,
        body: &str,
        ts: f64,
        x: Option<String>,
    ) -> bool;
    #[wasm_bindgen(method, js_name = breakWrite)]
    pub(crate) fn break_write(this: &Actor, k: f64);
    #[wasm_bindgen(method, js_name = setVersion)]
    pub(crate) fn set_version(this: &Actor, version: u32);
    #[wasm_bindgen(method)]
    pub(crate) fn held(this: &Actor) -> Option<f64>;
    #[wasm_bindgen(method)]
    pub(crate) fn rebuild(this: &Actor);
    #[wasm_bindgen(method)]
    pub(crate) fn poll(this: &Actor, now: f64, random: u32) -> Action;
    #[wasm_bindgen(method, js_name = markSent)]
    pub(crate) fn mark_sent(this: &Actor, n: f64);
    #[wasm_bindgen(method)]
    pub(crate) fn apply(this: &Actor, now: f64, random: u32);
    #[wasm_bindgen(method)]
    pub(crate) fn handle(
        this: &Actor,
        now: f64,
        random: u32,
        request: f64,
        status: u16,
        body: &str,
    );
    #[wasm_bindgen(method)]
    pub(crate) fn failed(this: &Actor, now: f64, random: u32, request: f64);
    #[wasm_bindgen(method, js_name = inFlight)]
    pub(crate) fn in_flight(this: &Actor) -> Option<f64>;
    #[wasm_bindgen(method)]
    pub(crate) fn token(this: &Actor);
    #[wasm_bindgen(method, js_name = failedToken)]
    pub(crate) fn failed_token(this: &Actor, now: f64, random: u32);
    #[wasm_bindgen(method, js_name = setOnline)]
    pub(crate) fn set_online(this: &Actor, online: bool);
    #[wasm_bindgen(method)]
    pub(crate) fn wake(this: &Actor);
    /// JSON, as of the engine.
    #[wasm_bindgen(method)]
    pub(crate) fn status(this: &Actor) -> String;
    #[wasm_bindgen(method)]
    pub(crate) fn me(this: &Actor) -> String;
    /// `[seq, h, epoch]`, as far as they are stored; bytes in hex.
    #[wasm_bindgen(method)]
    pub(crate) fn cursor(this: &Actor) -> Vec<String>;
    /// Documents in JSON.
    #[wasm_bindgen(method)]
    pub(crate) fn docs(this: &Actor) -> String;
    /// Hex of the id and body of each pending event, one after the other.
    #[wasm_bindgen(method)]
    pub(crate) fn queued(this: &Actor) -> Vec<String>;
    #[wasm_bindgen(method)]
    pub(crate) fn sent(this: &Actor) -> f64;
    #[wasm_bindgen(method)]
    pub(crate) fn dead(this: &Actor) -> Vec<f64>;

    /// Another server on a copy, under another epoch, which is given in hex.
    #[wasm_bindgen(method)]
    pub(crate) fn renamed(this: &Actor, epoch: &str, random: &[u8]) -> Actor;
    /// `kind` is `void`, `erase` or `trim`; false when the server has nothing to say.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn operate(this: &Actor, kind: &str, about: &str) -> Result<bool, JsValue>;
    /// `verb` is `push`, `pull` or `resume`.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn ask(
        this: &Actor,
        verb: &str,
        principal: &str,
        text: &str,
        reject: Option<u8>,
    ) -> Result<Answer, JsValue>;

    pub(crate) type Answer;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn status(this: &Answer) -> u16;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn body(this: &Answer) -> String;
    #[wasm_bindgen(method, getter, js_name = waitMs)]
    pub(crate) fn wait_ms(this: &Answer) -> Option<f64>;

    pub(crate) type Action;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn act(this: &Action) -> String;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn id(this: &Action) -> Option<f64>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn verb(this: &Action) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn body(this: &Action) -> Option<String>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn sent(this: &Action) -> Option<f64>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn refused(this: &Action) -> Option<bool>;
    #[wasm_bindgen(method, getter)]
    pub(crate) fn until(this: &Action) -> Option<f64>;
}

/// The engine draws so many bytes at a time.
pub(crate) const POOL: usize = 4096;

thread_local! {
    static STAGE: RefCell<Option<Stage>> = const { RefCell::new(None) };
}

/// Sets the stage of the runs that follow.
pub(crate) fn set_stage(stage: Stage) {
    STAGE.set(Some(stage));
}

/// Does something with the stage.
pub(crate) fn on_stage<T>(f: impl FnOnce(&Stage) -> T) -> T {
    STAGE.with_borrow(|stage| f(stage.as_ref().expect("a stage is set")))
}

/// What the platform's generator will give a life with these dice.
pub(crate) fn pool(mut dice: Dice) -> Vec<u8> {
    let mut blocks: Vec<[u8; 16]> = (0..POOL / 16).map(|_| dice.bytes()).collect();
    // it takes the last sixteen first
    blocks.reverse();
    blocks.concat()
}

/// Bytes as SQL and traces write them.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// And back.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits = |i: usize| u8::from_str_radix(&text[i..i + 2], 16).expect("hex");
    (0..text.len()).step_by(2).map(digits).collect()
}
