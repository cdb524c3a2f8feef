//! The promises of the room: both targets alike, values, parameters, errors, transactions, undo.

use super::*;
use crate::error::Error;
use crate::vfs::{Memory, Vfs};
#[cfg(target_family = "wasm")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn open() -> Db {
    let vfs = Vfs::register(Memory::default()).unwrap();
    let db = Db::open(vfs, "test.db", Options::default()).unwrap();
    db.writer().exec("CREATE TABLE t(a INTEGER PRIMARY KEY, b)").unwrap();
    db.take_changed();
    db
}

fn count(conn: &Conn) -> i64 {
    conn.one("SELECT count(*) FROM t", &[], |r| r.int(0)).unwrap().unwrap()
}

fn values(db: &Db, sql: &str, params: Params) -> Result<Vec<Value>, Error> {
    let mut found = Vec::new();
    db.reader().statement(
        sql,
        &params,
        |_| {},
        |r| {
            found.push(r.value(0)?);
            Ok(true)
        },
    )?;
    Ok(found)
}

#[test]
fn both_targets_run_the_same_sqlite_with_the_same_pragmas() {
    let db = open();
    let pragma = |name: &str| {
        db.writer().one(&format!("PRAGMA {name}"), &[], |r| r.value(0)).unwrap().unwrap()
    };
    let version =
        db.reader().one("SELECT sqlite_version()", &[], |r| Ok(r.text(0)?.to_string())).unwrap();
    assert_eq!(version.unwrap(), "3.54.1");
    assert_eq!(pragma("journal_mode"), Value::Text("wal".into()));
    assert_eq!(pragma("page_size"), Value::Integer(4096));
    assert_eq!(pragma("foreign_keys"), Value::Integer(1));
    assert_eq!(pragma("synchronous"), Value::Integer(2));
    assert_eq!(pragma("trusted_schema"), Value::Integer(0));
}

#[test]
fn every_kind_of_value_survives() {
    let db = open();
    let all = [
        Value::Null,
        Value::Integer(i64::MIN),
        Value::Integer(9_007_199_254_740_993),
        Value::Real(0.1),
        Value::Text("a\0ü".into()),
        Value::Blob(vec![0, 255]),
        Value::Blob(vec![]),
    ];
    for (i, value) in all.iter().enumerate() {
        db.writer()
            .run("INSERT INTO t VALUES (?, ?)", &[Param::Integer(i as i64), value.param()])
            .unwrap();
    }
    let back = db.reader().all("SELECT b FROM t ORDER BY a", &[], |r| r.value(0)).unwrap();
    assert_eq!(back, all);
}

#[test]
fn parameters_are_positional_or_named_and_all_must_be_there() {
    let db = open();
    let (one, two) = (Value::Integer(1), Value::Integer(2));
    let named = |names: &[&str]| {
        Params::Named(names.iter().map(|n| (n.to_string(), one.clone())).collect())
    };
    assert_eq!(
        values(&db, "SELECT ?2 - ?1", Params::Positional(vec![one.clone(), two])).unwrap(),
        std::slice::from_ref(&one)
    );
    assert_eq!(
        values(&db, "SELECT :a + $b + @c", named(&["a", "$b", "c"])).unwrap(),
        [Value::Integer(3)]
    );
    assert!(
        values(&db, "SELECT :a", named(&["b"]))
            .unwrap_err()
            .to_string()
            .contains("no parameter 'b'")
    );
    assert!(
        values(&db, "SELECT :a, :b", named(&["a"]))
            .unwrap_err()
            .to_string()
            .contains("':b' has no value")
    );
    assert!(
        values(&db, "SELECT ?", Params::Positional(vec![]))
            .unwrap_err()
            .to_string()
            .contains("1 parameters, 0")
    );
}

