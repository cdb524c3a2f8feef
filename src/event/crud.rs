//! ESModel's own events, `es/<model>`, whose data is `[action, id, doc?, meta?]`.

use serde_json::value::RawValue;

use super::result::ModelResult;
use crate::error::{Error, Result};
use crate::model::{Model, Patch, fields};
use crate::sql::{Conn, Value};

/// What such an event does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Removes the document.
    Remove,
    /// Writes the document whole.
    Set,
    /// Writes it if there is none yet, else `esFail: EEXIST`.
    Insert,
    /// Merges into the existing one, else `esFail: ENOENT`.
    Update,
    /// Merges, or writes it if there is none.
    Save,
    /// Changes parts of the existing one, deep inside, else `esFail: ENOENT`; `doc` is a [`Patch`].
    Patch,
}

/// The data of an event of ours.
struct Data<'a> {
    action: Action,
    id: &'a str,
    doc: Option<&'a str>,
    meta: Option<&'a str>,
}

impl<'a> Data<'a> {
    fn parse(data: &'a str) -> Result<Data<'a>> {
        let bad = |what: &str| {
            Error::BadValue(format!(
                "the data of an event es/<model> is [action, id, doc, meta?], {what}"
            ))
        };
        let short = || data.chars().take(40).collect::<String>();
        let parts: Vec<&RawValue> =
            serde_json::from_str(data).map_err(|_| bad(&format!("not {}", short())))?;
        let action = match parts.first().map(|a| a.get()) {
            Some("0") => Action::Remove,
            Some("1") => Action::Set,
            Some("2") => Action::Insert,
            Some("3") => Action::Update,
            Some("4") => Action::Save,
            Some("5") => Action::Patch,
            other => {
                let other = other.unwrap_or("missing");
                return Err(bad(&format!("and action a number from 0 to 5; it is {other}")));
            }
        };
        let present = |i: usize| parts.get(i).map(|p| p.get()).filter(|p| *p != "null");
        let doc = present(2);
        if (doc.is_none() && action != Action::Remove) || doc.is_some_and(|d| !d.starts_with('{')) {
            return Err(bad("and doc an object; leave it out only in a removal (action 0)"));
        }
        Ok(Data { action, id: present(1).unwrap_or("null"), doc, meta: present(3) })
    }
}

/// Gives the event an id where it has none, so that it is the same on every replica: the document's
/// own, for integer ids the next free one unless `synced`, else a random one. Gives the data to
/// log, `None` when it was complete.
pub fn complete(
    conn: &Conn,
    model: &Model,
    data: &str,
    synced: bool,
    random: [u8; 16],
) -> Result<Option<String>> {
    let data = Data::parse(data)?;
    if data.id != "null" {
        model.id_from(data.id)?;
        return Ok(None);
    }
    let doc = data.doc.filter(|_| data.action != Action::Remove);
    let required = || Error::Required {
        model: model.definition.name.clone(),
        column: model.definition.id_col.clone(),
    };
    let doc = doc.ok_or_else(required)?;
    let own = match data.action {
        Action::Patch => Value::Null,
        _ => model.id_in(&fields(doc)?)?,
    };
    let id = match own {
        Value::Null if matches!(data.action, Action::Update | Action::Patch) => {
            return Err(required());
        }
        // two offline devices would both count up to the same one
        Value::Null if model.definition.integer_id() && synced => return Err(required()),
        Value::Null if model.definition.integer_id() => Value::Integer(model.next_id(conn)?),
        Value::Null => Value::Text(uuid(random)),
        id => id,
    };
    let mut text = format!("[{},", data.action as u8);
    model.write_id(&mut text, &id);
    text.push(',');
    text.push_str(doc);
    if let Some(meta) = data.meta {
        text.push(',');
        text.push_str(meta);
    }
    text.push(']');
    Ok(Some(text))
}

/// What the event wants done, given the documents as they are.
pub(super) fn reduce(conn: &Conn, model: &Model, data: &str) -> Result<ModelResult> {
    let data = Data::parse(data)?;
    let id = model.id_from(data.id)?;
    let mut result = ModelResult::default();
    if data.action == Action::Remove {
        result.rm.push(raw(data.id)?);
        return Ok(result);
    }
    if data.action == Action::Patch {
        match model.patched(conn, &id, &Patch::parse(data.doc.unwrap_or("{}"))?)? {
            Some(doc) => result.set.push(raw(&doc)?),
            None => result.es_fail = Some("ENOENT".into()),
        }
        return Ok(result);
    }
    let doc = with_id(model, data.id, data.doc.unwrap_or("{}"))?;
    let there = || model.exists(conn, &id);
    match data.action {
        Action::Insert if there()? => result.es_fail = Some("EEXIST".into()),
        Action::Update if !there()? => result.es_fail = Some("ENOENT".into()),
        Action::Set | Action::Insert => result.set.push(raw(&doc)?),
        Action::Update | Action::Save | Action::Remove | Action::Patch => {
            result.sav.push(raw(&doc)?);
        }
    }
    Ok(result)
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

#[cfg(test)]
mod tests {
    use super::Data;

    #[test]
    fn data_of_another_form_is_named() {
        let said = |data| Data::parse(data).map(|_| ()).map_err(|e| e.to_string());
        let form = "the data of an event es/<model> is [action, id, doc, meta?], ";
        for (data, rest) in [
            ("\"x\"", "not \"x\""),
            ("[7]", "and action a number from 0 to 5; it is 7"),
            ("[]", "and action a number from 0 to 5; it is missing"),
            ("[1,\"a\",2]", "and doc an object; leave it out only in a removal (action 0)"),
        ] {
            let message = said(data).err().unwrap_or_default();
            assert!(message.ends_with(&format!("{form}{rest}")), "{data}: {message}");
        }
        assert_eq!(said("[0,\"a\"]"), Ok(()));
    }
}
