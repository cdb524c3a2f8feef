//! A workload of a server's log: pushes that are carried out, repeated, refused, and some larger
//! than the cache.

use tidelog::error::{Error, Result};
use tidelog::server::Server;
use tidelog::sql::{Db, Durability, Options};
use tidelog::sync::chain;
use tidelog::sync::id::{ClientId, Epoch, Id};
use tidelog::sync::wire::{At, Entry, Outgoing, Push, to_json};
use tidelog::vfs::Vfs;

use crate::crash::work::{CREATE_DETOUR, FILE, Session, Workload};

/// The workload.
pub(crate) struct PushesToServer;

/// Client, its events from `n` on by number and size, and whether they are to be taken.
const STEPS: &[(u8, u64, u64, usize, bool)] = &[
    (1, 1, 3, 10, true),
    (2, 1, 8, 3000, true),
    (1, 2, 4, 10, true),
    (1, 9, 1, 10, false),
    (1, 6, 20, 3000, true),
    (2, 1, 8, 3000, true),
    (3, 1, 1, 5000, true),
    (3, 3, 1, 10, false),
    (2, 9, 2, 100, true),
    (1, 26, 1, 10, true),
];
const REOPEN: i64 = 7;

impl Workload for PushesToServer {
    fn name(&self) -> &'static str {
        "pushes"
    }

    fn steps(&self) -> i64 {
        STEPS.len() as i64 + 1
    }

    fn ahead(&self) -> bool {
        false
    }

    fn open(&self, vfs: Vfs, strict: bool, _: i64) -> Result<Box<dyn Session>> {
        let durability = if strict { Durability::Strict } else { Durability::Relaxed };
        let db = Db::open(vfs, FILE, Options { durability, ..Options::default() })?;
        db.writer().exec("PRAGMA cache_size = 10; PRAGMA wal_autocheckpoint = 20")?;
        let server = Server::open(db, "todo", Epoch::from_bytes([3; 8]))?;
        server.db().writer().exec(CREATE_DETOUR)?;
        Ok(Box::new(Pushes { server }))
    }

    fn reopens(&self, step: i64) -> bool {
        step == REOPEN
    }
}

struct Pushes {
    server: Server,
}

impl Session for Pushes {
    fn step(&mut self, step: i64) -> Result<()> {
        let index = step - if step > REOPEN { 2 } else { 1 };
        let (client, from, count, size, taken) = STEPS[index as usize];
        let entries = (from..from + count)
            .map(|n| Outgoing {
                id: Id::from_bytes([[client; 8], n.to_be_bytes()].concat().try_into().unwrap()),
                n,
                event_type: "set".into(),
                tv: 1,
                data: format!("\"{}\"", n.to_string().repeat(size)),
                ts: Some(n as i64),
                x: None,
            })
            .collect();
        let start = chain::start("todo");
        let at = At { epoch: None, seq: start.seq, h: start.h };
        let push = Push {
            p: 2,
            client: ClientId::from_bytes([client; 16]),
            at,
            entries,
            want: None,
            limits: false,
        };
        let no = |entry: &Entry| Ok((entry.n == 2).then(|| "NO".into()));
        let reply = self.server.push("ann", &to_json(&push)?, Some(&no))?;
        if reply.is_ok() == taken { Ok(()) } else { Err(Error::BadValue(reply.body)) }
    }

    fn exec(&mut self, sql: &str) -> Result<()> {
        self.server.db().writer().exec(sql)
    }

    fn look(&self, _: i64) -> Result<(), String> {
        let open = self.server.db().writer().in_transaction() || self.server.db().depth() > 0;
        if open { Err("a transaction is still open".into()) } else { Ok(()) }
    }
}
