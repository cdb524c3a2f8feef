//! Bringing a table to what its model declares: table, columns, indexes.

use super::definition::{Column, Definition, Index};
use crate::error::Result;
use crate::sql::{Conn, quote};

/// Creates or extends the table and its indexes. Call in a transaction.
pub(super) fn migrate(conn: &Conn, model: &Definition) -> Result<()> {
    let table = quote(&model.name);
    let there = conn.all("SELECT name FROM pragma_table_info(?)", &[(&model.name).into()], |r| {
        Ok(r.text(0)?.to_string())
    })?;
    if there.is_empty() {
        conn.exec(&create_table(model))?;
    }
    for column in model.data_columns().filter(|c| c.is_real()) {
        if !there.is_empty() && !there.contains(&column.name) {
            conn.exec(&format!("ALTER TABLE {table} ADD COLUMN {}", declaration(column)))?;
            fill(conn, &table, column)?;
        }
    }
    for column in model.data_columns() {
        if let Some(index) = column.index {
            create_index(conn, model, column, index)?;
        }
    }
    full_text(conn, model)
}

/// What full-text search needs; made anew when it is not as declared.
fn full_text(conn: &Conn, model: &Definition) -> Result<()> {
    let wanted = super::fts::schema(model);
    let there = |name: &str| {
        conn.one("SELECT sql FROM sqlite_schema WHERE name = ?", &[name.into()], |r| {
            Ok(r.text(0)?.to_string())
        })
    };
    let mut same = true;
    for (name, _, sql) in &wanted {
        same &= there(name)?.as_ref() == Some(sql);
    }
    if same {
        return Ok(());
    }
    for (name, kind, _) in wanted.iter().rev() {
        conn.exec(&format!("DROP {kind} IF EXISTS {}", quote(name)))?;
    }
    for (_, _, sql) in &wanted {
        conn.exec(sql)?;
    }
    let table = quote(&super::fts::table(model));
    conn.exec(&format!("INSERT INTO {table}({table}) VALUES ('rebuild')"))
}

fn create_table(model: &Definition) -> String {
    let id = quote(&model.id_col);
    let mut parts = Vec::new();
    match (model.integer_id(), model.keep_row_id) {
        (true, _) => parts.push(format!("{id} INTEGER PRIMARY KEY NOT NULL")),
        (false, true) => {
            parts.push("\"rowId\" INTEGER PRIMARY KEY".to_string());
            parts.push(format!("{id} {} NOT NULL UNIQUE", model.id_type().sql()));
        }
        (false, false) => parts.push(format!("{id} {} PRIMARY KEY NOT NULL", model.id_type().sql())),
    }
    parts.push("\"json\" TEXT".to_string());
    parts.extend(model.data_columns().filter(|c| c.is_real()).map(declaration));
    format!("CREATE TABLE {}({})", quote(&model.name), parts.join(", "))
}

fn declaration(column: &Column) -> String {
    let ty = column.ty.map_or("BLOB", |ty| ty.sql());
    format!("{} {ty}", quote(&column.name))
}

/// A column that was virtual, or is new: its values are in the documents.
fn fill(conn: &Conn, table: &str, column: &Column) -> Result<()> {
    let (name, value) = (quote(&column.name), column.extract());
    conn.exec(&format!("UPDATE {table} SET {name} = {value} WHERE {value} IS NOT NULL"))?;
    if column.get() {
        let path = column.json_path();
        conn.exec(&format!(
            "UPDATE {table} SET \"json\" = json_remove(\"json\", '{path}') WHERE {name} IS NOT NULL"
        ))?;
    }
    Ok(())
}

/// Creates the index; one of the same name that was declared differently is built anew.
fn create_index(conn: &Conn, model: &Definition, column: &Column, index: Index) -> Result<()> {
    let name = format!("{}_{}", model.name, column.name);
    let unique = if column.unique { "UNIQUE " } else { "" };
    let expression = match &column.sql {
        Some(sql) => format!("({})", sql.replace("tbl.", "")),
        None => super::expression::expression(model, column, ""),
    };
    let collation = column.collate.map_or("", |c| c.sql());
    let sparse = match index {
        Index::All => String::new(),
        Index::Sparse => format!(" WHERE {expression} IS NOT NULL"),
    };
    let sql = format!(
        "CREATE {unique}INDEX {} ON {}(({expression}){collation}){sparse}",
        quote(&name),
        quote(&model.name)
    );
    let there = conn.one(
        "SELECT sql FROM sqlite_schema WHERE type = 'index' AND name = ?",
        &[(&name).into()],
        |r| Ok(r.text(0)? == sql),
    )?;
    match there {
        Some(true) => return Ok(()),
        Some(false) => conn.exec(&format!("DROP INDEX {}", quote(&name)))?,
        None => {}
    }
    conn.exec(&sql)
}
