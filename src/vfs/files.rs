//! All open files of one registered storage, and SQLite's calls that concern names: open, close,
//! delete, exists.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use rsqlite_vfs::ffi::{sqlite3_int64, sqlite3_io_methods, sqlite3_vfs, sqlite3_vfs_find};
use rsqlite_vfs::{
    AccessMode, FileKind, MemChunksFile, OpenOptions, OpenRequest, OpenedFile, OsCallback,
    SQLiteIoMethods, SQLiteVfs, VfsError, VfsErrorCode, VfsResult, VfsStore,
};

use super::file::{File, Handle};
use super::node::Node;
use super::wal::Gather;
use super::{Storage, StorageError, shm};

/// The state that the handles of one file share.
pub(super) type Shared = Rc<RefCell<Node>>;

/// The open files of one storage.
pub(super) struct Files {
    storage: Box<dyn Storage>,
    /// Open files by name, and WALs that still have to be cut.
    nodes: RefCell<HashMap<String, Shared>>,
    /// Uncommitted bytes of a WAL that are kept back at most.
    limit: usize,
    /// Files SQLite has not closed.
    open: Cell<usize>,
    last_error: RefCell<Option<StorageError>>,
}

impl Files {
    pub(super) fn new(storage: Box<dyn Storage>, limit: usize) -> Self {
        Files {
            storage,
            nodes: RefCell::default(),
            limit,
            open: Cell::new(0),
            last_error: RefCell::default(),
        }
    }

    pub(super) fn storage(&self) -> &dyn Storage {
        &*self.storage
    }

    pub(super) fn node(&self, name: &str) -> Option<Shared> {
        self.nodes.borrow().get(name).cloned()
    }

    pub(super) fn take_last_error(&self) -> Option<StorageError> {
        self.last_error.borrow_mut().take()
    }

    /// SQLite's error for a storage's: `otherwise` unless the kind has a code of its own. Keeps the
    /// storage's.
    pub(super) fn fail(&self, error: StorageError, otherwise: VfsErrorCode) -> VfsError {
        let code = match error {
            StorageError::Quota(_) => VfsErrorCode::Full,
            _ => otherwise,
        };
        let message = error.to_string();
        *self.last_error.borrow_mut() = Some(error);
        VfsError::new(code, message.into())
    }

    /// Opens a file of the storage, or another handle on it.
    fn open(self: &Rc<Self>, name: &str, options: OpenOptions) -> Result<Handle, StorageError> {
        if options.exclusive() && self.exists(name)? {
            return Err(StorageError::Io(format!(
                "'{name}' exists already, and was to be made anew"
            )));
        }
        let node = match self.node(name) {
            Some(node) => node,
            None => {
                let file = self.storage.open(name, options.create())?;
                let gather =
                    (options.kind() == Some(FileKind::Wal)).then(|| Gather::new(self.limit));
                let node = Rc::new(RefCell::new(Node::new(file, gather)));
                self.nodes.borrow_mut().insert(name.into(), node.clone());
                node
            }
        };
        Ok(Handle::new(self.clone(), name.into(), node))
    }

    fn exists(&self, name: &str) -> Result<bool, StorageError> {
        self.storage.exists(name)
    }

    fn delete(&self, name: &str) -> Result<(), StorageError> {
        self.storage.delete(name)?;
        if let Some(node) = self.nodes.borrow_mut().remove(name) {
            // handles still open on it go on with what the storage leaves them
            node.borrow_mut().disk.forget_size();
        }
        Ok(())
    }

    /// Forgets all that is known of the files' content: it is another one now. No lock of a WAL
    /// index may be held.
    pub(super) fn forget_all(&self) {
        for node in self.nodes.borrow().values() {
            node.borrow_mut().forget(self.limit);
        }
    }

    fn close(&self, mut handle: Handle) {
        handle.close();
        let mut node = handle.node.borrow_mut();
        if node.handles == 0 && !node.in_debt() {
            let mut nodes = self.nodes.borrow_mut();
            if nodes.get(&handle.name).is_some_and(|current| Rc::ptr_eq(current, &handle.node)) {
                nodes.remove(&handle.name);
            }
        }
    }
}

/// Registers `files` with SQLite; what it returns unregisters and frees them, unless files are
/// still open.
pub(super) fn register(name: &str, files: Rc<Files>) -> Result<Box<dyn FnOnce()>, String> {
    let data = Data { files: files.clone(), os: DefaultOs };
    // SAFETY: `Io` names `Store`, whose `File` is what `Io`'s methods read and whose `AppData` is
    // what is registered here: the crate's own methods and those of `shm` agree on the types. No
    // VFS has the name yet (`Vfs` counts them up). SQLite calls on this thread alone, because
    // neither `Vfs` nor `Conn` is `Send`, so `Data` need not be.
    let registration = unsafe { rsqlite_vfs::register_vfs::<Io, Registrar>(name, data, false) };
    let registration = registration.map_err(|error| error.to_string())?;
    Ok(Box::new(move || {
        if files.open.get() > 0 {
            // leaks: a connection would call into it
            let _ = registration.into_raw();
        } else {
            // SAFETY: no connection uses the VFS any more, since one keeps its database file open
            // for as long as it lives and no file is open.
            let _ = unsafe { registration.unregister() };
        }
    }))
}

