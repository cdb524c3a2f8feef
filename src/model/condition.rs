//! Conditions as SQL. What SQL leaves open (NULL) counts as not true, and a negation asks for just
//! that: a missing value is a value that equals nothing but null, so `$ne`, `$nin` and `not` find
//! it.

use serde_json::value::RawValue;

use super::definition::Definition;
use super::document::scalar;
use super::expression::{Sql, Target};
use super::fts;
use super::search::{Node, Op};
use crate::error::{Error, Result};
use crate::sql::{Value, quote};

/// Adds a condition.
pub(super) fn compile(definition: &Definition, node: &Node, out: &mut Sql) -> Result<()> {
    match node {
        Node::And(list) => balanced(definition, list, " AND ", "1", out),
        Node::Or(list) => balanced(definition, list, " OR ", "0", out),
        Node::Not(node) => {
            out.push("(");
            compile(definition, node, out)?;
            out.push(") IS NOT TRUE");
            Ok(())
        }
        Node::Raw(sql, values) => {
            let values: Vec<Value> =
                values.iter().map(|v| bindable(v, "where")).collect::<Result<_>>()?;
            out.push("(").push(sql).push(")");
            out.values.extend(values);
            Ok(())
        }
        Node::Match(value) => matching(definition, None, value, out),
        Node::Col(name, Op::Match, value) => matching(definition, Some(name), value, out),
        Node::Col(name, op, value) => {
            // whether there is anything, what is left of a value says as well
            let target = match op {
                Op::Exists | Op::Null => Target::find_part(definition, name)?,
                _ => Target::find(definition, name)?,
            };
            let condition = Condition { definition, name, target };
            condition.compile(*op, value, out)
        }
    }
}

/// Joins conditions as a balanced tree: SQLite limits how deep an expression is.
fn balanced(
    definition: &Definition,
    list: &[Node],
    with: &str,
    none: &str,
    out: &mut Sql,
) -> Result<()> {
    match list {
        [] => {
            out.push(none);
            Ok(())
        }
        // what `OR` and `AND` join must not take their operands apart
        [one] => compile(definition, one, out),
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            out.push("(");
            balanced(definition, left, with, none, out)?;
            out.push(with);
            balanced(definition, right, with, none, out)?;
            out.push(")");
            Ok(())
        }
    }
}

fn matching(
    definition: &Definition,
    column: Option<&str>,
    value: &RawValue,
    out: &mut Sql,
) -> Result<()> {
    let Some(query) = fts::query(definition, column, value.get())? else {
        out.push("1");
        return Ok(());
    };
    let table = quote(&fts::table(definition));
    let rowid = fts::rowid(definition);
    out.push(&format!("tbl.{rowid} IN (SELECT rowid FROM {table} WHERE {table} MATCH "));
    out.bind(Value::Text(query)).push(")");
    Ok(())
}

struct Condition<'a> {
    definition: &'a Definition,
    name: &'a str,
    target: Target<'a>,
}

