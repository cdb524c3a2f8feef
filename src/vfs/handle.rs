//! Files behind JS handles: anything with the interface of `FileSystemSyncAccessHandle`, from OPFS
//! or the system's files.
//!
//! No count a handle returns is believed: at the quota Chromium answers 4294967288 and Firefox a
//! short count.

use std::rc::Rc;

use wasm_bindgen::prelude::*;
use web_sys::FileSystemReadWriteOptions;
/// A `FileSystemSyncAccessHandle`, or an object with the same methods.
pub use web_sys::FileSystemSyncAccessHandle as SyncHandle;

use super::{StorageError, StorageFile};

/// An open handle. Clones share it; the last one closes it.
#[derive(Debug, Clone)]
pub struct HandleFile {
    inner: Rc<Inner>,
}

#[derive(Debug)]
struct Inner {
    handle: SyncHandle,
    /// `{at}`, used again for every call.
    at: FileSystemReadWriteOptions,
    /// The name of the file in errors.
    name: String,
}

impl Drop for Inner {
    fn drop(&mut self) {
        // closing twice is allowed
        self.handle.close();
    }
}

impl HandleFile {
    /// Takes a handle over.
    pub fn new(handle: SyncHandle, name: &str) -> Self {
        let at = FileSystemReadWriteOptions::new();
        HandleFile { inner: Rc::new(Inner { handle, at, name: name.into() }) }
    }

    /// Closes the handle under all clones.
    pub(super) fn close(&self) {
        self.inner.handle.close();
    }

    fn failure(&self, error: &JsValue) -> StorageError {
        failure(error, &self.inner.name)
    }

    /// A count that must be `wanted`, from a write.
    fn written(&self, count: f64, wanted: usize) -> Result<(), StorageError> {
        let name = &self.inner.name;
        if count == wanted as f64 {
            return Ok(());
        }
        let message = format!("{name}: the storage wrote {count} of {wanted} bytes");
        // Chromium hands out the unsigned form of its FILE_ERROR_NO_SPACE, -8; a short count is
        // Firefox's way
        let no_space =
            count == 4_294_967_288.0 || count == -8.0 || (0.0..wanted as f64).contains(&count);
        Err(if no_space { StorageError::Quota(message) } else { StorageError::Io(message) })
    }
}

impl StorageFile for HandleFile {
    fn read(&self, buf: &mut [u8], at: u64) -> Result<usize, StorageError> {
        let wanted = buf.len();
        let Inner { handle, at: options, .. } = &*self.inner;
        options.set_at_f64(at as f64);
        let count = handle
            .read_with_u8_array_and_options(buf, options)
            .map_err(|error| self.failure(&error))?;
        if !(0.0..=wanted as f64).contains(&count) {
            return Err(StorageError::Io(format!(
                "{}: the storage says that it read {count} of {wanted} bytes",
                self.inner.name
            )));
        }
        Ok(count as usize)
    }

    fn write(&self, buf: &[u8], at: u64) -> Result<(), StorageError> {
        let Inner { handle, at: options, .. } = &*self.inner;
        options.set_at_f64(at as f64);
        let count = handle
            .write_with_u8_array_and_options(buf, options)
            .map_err(|error| self.failure(&error))?;
        self.written(count, buf.len())
    }

    fn truncate(&self, size: u64) -> Result<(), StorageError> {
        self.inner.handle.truncate_with_f64(size as f64).map_err(|error| self.failure(&error))
    }

    fn flush(&self) -> Result<(), StorageError> {
        self.inner.handle.flush().map_err(|error| self.failure(&error))
    }

    fn size(&self) -> Result<u64, StorageError> {
        let size = self.inner.handle.get_size().map_err(|error| self.failure(&error))?;
        if size >= 0.0 && size.fract() == 0.0 {
            Ok(size as u64)
        } else {
            Err(StorageError::Io(format!(
                "{}: the storage gives {size} as the size of the file",
                self.inner.name
            )))
        }
    }
}

/// The storage error for what a browser or the system has thrown.
pub(super) fn failure(error: &JsValue, name: &str) -> StorageError {
    let text = |key: &str| {
        js_sys::Reflect::get(error, &key.into()).ok().and_then(|value| value.as_string())
    };
    let (kind, code) = (text("name").unwrap_or_default(), text("code").unwrap_or_default());
    // Chromium's IndexedDB has no words for a full disk
    let said = text("message").filter(|message| !message.is_empty());
    let message =
        said.unwrap_or_else(|| if kind.is_empty() { format!("{error:?}") } else { kind.clone() });
    match (kind.as_str(), code.as_str()) {
        ("QuotaExceededError", _) | (_, "ENOSPC" | "EDQUOT" | "EFBIG") => {
            StorageError::Quota(format!("{name}: {message}"))
        }
        ("NotFoundError", _) | (_, "ENOENT") => StorageError::NotFound(name.into()),
        ("NoModificationAllowedError", _) | (_, "LOCKED") => StorageError::Locked(name.into()),
        _ => StorageError::Io(format!("{name}: {message}")),
    }
}
