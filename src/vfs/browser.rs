//! The parts of a browser that the storages need: OPFS directories, Web Locks, a clock and a timer.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

use js_sys::{Function, IteratorNext, Promise, Reflect};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions,
    FileSystemGetFileOptions, FileSystemRemoveOptions, StorageManager, WorkerGlobalScope,
};

use super::handle::{SyncHandle, failure};
use crate::error::{Error, Result};

#[wasm_bindgen]
extern "C" {
    // by hand: web-sys has Web Locks behind `--cfg web_sys_unstable_apis` only
    #[wasm_bindgen(js_namespace = ["navigator", "locks"], js_name = request, catch)]
    fn request_lock(name: &str, options: &JsValue, granted: &JsValue) -> Result<Promise, JsValue>;
}

/// The global object. Windows, Node and others have what is used of it under the same names as
/// workers do; what one of them lacks reads as undefined.
pub(crate) fn realm() -> WorkerGlobalScope {
    js_sys::global().unchecked_into()
}

/// The object that knows this origin's storage: absent outside of browsers, and in pages without
/// https.
pub(crate) fn storage_manager() -> Option<StorageManager> {
    let navigator = realm().navigator();
    // asking a navigator that is not there would throw
    let storage = (!navigator.is_undefined()).then(|| navigator.storage())?;
    (!storage.is_undefined()).then_some(storage)
}

/// Milliseconds of a clock that never goes back.
pub(super) fn time() -> f64 {
    realm().performance().map_or(0.0, |performance| performance.now())
}

/// Waits so many milliseconds.
pub(super) async fn sleep(milliseconds: i32) -> Result<()> {
    let mut started = Ok(0);
    let timer = Promise::new(&mut |resolve, _| {
        let realm = realm();
        started =
            realm.set_timeout_with_callback_and_timeout_and_arguments_0(&resolve, milliseconds);
    });
    let ended = match started {
        Ok(_) => JsFuture::from(timer).await.map(|_| ()),
        Err(error) => Err(error),
    };
    ended.map_err(|error| failure(&error, "timer").into())
}

/// Waits for two things at once.
pub(super) async fn both<A: Future, B: Future>(a: A, b: B) -> (A::Output, B::Output) {
    let (mut a, mut b) = (pin!(a), pin!(b));
    let (mut first, mut second) = (None, None);
    poll_fn(move |context| {
        if first.is_none()
            && let Poll::Ready(value) = a.as_mut().poll(context)
        {
            first = Some(value);
        }
        if second.is_none()
            && let Poll::Ready(value) = b.as_mut().poll(context)
        {
            second = Some(value);
        }
        match (first.take(), second.take()) {
            (Some(a), Some(b)) => Poll::Ready((a, b)),
            waiting => {
                (first, second) = waiting;
                Poll::Pending
            }
        }
    })
    .await
}

/// An OPFS directory.
#[derive(Debug, Clone)]
pub(super) struct Directory(FileSystemDirectoryHandle);

/// The directory that holds all databases.
pub(super) async fn root() -> Result<Directory> {
    // web-sys takes for granted that there is such a method
    let has = |storage: &StorageManager| Reflect::has(storage, &"getDirectory".into());
    let storage = storage_manager().filter(|storage| has(storage).unwrap_or(false));
    let opfs = storage.ok_or(Error::NotSupported("OPFS"))?.get_directory();
    let opfs = JsFuture::from(opfs).await.map_err(|error| refusal(&error))?;
    let opfs = Directory(opfs.unchecked_into());
    Ok(opfs.directory("tidelog", true).await.map_err(|error| failure(&error, "tidelog"))?)
}

/// The error for a browser that refuses its file system. Private windows refuse it in different
/// ways: Firefox with a `SecurityError`, Safari with an `UnknownError`.
fn refusal(error: &JsValue) -> Error {
    let name = Reflect::get(error, &"name".into()).ok().and_then(|name| name.as_string());
    match name.as_deref() {
        Some(
            "SecurityError" | "UnknownError" | "NotSupportedError" | "NotAllowedError"
            | "TypeError",
        ) => Error::NotSupported("OPFS"),
        _ => failure(error, "OPFS").into(),
    }
}

