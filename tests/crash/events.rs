//! A workload of the store: events made, refused and confirmed, segments that rebase, effects that
//! cannot be undone, reducers of another version, plain documents, transactions larger than the
//! cache, checkpoints.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use tidelog::error::{Error, Result};
use tidelog::event::{App, Event, Phases};
use tidelog::model::Definition;
use tidelog::sql::{Db, Durability, Options, Value};
use tidelog::store::{Applied, Draft, EventOptions, Store};
use tidelog::sync::chain;
use tidelog::sync::id::{ClientId, Epoch, Id};
use tidelog::sync::wire::{Entry, Kind, Segment};
use tidelog::vfs::Vfs;

use crate::crash::work::{CREATE_DETOUR, FILE, Session, Workload};

/// The workload.
pub(crate) struct EventsOfStore;

/// Natively nothing ever waits.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("a native future waited"),
    }
}

/// Random bytes that depend on the step and not on how often it was tried.
#[derive(Clone, Default)]
struct Steps {
    step: Rc<Cell<u8>>,
    drawn: Rc<Cell<u8>>,
}

impl Steps {
    fn begin(&self, step: i64) {
        self.step.set(step as u8);
        self.drawn.set(0);
    }
}

impl App for Steps {
    fn phases(&self) -> Phases {
        Phases { reduce: true, ..Phases::default() }
    }
    fn now(&self) -> i64 {
        1000
    }
    fn random(&self) -> [u8; 16] {
        self.drawn.set(self.drawn.get() + 1);
        let mut bytes = [self.step.get() + 1; 16];
        bytes[15] = self.drawn.get();
        bytes
    }
    async fn preprocess(&self, _: &mut Event) -> Result<()> {
        Ok(())
    }
    async fn reduce(&self, event: &Event) -> Result<Option<String>> {
        match event.event_type.as_str() {
            "fail" => Err(Error::User { phase: "reduce".into(), message: "as asked".into() }),
            "note" => Ok(Some(format!("{{\"notes\":{{\"set\":[{}]}}}}", event.data))),
            "claim" => Ok(Some(format!("{{\"notes\":{{\"ins\":[{}]}}}}", event.data))),
            _ => Ok(None),
        }
    }
    async fn derive(&self, _: &Event, _: &str) -> Result<()> {
        Ok(())
    }
}

const LAST: i64 = 21;
/// The step that opens anew with the same reducers, and the one with others.
const REOPEN: i64 = 14;
const NEW_VERSION: i64 = 17;