#[test]
fn errors_carry_the_code_and_the_statement() {
    let db = open();
    let error = db.writer().run("INSERT INTO nowhere VALUES (1)", &[]).unwrap_err();
    assert_eq!(error.code(), "SQLITE_ERROR");
    assert!(
        error.to_string().contains("no such table: nowhere in \"INSERT INTO nowhere"),
        "{error}"
    );
    db.writer().run("INSERT INTO t VALUES (1, 1)", &[]).unwrap();
    let twice = db.writer().run("INSERT INTO t VALUES (1, 1)", &[]).unwrap_err();
    assert_eq!(twice.code(), "SQLITE_CONSTRAINT_PRIMARYKEY");
}

#[test]
fn transactions_nest_and_undo_only_themselves() {
    let db = open();
    let insert = |a: i64| db.writer().run("INSERT INTO t VALUES (?, 0)", &[a.into()]).map(|_| ());
    db.transaction(|| {
        insert(1)?;
        let failed: Result<(), Error> = db.transaction(|| {
            insert(2)?;
            db.transaction(|| insert(3))?;
            Err(Error::Closed)
        });
        assert_eq!(failed, Err(Error::Closed));
        db.transaction(|| insert(4))
    })
    .unwrap();
    let left = db.reader().all("SELECT a FROM t ORDER BY a", &[], |r| r.int(0)).unwrap();
    assert_eq!(left, [1, 4]);
    assert_eq!(db.depth(), 0);
}

#[test]
fn the_reader_sees_only_commits() {
    let db = open();
    let tx = db.begin().unwrap();
    db.writer().run("INSERT INTO t VALUES (1, 1)", &[]).unwrap();
    assert_eq!((count(db.writer()), count(db.reader()), count(db.committed())), (1, 0, 0));
    tx.commit().unwrap();
    assert_eq!((count(db.reader()), count(db.committed())), (1, 1));
    assert_eq!(db.reader().run("DELETE FROM t", &[]).unwrap_err().code(), "SQLITE_READONLY");
}

#[test]
fn a_commit_that_fails_leaves_nothing_behind() {
    let db = open();
    db.writer()
        .exec("CREATE TABLE p(a PRIMARY KEY); CREATE TABLE c(a REFERENCES p DEFERRABLE INITIALLY DEFERRED)")
        .unwrap();
    let failed = db.transaction(|| db.writer().run("INSERT INTO c VALUES (1)", &[]));
    assert_eq!(failed.unwrap_err().code(), "SQLITE_CONSTRAINT_FOREIGNKEY");
    assert!(!db.writer().in_transaction());
    db.transaction(|| db.writer().run("INSERT INTO t VALUES (1, 1)", &[])).unwrap();
    assert_eq!(count(db.reader()), 1);
}

#[test]
fn changed_tables_are_told_once_and_not_after_a_rollback() {
    let db = open();
    let tx = db.begin().unwrap();
    db.writer().run("INSERT INTO t VALUES (1, 1)", &[]).unwrap();
    tx.rollback().unwrap();
    assert!(db.take_changed().is_empty());
    db.writer().run("INSERT INTO t VALUES (1, 1)", &[]).unwrap();
    assert_eq!(db.take_changed().into_iter().collect::<Vec<_>>(), ["t"]);
    assert!(db.take_changed().is_empty());
}

#[test]
fn undo_gives_the_rows_back_or_touches_none() {
    let db = open();
    db.writer().exec("INSERT INTO t VALUES (1, 'old'), (2, 'gone')").unwrap();
    let record = |sql: &str| {
        let recorder = Recorder::start(&db, ["t"].into_iter()).unwrap();
        db.transaction(|| db.writer().exec(sql)).unwrap();
        recorder.finish().unwrap()
    };
    let effects = [
        record("UPDATE t SET b = 'new' WHERE a = 1; DELETE FROM t WHERE a = 2"),
        record("INSERT INTO t VALUES (3, 'x')"),
    ];
    let rows = || {
        db.writer()
            .all("SELECT a || b FROM t ORDER BY a", &[], |r| Ok(r.text(0)?.to_string()))
            .unwrap()
    };
    assert!(undo(&db, &effects).unwrap());
    assert_eq!(rows(), ["1old", "2gone"]);
    assert!(!undo(&db, &effects).unwrap(), "the rows are no longer as the effects left them");
    assert_eq!(rows(), ["1old", "2gone"]);
}