impl Condition<'_> {
    fn compile(&self, op: Op, value: &RawValue, out: &mut Sql) -> Result<()> {
        let raw = value.get();
        match op {
            Op::Eq => self.equals(raw, out),
            Op::Ne => self.not(out, |out| self.equals(raw, out)),
            Op::In => self.is_in(&self.list(op, raw)?, out),
            Op::Nin => {
                let list = self.list(op, raw)?;
                self.not(out, |out| self.is_in(&list, out))
            }
            Op::Gt => self.compare(op, " > ", raw, out),
            Op::Gte => self.compare(op, " >= ", raw, out),
            Op::Lt => self.compare(op, " < ", raw, out),
            Op::Lte => self.compare(op, " <= ", raw, out),
            Op::Like => self.compare(op, " LIKE ", raw, out),
            Op::Glob => self.compare(op, " GLOB ", raw, out),
            Op::Text => {
                // LIKE would stop at a NUL, and hosts limit its patterns
                out.push("instr(lower(");
                self.ordered(out);
                out.push("), lower(").bind(Value::Text(self.text(op, raw)?)).push(")) > 0");
                Ok(())
            }
            Op::Between => {
                let list = self.list(op, raw)?;
                let [from, to] = list.as_slice() else {
                    return Err(self.bad(op, "takes [from, to]", raw));
                };
                self.ordered(out);
                out.push(" BETWEEN ").bind(self.operand(op, from.get())?);
                out.push(" AND ").bind(self.operand(op, to.get())?);
                Ok(())
            }
            Op::Exists | Op::Null => {
                let null = match raw {
                    "true" => op == Op::Null,
                    "false" => op == Op::Exists,
                    _ => return Err(self.bad(op, "takes true or false", raw)),
                };
                self.is_null(null, out);
                Ok(())
            }
            Op::Contains => self.contains(op, raw, out),
            Op::ContainsAll => self.each_of(op, raw, " AND ", "1", out),
            Op::ContainsAny => self.each_of(op, raw, " OR ", "0", out),
            // compiled above
            Op::Match => Ok(()),
        }
    }

    fn bad(&self, op: Op, takes: &str, raw: &str) -> Error {
        let shown: String = raw.chars().take(80).collect();
        Error::BadValue(format!(
            "{}.{}: {} {takes}, not {shown}",
            self.definition.name,
            self.name,
            op.name()
        ))
    }

    fn list<'r>(&self, op: Op, raw: &'r str) -> Result<Vec<&'r RawValue>> {
        serde_json::from_str(raw).map_err(|_| self.bad(op, "takes an array", raw))
    }

    fn text(&self, op: Op, raw: &str) -> Result<String> {
        serde_json::from_str(raw).map_err(|_| self.bad(op, "takes a string", raw))
    }

    /// A value that is not null.
    fn operand(&self, op: Op, raw: &str) -> Result<Value> {
        match bindable_raw(raw, self.name)? {
            Value::Null => Err(self.bad(op, "takes a value", raw)),
            value => Ok(value),
        }
    }

    fn not(&self, out: &mut Sql, inner: impl FnOnce(&mut Sql) -> Result<()>) -> Result<()> {
        out.push("(");
        inner(out)?;
        out.push(") IS NOT TRUE");
        Ok(())
    }

    /// The value as it is ordered: a falsyBool is 1 or 0.
    fn ordered(&self, out: &mut Sql) {
        if self.target.is_falsy_bool() {
            out.push("(");
            self.target.value(out);
            out.push(" IS NOT NULL)");
        } else {
            self.target.value(out);
        }
    }

    fn is_null(&self, null: bool, out: &mut Sql) {
        self.target.stored(out);
        out.push(if null { " IS NULL" } else { " IS NOT NULL" });
    }

    fn equals(&self, raw: &str, out: &mut Sql) -> Result<()> {
        match self.stored_value(raw)? {
            Wanted::Null(null) => self.is_null(null, out),
            Wanted::Value(value) => {
                self.target.stored(out);
                out.push(" = ").bind(value);
            }
        }
        Ok(())
    }

    /// The value that equality looks for: in a JSON column its text, in a falsyBool whether there
    /// is anything.
    fn stored_value(&self, raw: &str) -> Result<Wanted> {
        if raw == "null" {
            return Ok(Wanted::Null(true));
        }
        if self.target.is_falsy_bool() {
            return Ok(Wanted::Null(matches!(raw, "false" | "0" | "-0" | "\"\"")));
        }
        if self.target.is_json() {
            let empty = raw == "{}" && self.target.column.is_some_and(|c| c.always_object);
            return Ok(if empty {
                Wanted::Null(true)
            } else {
                Wanted::Value(Value::Text(raw.into()))
            });
        }
        Ok(Wanted::Value(bindable_raw(raw, self.name)?))
    }

    fn is_in(&self, list: &[&RawValue], out: &mut Sql) -> Result<()> {
        let (mut nulls, mut values) = ([false, false], Vec::with_capacity(list.len()));
        for raw in list {
            match self.stored_value(raw.get())? {
                Wanted::Null(null) => nulls[usize::from(null)] = true,
                Wanted::Value(value) => values.push(value),
            }
        }
        let mut any = false;
        out.push("(");
        if !values.is_empty() {
            any = true;
            self.target.stored(out);
            out.push(" IN (");
            one_of(values, out);
            out.push(")");
        }
        for (null, _) in nulls.into_iter().enumerate().filter(|(_, wanted)| *wanted) {
            out.push(if any { " OR " } else { "" });
            any = true;
            self.is_null(null == 1, out);
        }
        out.push(if any { ")" } else { "0)" });
        Ok(())
    }

    fn compare(&self, op: Op, sign: &str, raw: &str, out: &mut Sql) -> Result<()> {
        let value = match op {
            Op::Like | Op::Glob => match self.text(op, raw)? {
                // SQLite would read the pattern up to there
                text if text.contains('\0') => {
                    return Err(self.bad(op, "takes no NUL, which $text does", raw));
                }
                text => Value::Text(text),
            },
            _ => self.operand(op, raw)?,
        };
        self.ordered(out);
        out.push(sign).bind(value);
        Ok(())
    }

    /// Whether an array has an item. Only arrays contain: `key` is a number there and nowhere else.
    fn contains(&self, op: Op, raw: &str, out: &mut Sql) -> Result<()> {
        out.push("EXISTS (SELECT 1 FROM ");
        if !self.target.each(out) {
            return Err(self.bad(
                op,
                "needs a column that holds arrays: type JSON, or not real",
                raw,
            ));
        }
        out.push(" WHERE typeof(key) = 'integer' AND ");
        match raw.as_bytes().first() {
            Some(b'n') => out.push("type = 'null'"),
            Some(b'[' | b'{') if !is_tagged(raw) => {
                out.push("type IN ('array', 'object') AND value = ").bind(Value::Text(raw.into()))
            }
            _ => out.push("atom = ").bind(bindable_raw(raw, self.name)?),
        };
        out.push(")");
        Ok(())
    }

    fn each_of(&self, op: Op, raw: &str, with: &str, none: &str, out: &mut Sql) -> Result<()> {
        let list = self.list(op, raw)?;
        if list.len() > 500 {
            return Err(self.bad(op, "takes at most 500 values", "more"));
        }
        out.push("(");
        for (i, value) in list.iter().enumerate() {
            out.push(if i > 0 { with } else { "" });
            self.contains(op, value.get(), out)?;
        }
        out.push(if list.is_empty() { none } else { "" }).push(")");
        Ok(())
    }
}

