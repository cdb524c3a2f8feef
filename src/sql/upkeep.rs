//! The upkeep of a database, done now and then: giving free pages back, statistics, its versions.
//!
//! The caller chooses the time, and holds the lane.

use super::db::Db;
use super::quote;
use crate::error::{Error, Result};
use crate::sql::Conn;

/// Where the application's version is when the pragma is refused.
const VERSION_TABLE: &str =
    "CREATE TABLE IF NOT EXISTS _version(k INTEGER PRIMARY KEY, v INTEGER NOT NULL)";

impl Db {
    /// Changes when another connection to the file wrote: not this instance's own, for it writes on
    /// this one.
    pub fn data_version(&self) -> Result<i64> {
        pragma(self.writer(), "data_version")
    }

    /// The application's own version of the database.
    ///
    /// A host that refuses the pragma has it in a table.
    pub fn user_version(&self, conn: &Conn) -> Result<i64> {
        if self.calls_only().is_some() {
            self.writer().exec(VERSION_TABLE)?;
            let version = conn.one("SELECT v FROM _version", &[], |r| r.int(0))?;
            return Ok(version.unwrap_or(0));
        }
        pragma(conn, "user_version")
    }

    /// Sets it, in the open transaction if there is one.
    pub fn set_user_version(&self, version: i32) -> Result<()> {
        if self.calls_only().is_some() {
            self.writer().exec(VERSION_TABLE)?;
            let set = "INSERT OR REPLACE INTO _version(k, v) VALUES (0, ?)";
            return self.writer().run(set, &[i64::from(version).into()]).map(|_| ());
        }
        self.writer().exec(&format!("PRAGMA user_version = {version}"))
    }

    /// The number of unused pages in the file.
    pub fn free_pages(&self) -> Result<i64> {
        pragma(self.reader(), "freelist_count")
    }

    /// Has free pages given back [step by step](Db::give_back) from now on. The first time it
    /// writes the whole file anew.
    pub fn make_incremental(&self) -> Result<()> {
        const INCREMENTAL: i64 = 2;
        if pragma(self.writer(), "auto_vacuum")? == INCREMENTAL {
            return Ok(());
        }
        self.writer().exec("PRAGMA auto_vacuum = INCREMENTAL")?;
        self.writer().exec("VACUUM")
    }

    /// Gives up to `pages` free pages back to the storage; how many are left.
    pub fn give_back(&self, pages: u32) -> Result<i64> {
        self.writer().query(&format!("PRAGMA incremental_vacuum({pages})"), &[], |_| Ok(()))?;
        pragma(self.writer(), "freelist_count")
    }

    /// Writes the whole file anew, without free pages.
    pub fn vacuum(&self) -> Result<()> {
        if self.calls_only().is_some() {
            return Err(Error::NotSupported(
                "VACUUM in this host's SQLite (it gives pages back by itself)",
            ));
        }
        self.writer().exec("VACUUM")
    }

    /// Brings the statistics of tables that need it up to date.
    pub fn optimize(&self) -> Result<()> {
        // enough rows for good plans, few enough not to be noticed
        self.writer().exec("PRAGMA analysis_limit = 400; PRAGMA optimize")
    }

    /// Gives rows in the opposite order where a statement asks for none: what wrongly relies on one
    /// then shows.
    pub fn reverse_unordered(&self) -> Result<()> {
        [self.writer(), self.reader()]
            .iter()
            .try_for_each(|c| c.exec("PRAGMA reverse_unordered_selects = ON"))
    }
}

fn pragma(conn: &Conn, name: &str) -> Result<i64> {
    let name = quote(name);
    Ok(conn.one(&format!("PRAGMA {name}"), &[], |r| r.int(0))?.unwrap_or(0))
}
