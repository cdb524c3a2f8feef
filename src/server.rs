//! A server's log in an SQLite database of its own: the storage under the push and pull rules of
//! `sync/server`.
//!
//! One transaction per push; the answer is given after the commit, which is durable under `strict`.
//! Knows no HTTP. Whether the principal may use the log was decided before.

use crate::error::{Error, Result};
use crate::sql::{Conn, Db, Param, Row};
use crate::sync::chain;
use crate::sync::id::{BodyHash, ClientId, Epoch, Hash, Id};
use crate::sync::limits::Limits;
use crate::sync::server::{self, Appended, Facts, Log, Pulled, Reply, Validator};
use crate::sync::wire::{Body, Entry, Kind, Last, Point};

/// The format of these tables; a database of another one is refused.
const FORMAT: i64 = 2;

/// `log.h` is the chain at `seq`, and `log.bh` the hash of a body that was erased; `ids` outlives
/// trimming; a `producer` is a client and whose it is.
const TABLES: &str = "
CREATE TABLE log(seq INTEGER PRIMARY KEY, id BLOB NOT NULL, client BLOB NOT NULL, n INTEGER NOT NULL, t TEXT NOT NULL,
  tv INTEGER NOT NULL, b TEXT NOT NULL, bh BLOB, ts INTEGER, x TEXT, k INTEGER NOT NULL, ref BLOB, code TEXT,
  h BLOB NOT NULL, UNIQUE(client, n));
