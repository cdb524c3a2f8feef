//! The few calls of IndexedDB that `idb.rs` needs: open, load, one transaction per batch, list,
//! delete.
//!
//! A request's handlers are a promise's own functions, so that its events need no closures of ours.

use js_sys::{Array, Function, Object, Promise, Reflect, Uint8Array};
use serde::{Deserialize, Serialize};
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    IdbDatabase, IdbFactory, IdbKeyRange, IdbObjectStore, IdbOpenDbRequest, IdbRequest,
    IdbTransaction, IdbTransactionMode,
};

use super::browser::realm;
use super::handle;
use super::{BLOCK, Batch, Block, StorageError};
use crate::error::{Error, Result};

#[wasm_bindgen]
extern "C" {
    /// An `IDBFactory` with what web-sys does not know of it.
    #[wasm_bindgen(extends = IdbFactory)]
    type Lister;
    #[wasm_bindgen(method, catch)]
    fn databases(this: &Lister) -> Result<Promise, JsValue>;

    /// An `IDBDatabase` with what web-sys has behind `--cfg web_sys_unstable_apis` only.
    #[wasm_bindgen(extends = IdbDatabase)]
    type Durable;
    #[wasm_bindgen(method, catch, js_name = transaction)]
    fn begin(
        this: &Durable,
        store: &str,
        mode: IdbTransactionMode,
        options: &JsValue,
    ) -> Result<IdbTransaction, JsValue>;
}

/// The version of our layout: one store of blocks by `[file, index]`, and the head.
const VERSION: u32 = 1;
/// Where blocks and the head are.
const STORE: &str = "blocks";
/// The head's key.
const HEAD: &str = "head";
/// Blocks read at a time: 4 MiB.
const LOADED: usize = (4 << 20) / BLOCK;

/// The error for what IndexedDB said.
pub(super) fn failure(error: &JsValue, name: &str) -> StorageError {
    match handle::failure(error, name) {
        // here these are no names of files
        StorageError::NotFound(_) => {
            StorageError::Io(format!("{name}: the browser has removed its storage"))
        }
        error => error,
    }
}

fn factory() -> Result<IdbFactory> {
    realm().indexed_db().ok().flatten().ok_or(Error::NotSupported("IndexedDB"))
}

/// A promise and the functions that settle it.
fn promise() -> (Promise, Function, Function) {
    let mut settle = None;
    let promise = Promise::new(&mut |resolve, reject| settle = Some((resolve, reject)));
    // a promise calls its function at once
    let (resolve, reject) = settle.unwrap_or_default();
    (promise, resolve, reject)
}

/// The result of a request.
async fn answer(request: &IdbRequest) -> Result<JsValue, JsValue> {
    let (settled, resolve, reject) = promise();
    request.set_onsuccess(Some(&resolve));
    request.set_onerror(Some(&reject));
    match JsFuture::from(settled).await {
        Ok(_) => request.result(),
        Err(_) => Err(request.error()?.into()),
    }
}

/// `[file, index]`.
fn key(file: &str, index: f64) -> JsValue {
    Array::of2(&file.into(), &index.into()).into()
}

fn blocks_of(file: &str, from: usize, to: f64) -> Result<IdbKeyRange, JsValue> {
    IdbKeyRange::bound(&key(file, from as f64), &key(file, to))
}

/// The record beside the blocks: the sizes of all files, and which batch wrote them.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
pub(super) struct Head {
    generation: f64,
    /// A random number per batch: two batches that follow the same generation differ in it.
    writer: f64,
    sizes: Vec<(String, u64)>,
}

impl Head {
    /// The head that was stored, or what stands for none.
    fn read(stored: JsValue) -> Result<Head, JsValue> {
        match stored.is_undefined() {
            true => Ok(Head::default()),
            false => Ok(serde_wasm_bindgen::from_value(stored)?),
        }
    }

    /// Whether no batch was ever written.
    pub(super) fn is_new(&self) -> bool {
        self.generation == 0.0
    }

    /// The head after this one with a batch.
    pub(super) fn next(&self, batch: &Batch) -> Head {
        let sizes = batch.sizes.clone();
        Head { generation: self.generation + 1.0, writer: js_sys::Math::random(), sizes }
    }
}

/// An open connection. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Connection(IdbDatabase);

/// Opens a database of IndexedDB. One that is not there is made if `create`, else there is none and
/// none is left.
pub(super) async fn open(name: &str, create: bool) -> Result<Option<Connection>> {
    let unusable = |_| Error::NotSupported("IndexedDB");
    let request = factory()?.open_with_u32(name, VERSION).map_err(unusable)?;
    let upgrade = Closure::once_into_js(move |event: JsValue| -> Result<(), JsValue> {
        let request: IdbOpenDbRequest = Reflect::get(&event, &"target".into())?.unchecked_into();
        if !create {
            return request.transaction().map_or(Ok(()), |upgrade| upgrade.abort());
        }
        request.result()?.unchecked_into::<IdbDatabase>().create_object_store(STORE).map(|_| ())
    });
    request.set_onupgradeneeded(Some(upgrade.unchecked_ref()));
    let database = match answer(&request).await {
        Ok(database) => database.unchecked_into::<IdbDatabase>(),
        Err(error) => {
            let kind = Reflect::get(&error, &"name".into()).ok().and_then(|kind| kind.as_string());
            return match kind.as_deref() {
                Some("AbortError") if !create => Ok(None),
                Some("VersionError") => {
                    Err(Error::NewerFormat { found: i64::from(VERSION) + 1, known: VERSION.into() })
                }
                Some("SecurityError" | "InvalidStateError" | "NotSupportedError") => {
                    Err(Error::NotSupported("IndexedDB"))
                }
                _ => Err(failure(&error, name).into()),
            };
        }
    };
    // another tab that deletes or upgrades the database need not wait: this connection closes, and
    // its next transaction fails
    let connection = Connection(database.clone());
    let give_way = Closure::<dyn Fn()>::new(move || database.close()).into_js_value();
    connection.0.set_onversionchange(Some(give_way.unchecked_ref()));
    Ok(Some(connection))
}

