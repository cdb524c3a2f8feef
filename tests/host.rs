//! A store on a host's SQLite, natively: a host of our own that is as strict as the strictest real
//! ones. Double-quoted strings are off, transactions are calls or statements, integers come and go
//! as a Durable Object has them.

#![cfg(not(target_family = "wasm"))]
#![allow(clippy::unwrap_used)] // a test

use std::rc::Rc;

use crate::rig::{TestApp, now};
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ToSql};
use tidelog::error::{Error, Result};
use tidelog::model::{Definition, Search};
use tidelog::sql::{Db, HostRows, HostSqlite, Options, Param, Params, Value};
use tidelog::store::Store;
use tidelog::vfs::{Memory, Vfs};

/// A host with one kind of manners.
#[derive(Debug)]
struct Strict {
    raw: Rc<Connection>,
    calls_only: bool,
}

/// Binds as the host would: a number is a double to one that wants integers cast.
struct Bound<'a>(Param<'a>, bool);

impl ToSql for Bound<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            Param::Integer(i) if self.1 => ToSqlOutput::from(i.to_string()),
            Param::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Param::Integer(i) => ToSqlOutput::from(i),
            Param::Real(f) => ToSqlOutput::from(f),
            Param::Text(s) => ToSqlOutput::from(s),
            Param::Blob(b) => ToSqlOutput::from(b),
        })
    }
}

fn told(error: rusqlite::Error) -> Error {
    let rusqlite::Error::SqliteFailure(e, message) = &error else {
        return Error::foreign_sqlite(Some(1), "", error.to_string());
    };
    Error::foreign_sqlite(Some(e.extended_code), "", message.clone().unwrap_or_default())
}