CREATE INDEX log_types ON log(t, seq) WHERE k = 1;
CREATE TABLE ids(id BLOB PRIMARY KEY NOT NULL, seq INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE producers(client BLOB PRIMARY KEY NOT NULL, principal TEXT NOT NULL, last_n INTEGER, last_id BLOB) WITHOUT ROWID;
CREATE TABLE meta(k TEXT PRIMARY KEY NOT NULL, v) WITHOUT ROWID;
";

/// One log and its database.
#[derive(Debug)]
pub struct Server {
    db: Db,
    epoch: Epoch,
    limits: Limits,
    /// The chain before the first event.
    start: Point,
}

impl Server {
    /// Opens the log of that name in `db`, made with `epoch` if it is new.
    ///
    /// # Errors
    /// `BAD_NAME`, `NEWER_FORMAT`, and `CORRUPT` when the database belongs to another log.
    pub fn open(db: Db, log: &str, epoch: Epoch) -> Result<Server> {
        crate::sync::id::check_log_name(log)?;
        let epoch = db.transaction(|| prepare(db.writer(), log, epoch))?;
        Ok(Server { db, epoch, limits: Limits::default(), start: chain::start(log) })
    }

    /// Sets how many bytes a body may have, at most [`limits::BODY_HARD`].
    pub fn set_body_limit(&mut self, bytes: usize) {
        self.limits = Limits { body: bytes, ..self.limits }.bounded();
    }

    /// Carries out a push of `principal`.
    pub fn push(
        &mut self,
        principal: &str,
        text: &str,
        validate: Option<Validator<'_, Error>>,
    ) -> Result<Reply> {
        let tx = self.db.begin()?.keep();
        let reply = server::push(self, principal, text, validate);
        let tx = self.db.resume(tx);
        match reply {
            Ok(reply) if reply.is_ok() => {
                tx.commit()?;
                Ok(reply)
            }
            // dropped, the transaction is undone
            other => other,
        }
    }

    /// Has an event of the log count no longer; false when there is no such event.
    ///
    /// # Errors
    /// Only the storage's.
    pub fn void(&mut self, id: &Id) -> Result<bool> {
        self.operate(|log| server::void(log, id))
    }

    /// The same, and deletes its body; false when there is no such event, or no body of it.
    ///
    /// # Errors
    /// Only the storage's.
    pub fn erase(&mut self, id: &Id) -> Result<bool> {
        self.operate(|log| server::erase(log, id))
    }

    /// Says that rows up to `seq` may be gone; false when that was said, or the log is shorter.
    ///
    /// # Errors
    /// Only the storage's.
    pub fn announce_trim(&mut self, seq: u64) -> Result<bool> {
        self.operate(|log| server::trim(log, seq))
    }

    /// Appends a row of the server's own, in a transaction.
    fn operate(
        &mut self,
        decide: impl FnOnce(&Server) -> Result<Option<server::Decided>>,
    ) -> Result<bool> {
        let tx = self.db.begin()?.keep();
        let done = decide(self).and_then(|decided| match decided {
            Some(decided) => server::append(self, &decided).map(Some),
            None => Ok(None),
        });
        let tx = self.db.resume(tx);
        match done? {
            Some(Appended::Rows(_)) => tx.commit().map(|()| true),
            _ => Ok(false),
        }
    }

    /// Carries out a pull of `principal`.
    pub fn pull(&self, principal: &str, text: &str) -> Result<Pulled> {
        server::pull(self, principal, text)
    }

    /// Says to a client of `principal` where its history and this one part.
    pub fn resume(&self, principal: &str, text: &str) -> Result<Reply> {
        server::resume(self, principal, text)
    }

    /// The database.
    pub fn db(&self) -> &Db {
        &self.db
    }

    /// Reads happen on the writer: inside a push they must see what it has appended.
    fn conn(&self) -> &Conn {
        self.db.writer()
    }
}

fn prepare(conn: &Conn, log: &str, epoch: Epoch) -> Result<Epoch> {
    let meta = |k: &str| conn.one("SELECT v FROM meta WHERE k = ?", &[k.into()], |r| r.value(0));
    if conn.one("SELECT 1 FROM sqlite_schema WHERE name = 'meta'", &[], |_| Ok(()))?.is_none() {
        conn.exec(TABLES)?;
        let set =
            |k: &str, v: Param<'_>| conn.run("INSERT INTO meta VALUES (?, ?)", &[k.into(), v]);
        set("format", Param::Integer(FORMAT))?;
        set("log", log.into())?;
        set("epoch", epoch.as_bytes().into())?;
        return Ok(epoch);
    }
    match meta("format")? {
        Some(crate::sql::Value::Integer(found)) if found > FORMAT => {
            return Err(Error::NewerFormat { found, known: FORMAT });
        }
        Some(crate::sql::Value::Integer(found)) if found < FORMAT => {
            let remedy = "its hashes are of another protocol; move the file away, and the devices \
                          that synced with it offer their own events to the new log";
            return Err(Error::OlderFormat { found, remedy });
        }
        _ => {}
    }
    if meta("log")? != Some(crate::sql::Value::Text(log.to_string())) {
        return Err(Error::Corrupt(format!(
            "the database belongs to another log than '{log}': give each log a database of its own"
        )));
    }
    let stored = conn
        .one("SELECT v FROM meta WHERE k = 'epoch'", &[], |r| Ok(Epoch::from_slice(r.blob(0)?)))?;
    stored.flatten().ok_or_else(|| damaged("the epoch"))
}

fn damaged(what: &str) -> Error {
    Error::Corrupt(format!("{what} in the server's log is damaged"))
}

fn read_id(bytes: &[u8]) -> Result<Id> {
    Id::from_slice(bytes).ok_or_else(|| damaged("an id"))
}

fn read_row(row: &Row<'_>) -> Result<Entry> {
    Ok(Entry {
        id: read_id(row.blob(0)?)?,
        client: ClientId::from_slice(row.blob(1)?).ok_or_else(|| damaged("a client"))?,
        n: row.int(2)? as u64,
        event_type: row.text(3)?.to_string(),
        tv: row.int(4)? as u32,
        body: match row.opt_blob(6)? {
            None => Body::Text(row.text(5)?.to_string()),
            Some(bh) => Body::Erased(BodyHash::from_slice(bh).ok_or_else(|| damaged("a hash"))?),
        },
        ts: row.opt_int(7)?,
        x: row.opt_text(8)?.map(String::from),
        kind: Kind::from_byte(row.int(9)? as u8).ok_or_else(|| damaged("a kind"))?,
        reference: row.opt_blob(10)?.map(read_id).transpose()?,
        code: row.opt_text(11)?.map(String::from),
    })
}

impl Facts for Server {
    type Error = Error;

    fn epoch(&self) -> Result<Epoch> {
        Ok(self.epoch)
    }

    fn head(&self) -> Result<Point> {
        let last =
            self.conn().one("SELECT seq, h FROM log ORDER BY seq DESC LIMIT 1", &[], |r| {
                let h = Hash::from_slice(r.blob(1)?).ok_or_else(|| damaged("the chain"))?;
                Ok(Point { seq: r.int(0)? as u64, h })
            })?;
        Ok(last.unwrap_or(self.start))
    }

    fn hash_at(&self, seq: u64) -> Result<Option<Hash>> {
        if seq == 0 {
            return Ok(Some(self.start.h));
        }
        let sql = "SELECT h FROM log WHERE seq = ?";
        let found = self
            .conn()
            .one(sql, &[Param::Integer(seq as i64)], |r| Ok(Hash::from_slice(r.blob(0)?)))?;
        Ok(found.flatten())
    }

    fn trim(&self) -> Result<u64> {
        Ok(0)
    }

    fn safe(&self) -> Result<u64> {
        Ok(0)
    }

    fn read(&self, after: u64, max_events: usize, max_bytes: usize) -> Result<Vec<Entry>> {
        let sql = "SELECT id, client, n, t, tv, b, bh, ts, x, k, ref, code FROM log WHERE seq > ? ORDER BY seq LIMIT ?";
        let params = [Param::Integer(after as i64), Param::Integer(max_events as i64)];
        let (mut rows, mut bytes, mut full) = (Vec::new(), 0, false);
        self.conn().query(sql, &params, |row| {
            if full {
                return Ok(());
            }
            let entry = read_row(row)?;
            bytes += entry.size();
            full = bytes > max_bytes && !rows.is_empty();
            if !full {
                rows.push(entry);
            }
            Ok(())
        })?;
        Ok(rows)
    }

    fn last_of(&self, client: &ClientId) -> Result<Option<Last>> {
        let sql = "SELECT last_n, last_id FROM producers WHERE client = ? AND last_n IS NOT NULL";
        self.conn().one(sql, &[client.as_bytes().into()], |r| {
            Ok(Last { n: r.int(0)? as u64, id: read_id(r.blob(1)?)? })
        })
    }

    fn id_of(&self, client: &ClientId, n: u64) -> Result<Option<Id>> {
        let params = [client.as_bytes().into(), Param::Integer(n as i64)];
        self.conn()
            .one("SELECT id FROM log WHERE client = ? AND n = ?", &params, |r| read_id(r.blob(0)?))
    }

    fn seq_of(&self, id: &Id) -> Result<Option<u64>> {
        self.conn().one("SELECT seq FROM ids WHERE id = ?", &[id.as_bytes().into()], |r| {
            Ok(r.int(0)? as u64)
        })
    }

    fn owner_of(&self, client: &ClientId) -> Result<Option<String>> {
        let sql = "SELECT principal FROM producers WHERE client = ?";
        self.conn().one(sql, &[client.as_bytes().into()], |r| Ok(r.text(0)?.to_string()))
    }

    fn limits(&self) -> Limits {
        self.limits
    }

    fn floor(&self) -> Result<u64> {
        let sql = "SELECT v FROM meta WHERE k = 'floor'";
        Ok(self.conn().one(sql, &[], |r| r.int(0))?.unwrap_or(0) as u64)
    }

    fn find(
        &self,
        since: u64,
        types: &[String],
        hit: &dyn Fn(&ClientId, Option<&str>) -> bool,
    ) -> Result<Option<Id>> {
        let sql = "SELECT seq, id, client, b, bh IS NULL FROM log
                   WHERE t = ? AND seq > ? AND seq < ? AND k = 1 ORDER BY seq LIMIT 1";
        let (mut first, mut before) = (None, i64::MAX);
        for event_type in types {
            let mut after = since as i64;
            // one row at a time: the first that is hit ends it
            while after < before {
                let params = [event_type.into(), Param::Integer(after), Param::Integer(before)];
                let found = self.conn().one(sql, &params, |r| {
                    let client = ClientId::from_slice(r.blob(2)?);
                    let client = client.ok_or_else(|| damaged("a client"))?;
                    let body = if r.int(4)? == 1 { Some(r.text(3)?) } else { None };
                    Ok((r.int(0)?, hit(&client, body).then(|| read_id(r.blob(1)?))))
                })?;
                match found {
                    None => break,
                    Some((seq, None)) => after = seq,
                    Some((seq, Some(id))) => (first, before) = (Some(id?), seq),
                }
            }
        }
        Ok(first)
    }
}

impl Log for Server {
    fn bind(&mut self, client: &ClientId, principal: &str) -> Result<()> {
        let sql = "INSERT INTO producers(client, principal) VALUES (?, ?)";
        self.conn().run(sql, &[client.as_bytes().into(), principal.into()]).map(|_| ())
    }

    fn append(&mut self, at: Point, row: &Entry) -> Result<()> {
        let conn = self.conn();
        let (seq, n) = (Param::Integer(at.seq as i64), Param::Integer(row.n as i64));
        let (id, client) = (row.id.as_bytes(), row.client.as_bytes());
        conn.run(
            "INSERT INTO log(seq, id, client, n, t, tv, b, ts, x, k, ref, code, h) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            &[
                seq,
                id.into(),
                client.into(),
                n,
                (&row.event_type).into(),
                Param::Integer(row.tv.into()),
                row.text().into(),
                row.ts.into(),
                row.x.as_ref().into(),
                Param::Integer(row.kind.byte().into()),
                row.reference.as_ref().map(Id::as_bytes).into(),
                row.code.as_ref().into(),
                at.h.as_bytes().into(),
            ],
        )?;
        // A rejected id is known, too: its verdict stands, under whatever name it comes again.
        if row.kind != Kind::Dup {
            conn.run("INSERT INTO ids(id, seq) VALUES (?, ?)", &[id.into(), seq])?;
        }
        conn.run(
            "UPDATE producers SET last_n = ?, last_id = ? WHERE client = ?",
            &[n, id.into(), client.into()],
        )?;
        Ok(())
    }

    fn erase(&mut self, id: &Id) -> Result<()> {
        let Some(seq) = self.seq_of(id)? else { return Ok(()) };
        let Some(row) = self.read(seq - 1, 1, usize::MAX)?.pop() else { return Ok(()) };
        let hash = row.body.hash();
        let sql = "UPDATE log SET b = '', bh = ? WHERE seq = ?";
        let params = [hash.as_bytes().as_slice().into(), Param::Integer(seq as i64)];
        self.conn().run(sql, &params).map(|_| ())
    }

    fn raise(&mut self, floor: u64) -> Result<()> {
        let sql =
            "INSERT INTO meta VALUES ('floor', ?) ON CONFLICT(k) DO UPDATE SET v = excluded.v";
        self.conn().run(sql, &[Param::Integer(floor as i64)]).map(|_| ())
    }
}

#[cfg(test)]
mod tests;
