//! ESModel's own events, `es/<model>`: giving their documents ids, and what each action wants done.

use serde_json::value::RawValue;

use super::action::{Act, Action, Actions};
use super::result::ModelResult;
use crate::error::{Error, Result};
use crate::model::{Model, Patch, fields};
use crate::sql::{Conn, Value};

/// Gives the event's documents ids where they have none, so that they are the same on every
/// replica: the document's own, for integer ids the next free one unless `synced`, else a random
/// one. Gives the data to log, `None` when it was complete.
pub fn complete(
    conn: &Conn,
    model: &Model,
    data: &str,
    synced: bool,
    random: impl Fn() -> [u8; 16],
) -> Result<Option<String>> {
    let mut actions = Actions::parse(data)?;
    if actions.list.iter().all(|act| act.id != "null") {
        actions.list.iter().try_for_each(|act| model.id_from(act.id).map(|_| ()))?;
        return Ok(None);
    }
    // those of the actions before have no rows yet
    let mut last = 0;
    let ids = actions.list.iter().map(|act| {
        let id = id_for(conn, model, act, synced, last, &random)?;
        if let Value::Integer(id) = id {
            last = last.max(id);
        }
        let mut text = String::new();
        model.write_id(&mut text, &id);
        Ok(text)
    });
    let ids: Vec<String> = ids.collect::<Result<_>>()?;
    for (act, id) in actions.list.iter_mut().zip(&ids) {
        act.id = id;
    }
    Ok(Some(actions.text()))
}

/// The id of an action's document; `last` is the highest of the actions before it.
fn id_for(
    conn: &Conn,
    model: &Model,
    act: &Act<'_>,
    synced: bool,
    last: i64,
    random: impl Fn() -> [u8; 16],
) -> Result<Value> {
    if act.id != "null" {
        return model.id_from(act.id);
    }
    let doc = act.doc.filter(|_| act.action != Action::Remove);
    let required = || Error::Required {
        model: model.definition.name.clone(),
        column: model.definition.id_col.clone(),
    };
    let doc = doc.ok_or_else(required)?;
    let own = match act.action {
        Action::Patch => Value::Null,
        _ => model.id_in(&fields(doc)?)?,
    };
    Ok(match own {
        Value::Null if matches!(act.action, Action::Update | Action::Patch) => {
            return Err(required());
        }
        // two offline devices would both count up to the same one
        Value::Null if model.definition.integer_id() && synced => return Err(required()),
        Value::Null if model.definition.integer_id() => {
            Value::Integer(model.next_id(conn)?.max(last.saturating_add(1)))
        }
        Value::Null => Value::Text(uuid(random())),
        id => id,
    })
}

/// What an action wants done, given the documents as they are.
///
/// # Errors
/// `EEXIST` and `ENOENT`, which fail the event.
pub(super) fn reduce(conn: &Conn, model: &Model, act: &Act<'_>) -> Result<ModelResult> {
    let id = model.id_from(act.id)?;
    let mut result = ModelResult::default();
    if act.action == Action::Remove {
        result.rm.push(raw(act.id)?);
        return Ok(result);
    }
    let given = act.doc.unwrap_or("{}");
    if act.action == Action::Patch {
        let changed = model.patched(conn, &id, &Patch::parse(given)?)?;
        result.set.push(raw(&changed.ok_or_else(|| model.not_there("update", &id))?)?);
        return Ok(result);
    }
    let doc = with_id(model, act.id, given)?;
    match act.action {
        Action::Insert if model.exists(conn, &id)? => Err(model.already_there("set", &id)),
        Action::Update if !model.exists(conn, &id)? => Err(model.not_there("update", &id)),
        Action::Set | Action::Insert => {
            result.set.push(raw(&doc)?);
            Ok(result)
        }
        Action::Update | Action::Save | Action::Remove | Action::Patch | Action::Many => {
            result.sav.push(raw(&doc)?);
            Ok(result)
        }
    }
}

/// The document with the event's id in it.
fn with_id(model: &Model, id: &str, doc: &str) -> Result<String> {
    let properties = fields(doc)?;
    let mut out =
        format!("{{{}:{id}", serde_json::to_string(&model.definition.id_col).unwrap_or_default());
    for field in properties.iter().filter(|f| f.key != model.definition.id_col) {
        out.push(',');
        out.push_str(&serde_json::to_string(&field.key).unwrap_or_default());
        out.push(':');
        out.push_str(field.raw);
    }
    out.push('}');
    Ok(out)
}

fn raw(text: &str) -> Result<Box<RawValue>> {
    RawValue::from_string(text.to_string()).map_err(|e| Error::BadValue(e.to_string()))
}

/// A version 4 UUID of these bytes.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
