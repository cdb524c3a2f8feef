//! Errors on their way to JavaScript: `TidelogError {name, code, message, cause?}`.

use std::cell::RefCell;

use js_sys::{Function, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::StorageEstimate;

use crate::error::Error;
use crate::vfs::storage_manager;

thread_local! {
    /// Makes an error of the class API's class; given once.
    static MAKER: RefCell<Option<Function>> = const { RefCell::new(None) };
    /// The value that a user's function threw last, to become the cause of the error that follows.
    static THROWN: RefCell<Option<JsValue>> = const { RefCell::new(None) };
}

/// Sets the function that makes the engine's errors: `make(code, message, cause)`.
#[wasm_bindgen(js_name = setErrorMaker)]
pub fn set_error_maker(make: Function) {
    MAKER.set(Some(make));
}

/// Makes an [`Error::User`] of what a user's function threw.
pub(super) fn user_error(phase: &str, thrown: JsValue) -> Error {
    let message = thrown
        .dyn_ref::<js_sys::Error>()
        .map(|e| String::from(e.message()))
        .or_else(|| thrown.as_string())
        .unwrap_or_else(|| format!("{thrown:?}"));
    THROWN.set(Some(thrown));
    Error::User { phase: phase.to_string(), message }
}

/// Adds to a `QUOTA` error how much of its room this origin uses, where the browser tells.
pub(super) async fn explained(error: Error) -> Error {
    let Error::Quota(what) = error else { return error };
    match estimate().await {
        Some((usage, quota)) => {
            let megabytes = |bytes: f64| (bytes / 1e5).round() / 10.0;
            Error::Quota(format!(
                "{what}; {} of {} MB are used",
                megabytes(usage),
                megabytes(quota)
            ))
        }
        None => Error::Quota(what),
    }
}

/// Usage and quota of this origin in bytes.
async fn estimate() -> Option<(f64, f64)> {
    let estimate = JsFuture::from(storage_manager()?.estimate().ok()?).await.ok()?;
    let estimate: StorageEstimate = estimate.unchecked_into();
    Some((estimate.get_usage()?, estimate.get_quota()?))
}

/// The error as JavaScript gets it.
pub(super) fn to_js(error: Error) -> JsValue {
    let cause = match &error {
        Error::User { .. } => THROWN.take(),
        _ => None,
    };
    let (code, message) = (JsValue::from_str(error.code()), JsValue::from_str(&error.to_string()));
    let made = MAKER.with_borrow(|make| {
        let cause = cause.unwrap_or(JsValue::UNDEFINED);
        make.as_ref().and_then(|make| make.call3(&JsValue::UNDEFINED, &code, &message, &cause).ok())
    });
    made.unwrap_or_else(|| {
        let plain = js_sys::Error::new(&error.to_string());
        // setting a property of a fresh object cannot fail
        let _ = Reflect::set(&plain, &"code".into(), &code);
        plain.into()
    })
}