enum Wanted {
    Null(bool),
    Value(Value),
}

/// The inside of `IN (…)`. One bound JSON array where it can carry the values, so that the
/// statement's text does not depend on their number.
fn one_of(values: Vec<Value>, out: &mut Sql) {
    let plain = |v: &Value| match v {
        Value::Integer(_) => true,
        Value::Text(s) => !s.contains('\0'),
        _ => false,
    };
    if values.iter().all(plain) {
        let mut json = String::from("[");
        for value in &values {
            json.push_str(if json.len() > 1 { "," } else { "" });
            // integers and text can always be written
            let _ = super::document::write_value(&mut json, value, false);
        }
        json.push(']');
        // with a plus it has no affinity, as a bound value has none
        out.push("SELECT +value FROM json_each(").bind(Value::Text(json)).push(")");
        return;
    }
    for (i, value) in values.into_iter().enumerate() {
        out.push(if i > 0 { ", " } else { "" }).bind(value);
    }
}

/// A value to bind: a scalar, bytes or a big integer.
pub(super) fn bindable(raw: &RawValue, what: &str) -> Result<Value> {
    bindable_raw(raw.get(), what)
}

fn bindable_raw(raw: &str, what: &str) -> Result<Value> {
    match super::tagged::read(raw)? {
        Some(value) => Ok(value),
        None => scalar(raw, what),
    }
}

fn is_tagged(raw: &str) -> bool {
    raw.starts_with("{\"$bytes\"") || raw.starts_with("{\"$bigint\"")
}

/// Values to bind, of a JSON array.
pub fn bound(json: &str) -> Result<Vec<Value>> {
    let list: Vec<&RawValue> =
        serde_json::from_str(json).map_err(|e| Error::BadValue(format!("values to bind: {e}")))?;
    list.into_iter().map(|raw| bindable(raw, "a value to bind")).collect()
}