impl HostSqlite for Strict {
    fn exec(&self, sql: &str, params: &[Param<'_>]) -> Result<()> {
        let says = |word: &str| sql.trim_start().to_ascii_uppercase().starts_with(word);
        assert!(
            !self.calls_only
                || !["BEGIN", "SAVEPOINT", "COMMIT", "ROLLBACK"].iter().any(|w| says(w))
        );
        if params.is_empty() {
            return self.raw.execute_batch(sql).map_err(told);
        }
        self.rows(sql, params, None).map(|_| ())
    }

    fn rows(&self, sql: &str, params: &[Param<'_>], limit: Option<usize>) -> Result<HostRows> {
        let mut statement = self.raw.prepare(sql).map_err(told)?;
        for i in 1..=statement.parameter_count() {
            assert!(statement.parameter_name(i).is_none(), "plain parameters only: {sql}");
        }
        let names: Vec<String> = statement.column_names().map(String::from).collect();
        let bound: Vec<Bound<'_>> = params.iter().map(|p| Bound(*p, self.calls_only)).collect();
        let mut found = statement.query(rusqlite::params_from_iter(&bound)).map_err(told)?;
        let mut rows = Vec::new();
        while let Some(row) = found.next().map_err(told)? {
            let cell = |i| match row.get_ref(i).unwrap() {
                ValueRef::Null => Value::Null,
                ValueRef::Integer(n) => Value::Integer(n),
                ValueRef::Real(f) => Value::Real(f),
                ValueRef::Text(t) => Value::Text(String::from_utf8(t.to_vec()).unwrap()),
                ValueRef::Blob(b) => Value::Blob(b.to_vec()),
            };
            rows.push((0..names.len()).map(cell).collect());
            if limit.is_some_and(|limit| rows.len() >= limit) {
                break;
            }
        }
        let names = if rows.is_empty() { Vec::new() } else { names };
        Ok(HostRows { names, rows })
    }

    fn transaction(&self, f: &mut dyn FnMut() -> Result<()>) -> Result<()> {
        assert!(self.calls_only, "statements are said here");
        self.raw.execute_batch("SAVEPOINT call").unwrap();
        let done = f();
        let end = if done.is_ok() { "RELEASE call" } else { "ROLLBACK TO call; RELEASE call" };
        self.raw.execute_batch(end).map_err(told).and(done)
    }

    fn calls_only(&self) -> bool {
        self.calls_only
    }

    fn casts_integers(&self) -> bool {
        self.calls_only
    }

    fn in_transaction(&self) -> Option<bool> {
        Some(!self.raw.is_autocommit())
    }

    fn close(&self) -> Result<()> {
        Ok(())
    }
}

fn host(calls_only: bool) -> (Db, Rc<Connection>) {
    let raw = Rc::new(Connection::open_in_memory().unwrap());
    for setting in [DbConfig::SQLITE_DBCONFIG_DQS_DML, DbConfig::SQLITE_DBCONFIG_DQS_DDL] {
        raw.set_db_config(setting, false).unwrap();
    }
    assert!(raw.prepare("SELECT \"text\"").is_err(), "double-quoted strings are off");
    (Db::of_host(Box::new(Strict { raw: raw.clone(), calls_only })).unwrap(), raw)
}

const BOTH: [bool; 2] = [false, true];

#[test]
fn models_work_there_as_on_the_bundled_engine() {
    let definition = r#"{"name":"trees","idCol":"id","keepRowId":true,"columns":[
        {"name":"id","type":"INTEGER"}, {"name":"n","type":"INTEGER","index":"ALL"},
        {"name":"any","real":true}, {"name":"body","type":"TEXT","fts":true}]}"#;
    let docs = [
        r#"{"id":1,"n":3,"any":2.5,"body":"the tide"}"#,
        r#"{"id":2,"n":-1,"any":"x","body":"it's \"that\" ?1 :a"}"#,
        r#"{"id":3,"any":9007199254740991,"more":[1,{"a":null}]}"#,
    ];
    let searches = [
        r#"{"where":["col","n","$gt",0]}"#,
        r#"{"where":["col","any","$eq",9007199254740991]}"#,
        r#"{"where":["col","n","$in",[3,-1]],"sort":[["n",true]],"limit":1}"#,
        r#"{"where":["col","body","$match","tide"]}"#,
        r#"{"where":["not",["col","n","$null",true]],"sort":[["any",false]]}"#,
    ];
    let answers = |db: Db| -> Vec<String> {
        let store = Store::new(db, TestApp::default());
        now(store.add_model(Definition::parse(definition).unwrap(), false)).unwrap();
        now(store.set("trees", &docs.join("\n"), false)).unwrap();
        assert!(now(store.set("trees", &docs.join("\n"), true)).is_err(), "all or none");
        now(store.update("trees", &[r#"{"id":1,"n":4}"#.into()], false)).unwrap();
        let found = searches.iter().map(|text| {
            let search = Search::parse(text).unwrap();
            store.search(store.db().reader(), "trees", &search).unwrap().items
        });
        let mut answers: Vec<String> = found.collect();
        assert_eq!(now(store.remove("trees", &[Value::Integer(2)])).unwrap(), 1);
        answers.push(
            store.count(store.db().reader(), "trees", &Search::default()).unwrap().to_string(),
        );
        answers
    };
    let vfs = Vfs::register(Memory::default()).unwrap();
    let bundled = answers(Db::open(vfs, "test.db", Options::default()).unwrap());
    for calls_only in BOTH {
        assert_eq!(answers(host(calls_only).0), bundled);
    }
}

#[test]
fn what_fails_inside_is_undone_alone() {
    for calls_only in BOTH {
        let (db, raw) = host(calls_only);
        db.writer().exec("CREATE TABLE t(a UNIQUE)").unwrap();
        let insert = |a: i64| db.writer().run("INSERT INTO t VALUES (?)", &[a.into()]).map(|_| ());
        let failed = db.transaction(|| insert(1).and_then(|()| insert(1)));
        assert_eq!(failed.unwrap_err().code(), "SQLITE_CONSTRAINT_UNIQUE");
        db.transaction(|| {
            insert(2)?;
            assert!(db.transaction(|| insert(3).and_then(|()| insert(2))).is_err());
            insert(4)
        })
        .unwrap();
        let kept = db.reader().all("SELECT a FROM t ORDER BY a", &[], |r| r.int(0)).unwrap();
        assert_eq!((kept, raw.is_autocommit(), db.depth()), (vec![2, 4], true, 0));
    }
}

#[test]
fn a_host_that_ended_the_transaction_itself_is_no_error() {
    let (db, raw) = host(false);
    db.writer().exec("CREATE TABLE t(a)").unwrap();
    let tx = db.begin().unwrap();
    raw.execute_batch("ROLLBACK").unwrap();
    tx.rollback().unwrap();
    assert!(db.transaction(|| db.writer().exec("INSERT INTO t VALUES (1)")).is_ok());
}

#[test]
fn sql_that_undoes_a_call_of_the_host_is_refused() {
    let none = Params::Positional(vec![]);
    for calls_only in BOTH {
        let (db, _) = host(calls_only);
        let w = db.writer();
        w.exec("CREATE TABLE t(a UNIQUE)").unwrap();
        for sql in [
            "INSERT OR rollback INTO t VALUES (1)",
            "CREATE TABLE u(a UNIQUE ON CONFLICT ROLLBACK)",
            "CREATE TRIGGER r BEFORE DELETE ON t BEGIN SELECT RAISE(ROLLBACK, 'no'); END",
        ] {
            let codes =
                [w.check_host(sql), w.statement(sql, &none, |_| {}, |_| Ok(true)).map(|_| ())]
                    .map(|done| done.err().map(|e| e.code()));
            assert_eq!(codes, [calls_only.then_some("BAD_VALUE"); 2], "{sql}");
        }
        for sql in [
            "SELECT 'ROLLBACK' AS \"rollback\" -- ROLLBACK",
            "SELECT a AS rollback_a FROM t",
            "DELETE FROM t",
        ] {
            assert_eq!(w.check_host(sql), Ok(()), "{sql}");
        }
    }
}

#[test]
fn statements_of_applications_have_names_numbers_and_counts() {
    for calls_only in BOTH {
        let (db, _) = host(calls_only);
        db.writer().exec("CREATE TABLE t(a INTEGER PRIMARY KEY, b)").unwrap();
        let run = |sql: &str, params: Params| {
            let mut names = Vec::new();
            let changes = db.writer().statement(
                sql,
                &params,
                |columns| names.extend(columns.iter().map(|c| c.to_string())),
                |_| Ok(true),
            );
            changes.map(|changes| (changes.changes, changes.last_id, names))
        };
        let named =
            Params::Named(vec![("x".into(), Value::Integer(5)), ("@y".into(), Value::Null)]);
        assert_eq!(
            run("INSERT INTO t VALUES (:x, @y), (:x + 1, ':x')", named).unwrap(),
            (2, 6, vec![])
        );
        let rows = run("SELECT a, b FROM t", Params::Positional(vec![])).unwrap();
        assert_eq!((rows.0, rows.2), (0, vec!["a".to_string(), "b".to_string()]));
        assert!(db.take_wrote() && !db.take_wrote());
        db.writer()
            .exec("CREATE TABLE u(x); CREATE TRIGGER more AFTER UPDATE ON t BEGIN INSERT INTO u VALUES (1), (2); END")
            .unwrap();
        let none = || Params::Positional(vec![]);
        assert_eq!(
            run("UPDATE t SET b = 1 WHERE a = 5", none()).unwrap().0,
            1,
            "a trigger's are not its own"
        );
        assert_eq!(run("SELECT a FROM t", none()).unwrap().0, 0, "nor those of the one before");
        assert_eq!(run("UPDATE t SET b = 1 WHERE a = 99", none()).unwrap().0, 0);
        assert!(db.take_wrote());
        db.reader().one("SELECT count(*) FROM t", &[], |r| r.int(0)).unwrap();
        assert!(!db.take_wrote(), "reading is no news");
    }
}

#[test]
fn what_needs_the_bundled_engine_says_so() {
    let (db, _) = host(true);
    assert_eq!(db.begin().unwrap_err().code(), "NOT_SUPPORTED");
    let recorder = tidelog::sql::Recorder::start(&db, ["t"].into_iter());
    assert_eq!(recorder.map(|_| ()).unwrap_err().code(), "NOT_SUPPORTED");
    let store = Store::new(db, TestApp::default());
    let refused = now(store.open_events(Default::default())).unwrap_err();
    assert_eq!(refused.code(), "NOT_SUPPORTED");
    assert!(refused.to_string().contains("instead of an adapter"), "{refused}");
}