/// Our data that SQLite carries around.
struct Data {
    files: Rc<Files>,
    os: DefaultOs,
}

/// The types SQLite's callbacks are made for.
struct Store;
struct Io;
struct Registrar;

impl VfsStore for Store {
    type File = File;
    type AppData = Data;

    fn open_file(data: &Data, request: OpenRequest<'_>) -> VfsResult<OpenedFile<File>> {
        let options = request.options;
        let temporary = !matches!(
            options.kind(),
            Some(FileKind::MainDb | FileKind::MainJournal | FileKind::Wal | FileKind::SuperJournal)
        );
        let file = match request.filename {
            Some(name) if !temporary => File::Stored(
                data.files
                    .open(name.path(), options)
                    .map_err(|error| data.files.fail(error, VfsErrorCode::CantOpen))?,
            ),
            _ => File::Temporary(MemChunksFile::default()),
        };
        data.files.open.set(data.files.open.get() + 1);
        Ok(OpenedFile { file, access: options.access() })
    }

    fn close_file(
        data: &Data,
        name: Option<&str>,
        file: File,
        options: OpenOptions,
    ) -> VfsResult<()> {
        data.files.open.set(data.files.open.get() - 1);
        let File::Stored(handle) = file else { return Ok(()) };
        data.files.close(handle);
        match name {
            Some(name) if options.delete_on_close() => Self::delete_file(data, name, false),
            _ => Ok(()),
        }
    }

    fn access(data: &Data, name: &str, _mode: AccessMode) -> VfsResult<bool> {
        data.files.exists(name).map_err(|error| data.files.fail(error, VfsErrorCode::IoAccess))
    }

    fn full_pathname(_data: &Data, name: &str) -> VfsResult<String> {
        Ok(name.into())
    }

    fn delete_file(data: &Data, name: &str, _sync_dir: bool) -> VfsResult<()> {
        data.files.delete(name).map_err(|error| data.files.fail(error, VfsErrorCode::IoDelete))
    }
}

impl SQLiteIoMethods for Io {
    type Store = Store;

    const VERSION: i32 = 2;

    const METHODS: sqlite3_io_methods = sqlite3_io_methods {
        iVersion: 2,
        xClose: Some(Self::xClose),
        xRead: Some(Self::xRead),
        xWrite: Some(Self::xWrite),
        xTruncate: Some(Self::xTruncate),
        xSync: Some(Self::xSync),
        xFileSize: Some(Self::xFileSize),
        xLock: Some(Self::xLock),
        xUnlock: Some(Self::xUnlock),
        xCheckReservedLock: Some(Self::xCheckReservedLock),
        xFileControl: Some(Self::xFileControl),
        xSectorSize: Some(Self::xSectorSize),
        xDeviceCharacteristics: Some(Self::xDeviceCharacteristics),
        xShmMap: Some(shm::map),
        xShmLock: Some(shm::lock),
        xShmBarrier: Some(shm::barrier),
        xShmUnmap: Some(shm::unmap),
        xFetch: None,
        xUnfetch: None,
    };
}

impl SQLiteVfs<Io> for Registrar {
    type Os = DefaultOs;

    fn os(data: &Data) -> &DefaultOs {
        &data.os
    }
}

/// Clock and randomness of SQLite's default VFS, which knows the platform.
struct DefaultOs;

impl DefaultOs {
    fn default_vfs() -> Option<*mut sqlite3_vfs> {
        // SAFETY: SQLite is initialised, since it calls us, and null is how the default VFS is
        // asked for. That one is SQLite's or its platform crate's own and never unregistered, so
        // that the pointer stays good.
        let vfs = unsafe { sqlite3_vfs_find(std::ptr::null()) };
        (!vfs.is_null()).then_some(vfs)
    }
}

impl OsCallback for DefaultOs {
    fn sleep(&self, _: Duration) {
        // whoever is waited for runs on this very thread
    }

    fn random(&self, buf: &mut [u8]) -> usize {
        let Some(vfs) = Self::default_vfs() else { return 0 };
        let len = i32::try_from(buf.len()).unwrap_or(i32::MAX);
        // SAFETY: `vfs` is a registered VFS (`default_vfs`) and gets itself as its first argument;
        // `buf` has `len` or more bytes, borrowed for writing alone.
        let got = unsafe {
            (*vfs).xRandomness.map_or(0, |random| random(vfs, len, buf.as_mut_ptr().cast()))
        };
        usize::try_from(got).unwrap_or(0)
    }

    fn epoch_timestamp_in_ms(&self) -> VfsResult<i64> {
        /// Milliseconds from the Julian epoch to the Unix epoch.
        const UNIX: sqlite3_int64 = 210_866_760_000_000;
        let mut now = 0;
        // SAFETY: `vfs` is a registered VFS (`default_vfs`) and gets itself as its first argument;
        // its struct reaches to `xCurrentTimeInt64` from version 2 on, and the field is read under
        // that condition alone; `now` is a live variable.
        let read = Self::default_vfs().and_then(|vfs| unsafe {
            let clock = if (*vfs).iVersion >= 2 { (*vfs).xCurrentTimeInt64 } else { None };
            clock.map(|clock| clock(vfs, &mut now))
        });
        match read {
            Some(0) => Ok(now - UNIX),
            _ => Err(VfsError::new(VfsErrorCode::Error, "the clock could not be read".into())),
        }
    }
}
