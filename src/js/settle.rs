//! Futures for JavaScript: the value itself when it is ready at once, else a promise of it. Errors
//! become JavaScript's.

use std::future::Future;
use std::task::{Context, Poll, Waker};

use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::future_to_promise;

use super::error::{explained, to_js};
use crate::error::Result;
use crate::vfs::Work;

/// Runs a future up to its first wait. Most operations have none, and then cost no promise and no
/// turn of the event loop.
pub(super) fn settle(
    future: impl Future<Output = Result<JsValue>> + 'static,
) -> Result<JsValue, JsValue> {
    run(Box::pin(future))
}

/// [`settle`], compiled once and not for each operation.
fn run(operation: Work<Result<JsValue>>) -> Result<JsValue, JsValue> {
    let mut future: Work<Result<JsValue, JsValue>> = Box::pin(async move {
        match operation.await {
            Ok(value) => Ok(value),
            Err(error) => Err(to_js(explained(error).await)),
        }
    });
    // the first poll's waker is never used: future_to_promise polls again at once
    match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => done,
        Poll::Pending => Ok(future_to_promise(future).into()),
    }
}
