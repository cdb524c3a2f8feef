//! Futures as JavaScript likes them: the value itself when it is ready at once, else a promise.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

/// Runs a future up to its first wait. Most operations have none, and then cost no promise and no turn.
pub(super) fn settle(
    future: impl Future<Output = Result<JsValue, JsValue>> + 'static,
) -> Result<JsValue, JsValue> {
    let mut future: Pin<Box<dyn Future<Output = Result<JsValue, JsValue>>>> = Box::pin(future);
    // the first poll's waker is never used: future_to_promise polls again at once
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => Ok(future_to_promise(future).into()),
    }
}