/// Whether this realm can be given synchronous access handles: dedicated workers only.
pub(super) fn has_handles() -> bool {
    let get = |object: &JsValue, key: &str| Reflect::get(object, &key.into()).ok();
    get(&js_sys::global(), "FileSystemFileHandle")
        .and_then(|class| get(&class, "prototype"))
        .and_then(|prototype| get(&prototype, "createSyncAccessHandle"))
        .is_some_and(|method| method.is_function())
}

impl Directory {
    /// A directory in this one.
    pub(super) async fn directory(&self, name: &str, create: bool) -> Result<Directory, JsValue> {
        let options = FileSystemGetDirectoryOptions::new();
        options.set_create(create);
        let directory = self.0.get_directory_handle_with_options(name, &options);
        Ok(Directory(JsFuture::from(directory).await?.unchecked_into()))
    }

    /// A handle on a file in it, which is made if need be.
    pub(super) async fn open(&self, name: &str) -> Result<SyncHandle, JsValue> {
        let options = FileSystemGetFileOptions::new();
        options.set_create(true);
        let file = JsFuture::from(self.0.get_file_handle_with_options(name, &options)).await?;
        let handle = file.unchecked_into::<FileSystemFileHandle>().create_sync_access_handle();
        Ok(JsFuture::from(handle).await?.unchecked_into())
    }

    /// Removes a directory in it with all its files.
    pub(super) async fn remove(&self, name: &str) -> Result<(), JsValue> {
        let options = FileSystemRemoveOptions::new();
        options.set_recursive(true);
        JsFuture::from(self.0.remove_entry_with_options(name, &options)).await.map(|_| ())
    }

    /// The names of what is in it.
    pub(super) async fn names(&self) -> Result<Vec<String>> {
        let fail = |error: JsValue| Error::from(failure(&error, "tidelog"));
        let keys = self.0.keys();
        let mut names = Vec::new();
        loop {
            let next = JsFuture::from(keys.next().map_err(fail)?).await.map_err(fail)?;
            match next.unchecked_into::<IteratorNext>().value().as_string() {
                Some(name) => names.push(name),
                None => return Ok(names),
            }
        }
    }
}

thread_local! {
    /// Locks given back in this worker whose release is still under way, by name.
    static RELEASES: RefCell<HashMap<String, Promise>> = RefCell::default();
}

/// A Web Lock that is held until dropped.
#[derive(Debug)]
pub(super) struct WebLock {
    name: String,
    release: Function,
    /// Settles when the lock has really been given back.
    released: Option<Promise>,
}

impl WebLock {
    /// Takes the lock if nobody has it.
    pub(super) async fn take(name: &str) -> Result<Option<WebLock>> {
        let release = RELEASES.with_borrow_mut(|releases| releases.remove(name));
        if let Some(release) = release {
            JsFuture::from(release).await.map_err(|error| failure(&error, name))?;
        }
        let mut release = None;
        let held = Promise::new(&mut |resolve, _| release = Some(resolve));
        let mut answer = None;
        let answered = Promise::new(&mut |resolve, _| answer = Some(resolve));
        let (Some(release), Some(answer)) = (release, answer) else {
            return Err(Error::Io("a promise did not start".into()));
        };
        let mut lock = WebLock { name: name.into(), release, released: None };
        // called with the lock, which is held until the promise it returns is resolved, or with
        // null
        let granted = Closure::once_into_js(move |lock: JsValue| -> JsValue {
            let got = !lock.is_null() && !lock.is_undefined();
            let _ = answer.call1(&JsValue::NULL, &got.into());
            if got { held.into() } else { JsValue::UNDEFINED }
        });
        let options = js_sys::Object::new();
        // setting a property of a plain object does not fail
        let _ = Reflect::set(&options, &"ifAvailable".into(), &true.into());
        let request = request_lock(name, &options, &granted).map_err(|_| {
            Error::NotSupported("a browser without Web Locks (or a page without https)")
        })?;
        // the request's own promise settles before only when it fails
        let first = Promise::race(&js_sys::Array::of2(&answered, &request));
        let got = JsFuture::from(first).await.map_err(|error| failure(&error, name))?.is_truthy();
        lock.released = got.then_some(request);
        Ok(got.then_some(lock))
    }
}

impl Drop for WebLock {
    fn drop(&mut self) {
        let _ = self.release.call0(&JsValue::NULL);
        if let Some(released) = self.released.take() {
            let name = std::mem::take(&mut self.name);
            RELEASES.with_borrow_mut(|releases| releases.insert(name, released));
        }
    }
}