/// A host's rows are objects.
#[cfg(all(debug_assertions, not(target_family = "wasm")))]
#[test]
fn our_own_statements_name_each_column_apart() {
    let refused = |sql: &str| {
        let look = || open().reader().one(sql, &[], |_| Ok(()));
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(look)).is_err()
    };
    assert!(refused("SELECT a, b AS a FROM t") && refused("SELECT a, 1 FROM t"));
    assert!(!refused("SELECT a, 1 AS one FROM t") && !refused("SELECT 1"));
}

#[test]
fn a_statement_tells_its_own_changes() {
    let db = open();
    db.writer()
        .exec(
            "CREATE TABLE log(x); CREATE TABLE p(a PRIMARY KEY, b); CREATE TABLE c(p REFERENCES p ON DELETE CASCADE);
             CREATE TRIGGER more AFTER UPDATE ON p BEGIN INSERT INTO log VALUES (1), (2); END;
             INSERT INTO p VALUES (1, 1), (2, 2); INSERT INTO c VALUES (1), (1)",
        )
        .unwrap();
    let run = |sql: &str| {
        let none = Params::Positional(Vec::new());
        db.writer().statement(sql, &none, |_| {}, |_| Ok(false)).unwrap().changes
    };
    assert_eq!(run("UPDATE p SET b = 5 WHERE a = 2"), 1);
    assert_eq!(run("SELECT a FROM p"), 0);
    assert_eq!(run("UPDATE p SET b = 6 RETURNING a"), 2);
    assert_eq!(run("CREATE TABLE d(x)"), 0);
    assert_eq!(run("REPLACE INTO p VALUES (2, 9)"), 1);
    assert_eq!(run("DELETE FROM p WHERE a = 1"), 1);
    assert_eq!(run("UPDATE p SET b = 7 WHERE a = 'nobody'"), 0);
    assert_eq!(run("PRAGMA user_version"), 0);
    assert_eq!(run("DELETE FROM log"), 6);
}

#[test]
fn a_statement_that_ran_as_ours_is_compiled_anew_for_an_application() {
    let db = open();
    db.writer().exec("CREATE TABLE owned(a); CREATE TABLE free(a)").unwrap();
    let insert = |table: &str| db.writer().run(&format!("INSERT INTO {table} VALUES (1)"), &[]);
    insert("owned").unwrap();
    db.writer().close("owned");
    for _ in 0..2 {
        let refused = db.writer().theirs(|| insert("owned")).unwrap_err();
        assert_eq!(refused.code(), "NOT_SUPPORTED", "{refused}");
        db.writer().theirs(|| insert("free")).unwrap();
        db.writer().phase(|| insert("owned")).unwrap();
        assert!(db.writer().guarded(|| insert("free")).is_err());
        insert("owned").unwrap();
    }
    let count = |table: &str| {
        let sql = format!("SELECT count(*) FROM {table}");
        db.writer().one(&sql, &[], |row| row.int(0)).unwrap()
    };
    assert_eq!((count("owned"), count("free")), (Some(5), Some(2)));
}

#[test]
fn more_statements_than_are_kept_and_one_inside_itself_all_run() {
    let db = open();
    db.writer().exec("INSERT INTO t(a) VALUES (1), (2), (3)").unwrap();
    let all = "SELECT a FROM t ORDER BY a";
    for round in 0..2 {
        for n in 0..300 {
            let sql = format!("SELECT a + {n} AS a FROM t WHERE a = ?");
            let found = db.writer().one(&sql, &[Param::Integer(1)], |row| row.int(0)).unwrap();
            assert_eq!(found, Some(n + 1), "round {round}");
        }
        let mut seen = Vec::new();
        db.writer()
            .query(all, &[], |outer| {
                let inner = db.writer().all(all, &[], |row| row.int(0))?;
                seen.push((outer.int(0)?, inner));
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, [1, 2, 3].map(|a| (a, vec![1, 2, 3])));
    }
}