/// Removes a database of IndexedDB.
pub(super) async fn delete(database: &str, name: &str) -> Result<()> {
    let fail = |error: JsValue| Error::from(failure(&error, name));
    let request = factory()?.delete_database(database).map_err(fail)?;
    answer(&request).await.map(|_| ()).map_err(fail)
}

/// The names of all databases of IndexedDB.
pub(super) async fn databases() -> Result<Vec<String>> {
    let unusable = |_| Error::NotSupported("listing in IndexedDB");
    let listed = factory()?.unchecked_into::<Lister>().databases().map_err(unusable)?;
    let listed = Array::from(&JsFuture::from(listed).await.map_err(unusable)?);
    let name = |info: JsValue| Reflect::get(&info, &"name".into()).ok()?.as_string();
    Ok(listed.iter().filter_map(name).collect())
}

impl Connection {
    pub(super) fn close(&self) {
        self.0.close();
    }

    /// The store in a transaction that reads.
    fn read(&self) -> Result<IdbObjectStore, JsValue> {
        self.0.transaction_with_str(STORE)?.object_store(STORE)
    }

    /// The head of what is kept.
    pub(super) async fn head(&self) -> Result<Head> {
        let read = async || -> Result<Head, JsValue> {
            let store = self.read()?;
            Head::read(answer(&store.get(&HEAD.into())?).await?)
        };
        read().await.map_err(|error| failure(&error, HEAD).into())
    }

    /// All that is kept: the head, and each file with its size and blocks.
    pub(super) async fn load(&self) -> Result<(Head, Vec<(String, u64, Vec<Block>)>)> {
        let head = self.head().await?;
        let mut files = Vec::new();
        for (name, size) in &head.sizes {
            let blocks = self.blocks(name, size.div_ceil(BLOCK as u64) as usize).await;
            let blocks = blocks.map_err(|error| Error::from(failure(&error, name)))?;
            files.push((name.clone(), *size, blocks));
        }
        Ok((head, files))
    }

    async fn blocks(&self, file: &str, count: usize) -> Result<Vec<Block>, JsValue> {
        let mut blocks = Vec::new();
        while blocks.len() < count {
            let to = (blocks.len() + LOADED).min(count) - 1;
            let store = self.read()?;
            let range = blocks_of(file, blocks.len(), to as f64)?;
            let loaded = Array::from(&answer(&store.get_all_with_key(&range)?).await?);
            if loaded.length() == 0 {
                break;
            }
            blocks.extend(loaded.iter().map(|block| Block::new(Uint8Array::new(&block).to_vec())));
        }
        Ok(blocks)
    }

    /// Begins a transaction that writes. Throws when the connection is closed.
    pub(super) fn begin(&self, strict: bool) -> Result<Begun, JsValue> {
        let options = Object::new();
        let durability = if strict { "strict" } else { "relaxed" };
        Reflect::set(&options, &"durability".into(), &durability.into())?;
        let database: &Durable = self.0.unchecked_ref();
        Ok(Begun(database.begin(STORE, IdbTransactionMode::Readwrite, &options)?))
    }
}

/// A transaction that writes.
pub(super) struct Begun(IdbTransaction);

impl Begun {
    /// Keeps a batch if the head is still the one known, and returns when that is done.
    pub(super) async fn put(
        self,
        batch: &Batch,
        head: &Head,
        next: &Head,
        name: &str,
    ) -> Result<(), StorageError> {
        let (settled, resolve, reject) = promise();
        self.0.set_oncomplete(Some(&resolve));
        self.0.set_onabort(Some(&reject));
        let settled = JsFuture::from(settled);
        let there = match self.requests(batch, next) {
            Ok(there) => there,
            Err(error) => {
                let _ = self.0.abort();
                let _ = settled.await;
                return Err(failure(&error, name));
            }
        };
        // all is asked for before the first answer, so that the fence costs no time
        if let Ok(found) = answer(&there).await
            && Head::read(found).as_ref() != Ok(head)
        {
            let _ = self.0.abort();
            let _ = settled.await;
            return Err(StorageError::Io(format!(
                "{name}: another tab or worker has changed the database since it was opened here: \
                 open it again"
            )));
        }
        settled.await.map(|_| ()).map_err(|_| match self.0.error() {
            Some(error) => failure(&error, name),
            None => StorageError::Io(format!("{name}: the browser has aborted the transaction")),
        })
    }

    /// Everything a batch needs; gives the request for the head as it is now.
    fn requests(&self, batch: &Batch, next: &Head) -> Result<IdbRequest, JsValue> {
        let store = self.0.object_store(STORE)?;
        let there = store.get(&HEAD.into())?;
        for (file, from) in &batch.cuts {
            store.delete(blocks_of(file, *from, f64::INFINITY)?.as_ref())?;
        }
        for (file, index, block) in &batch.puts {
            store.put_with_key(&Uint8Array::from(block.as_slice()), &key(file, *index as f64))?;
        }
        store.put_with_key(&serde_wasm_bindgen::to_value(next)?, &HEAD.into())?;
        Ok(there)
    }
}