impl Workload for EventsOfStore {
    fn name(&self) -> &'static str {
        "events"
    }

    fn steps(&self) -> i64 {
        LAST
    }

    fn ahead(&self) -> bool {
        true
    }

    fn open(&self, vfs: Vfs, strict: bool, step: i64) -> Result<Box<dyn Session>> {
        let durability = if strict { Durability::Strict } else { Durability::Relaxed };
        let db = Db::open(vfs, FILE, Options { durability, ..Options::default() })?;
        db.writer().exec("PRAGMA cache_size = 10; PRAGMA wal_autocheckpoint = 40")?;
        let app = Steps::default();
        app.begin(0);
        let store = Store::new(db, app.clone());
        for (model, owned) in [
            (r#"{"name":"notes","columns":[{"name":"by","index":"SPARSE"}]}"#, true),
            (
                r#"{"name":"todos","columns":[{"name":"done"},{"name":"title","index":"ALL"}]}"#,
                true,
            ),
            (r#"{"name":"docs"}"#, false),
        ] {
            now(store.add_model(Definition::parse(model)?, owned))?;
        }
        let version = if step < NEW_VERSION { 1 } else { 2 };
        now(store.open_events(EventOptions {
            log: Some("log".into()),
            version,
            ..EventOptions::default()
        }))?;
        store.db().writer().exec(CREATE_DETOUR)?;
        Ok(Box::new(Events { store, app }))
    }

    fn reopens(&self, step: i64) -> bool {
        [REOPEN, NEW_VERSION].contains(&step)
    }
}

struct Events {
    store: Store<Steps>,
    app: Steps,
}

fn draft(t: &str, b: &str) -> Draft {
    Draft { event_type: t.into(), data: b.into(), ..Draft::default() }
}

/// Notes of 3 KB, `count` of them.
fn notes(from: u32, count: u32) -> Vec<Draft> {
    let note =
        |n| draft("note", &format!("{{\"id\":\"n{n}\",\"by\":\"me\",\"text\":\"{n:03000}\"}}"));
    (from..from + count).map(note).collect()
}

const OTHER: ClientId = ClientId::from_bytes([200; 16]);

fn other(n: u8, t: &str, b: &str) -> Entry {
    let id = Id::from_bytes([100 + n; 16]);
    let (t, b) = (t.to_string(), b.to_string());
    Entry {
        id,
        client: OTHER,
        n: n.into(),
        event_type: t,
        tv: 0,
        body: b.into(),
        ts: Some(1),
        x: None,
        kind: Kind::Event,
        reference: None,
        code: None,
    }
}

impl Events {
    fn dispatch(&self, drafts: Vec<Draft>) -> Result<()> {
        now(self.store.dispatch(drafts)).map(|_| ())
    }

    /// A dispatch that the reducer refuses.
    fn refused(&self, drafts: Vec<Draft>) -> Result<()> {
        match self.dispatch(drafts) {
            Err(Error::User { .. }) => Ok(()),
            Err(error) => Err(error),
            Ok(()) => Err(Error::BadValue("an event that fails was taken".into())),
        }
    }

    /// The first so many pending events as the server's log has them.
    fn mine(&self, count: i64) -> Result<Vec<Entry>> {
        let me = self.store.start()?.client;
        let sql = "SELECT id, n, t, b FROM _pending ORDER BY lo LIMIT ?";
        self.store.db().reader().all(sql, &[tidelog::sql::Param::Integer(count)], |row| {
            Ok(Entry {
                id: Id::from_slice(row.blob(0)?).ok_or(Error::Corrupt("an id".into()))?,
                client: me,
                n: row.int(1)? as u64,
                ..other(0, row.text(2)?, row.text(3)?)
            })
        })
    }

    /// Applies the server's segment of these rows.
    fn apply(&self, entries: Vec<Entry>) -> Result<Applied> {
        let from = self.store.start()?.at.point();
        let to = chain::fold(from, &entries);
        let segment = Segment {
            p: 2,
            limits: None,
            epoch: Epoch::from_bytes([7; 8]),
            from,
            entries,
            to,
            head: to.seq,
            safe: 0,
            trim: 0,
            last: None,
        };
        let applied = now(self.store.apply(&segment))?;
        applied.ok_or(Error::Protocol("the cursor is not where the last segment left it".into()))
    }

    fn applies(&self, entries: Vec<Entry>, rebased: bool, rebuilt: bool) -> Result<()> {
        let applied = self.apply(entries)?;
        if (applied.rebased, applied.rebuilt) == (rebased, rebuilt) {
            return Ok(());
        }
        Err(Error::BadValue(format!(
            "a segment rebased {}, rebuilt {}",
            applied.rebased, applied.rebuilt
        )))
    }
}

impl Session for Events {
    fn step(&mut self, step: i64) -> Result<()> {
        self.app.begin(step);
        let store = &self.store;
        let todo = |b: &str| self.dispatch(vec![draft("es/todos", b)]);
        match step {
            1 => todo(r#"[1,"a",{"title":"milk"}]"#),
            2 => self.dispatch(notes(0, 3)),
            3 => now(store.set("docs", "{\"id\":1,\"a\":1}\n{\"id\":2}", false)).map(|_| ()),
            4 => self.refused(vec![draft("fail", "null")]),
            5 => self.refused(notes(50, 12).into_iter().chain([draft("fail", "1")]).collect()),
            6 => todo(r#"[3,"a",{"done":true}]"#),
            7 => self.applies(
                vec![other(1, "es/todos", r#"[1,"a",{"title":"theirs"}]"#)],
                true,
                false,
            ),
            8 => now(store.mark_sent(2)),
            9 => self.applies(self.mine(2)?, false, false),
            10 => store.db().writer().exec("PRAGMA wal_checkpoint(TRUNCATE)"),
            11 => self.dispatch(notes(10, 14)),
            12 => {
                let mut entries = self.mine(3)?;
                entries[1].kind = Kind::Rej;
                entries[1].code = Some("NO".into());
                entries.insert(1, other(2, "claim", r#"{"id":"n12","by":"them"}"#));
                self.applies(entries, true, false)
            }
            13 => now(store.update("docs", &[r#"{"id":1,"b":[1,2]}"#.into()], false)).map(|_| ()),
            15 => store
                .db()
                .writer()
                .exec("UPDATE notes SET json = '{\"text\":\"tampered\"}' WHERE id = 'n15'"),
            16 => self.applies(vec![other(3, "note", r#"{"id":"n16","by":"them"}"#)], true, true),
            18 => now(store.remove("docs", &[Value::Integer(2)])).map(|_| ()),
            19 => store.db().writer().exec("VACUUM"),
            20 => self.applies(self.mine(20)?, false, false),
            LAST => todo(r#"[0,"a"]"#),
            _ => Err(Error::BadValue(format!("there is no step {step}"))),
        }
    }

    fn exec(&mut self, sql: &str) -> Result<()> {
        self.store.db().writer().exec(sql)
    }

    fn look(&self, _: i64) -> Result<(), String> {
        if self.store.db().writer().in_transaction() || self.store.db().depth() > 0 {
            return Err("a transaction is still open".into());
        }
        let text = |error: Error| error.to_string();
        let sql = "SELECT coalesce((SELECT v FROM _meta WHERE k = 'seq'), 0), (SELECT count(*) FROM _pending)";
        let read = |row: &tidelog::sql::Row<'_>| Ok((row.int(0)? as u64, row.int(1)? as u64));
        let tables = self.store.db().reader().one(sql, &[], read).map_err(text)?;
        let known = self.store.progress().map_err(text)?;
        if tables == Some(known) {
            Ok(())
        } else {
            Err(format!("{tables:?} is remembered as {known:?}"))
        }
    }
}
