//! What the data of ESModel's own events says: `[action, id, doc?, meta?]`, or several actions as
//! `[6, null, [[action, id, doc?], …], meta?]`. Changes nothing; `crud` does.

use serde_json::value::RawValue;

use crate::error::{Error, Result};

/// What such an event does. The numbers are the codes in its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Removes the document.
    Remove = 0,
    /// Writes the document whole.
    Set = 1,
    /// Writes it where there is none yet, else fails with `EEXIST`.
    Insert = 2,
    /// Merges into the existing one, else fails with `ENOENT`.
    Update = 3,
    /// Merges, or writes it if there is none.
    Save = 4,
    /// Changes parts of the existing one, deep inside, else fails with `ENOENT`; `doc` is a
    /// [`Patch`](crate::model::Patch).
    Patch = 5,
    /// Several of the others, one after the other, all or none.
    Many = 6,
}

impl Action {
    /// All of them, in the order of their codes.
    pub const ALL: [Action; 7] = [
        Action::Remove,
        Action::Set,
        Action::Insert,
        Action::Update,
        Action::Save,
        Action::Patch,
        Action::Many,
    ];

    /// Its code in an event's data.
    pub fn code(self) -> u8 {
        self as u8
    }

    fn of(code: Option<&str>) -> Result<Action> {
        let found = Action::ALL.into_iter().find(|a| code == Some(a.code().to_string().as_str()));
        found.ok_or_else(|| {
            let code = code.unwrap_or("missing");
            bad(&format!("and action a number from 0 to 6; it is {code}"))
        })
    }
}

/// One action on one document; what is in it is JSON text.
#[derive(Debug, Clone, Copy)]
pub struct Act<'a> {
    /// What is done.
    pub action: Action,
    /// To the document with this id; `null` for one that is to be given an id.
    pub id: &'a str,
    /// The document, or the changes.
    pub doc: Option<&'a str>,
    /// What the application has added.
    pub meta: Option<&'a str>,
}

impl<'a> Act<'a> {
    fn of(parts: &[&'a RawValue], meta: Option<&'a str>) -> Result<Act<'a>> {
        let action = Action::of(parts.first().map(|a| a.get()))?;
        let doc = present(parts, 2);
        if action == Action::Many {
            return Err(bad("and an action of several is not several itself"));
        }
        if (doc.is_none() && action != Action::Remove) || doc.is_some_and(|d| !d.starts_with('{')) {
            return Err(bad("and doc an object; leave it out only in a removal (action 0)"));
        }
        let id = present(parts, 1).unwrap_or("null");
        Ok(Act { action, id, doc, meta: present(parts, 3).or(meta) })
    }

    /// Appends it as `[action, id, doc?, meta?]`, without a `meta` that is `shared` by all.
    pub fn write(&self, out: &mut String, shared: Option<&str>) {
        out.push('[');
        out.push((b'0' + self.action.code()) as char);
        out.push(',');
        out.push_str(self.id);
        let meta = self.meta.filter(|meta| Some(*meta) != shared);
        if self.doc.is_some() || meta.is_some() {
            out.push(',');
            out.push_str(self.doc.unwrap_or("null"));
        }
        if let Some(meta) = meta {
            out.push(',');
            out.push_str(meta);
        }
        out.push(']');
    }

    /// It alone, as the data of an event.
    pub fn alone(&self) -> String {
        let mut text = String::with_capacity(self.id.len() + self.doc.map_or(0, str::len) + 16);
        self.write(&mut text, None);
        text
    }
}

/// The data of an own event.
#[derive(Debug)]
pub struct Actions<'a> {
    /// Its actions, in their order.
    pub list: Vec<Act<'a>>,
    /// Whether it has the form of several, however many there are.
    pub many: bool,
    /// The application's part of the whole event.
    pub meta: Option<&'a str>,
}

impl<'a> Actions<'a> {
    /// From the data of an event.
    ///
    /// # Errors
    /// `BAD_VALUE`.
    pub fn parse(data: &'a str) -> Result<Actions<'a>> {
        let parts: Vec<&RawValue> = serde_json::from_str(data)
            .map_err(|_| bad(&format!("not {}", data.chars().take(40).collect::<String>())))?;
        let meta = present(&parts, 3);
        if Action::of(parts.first().map(|a| a.get()))? != Action::Many {
            return Ok(Actions { list: vec![Act::of(&parts, None)?], many: false, meta });
        }
        if present(&parts, 1).is_some() {
            return Err(bad("and several actions have null in place of an id"));
        }
        let all = parts.get(2).map_or("null", |all| all.get());
        let all: Vec<Vec<&RawValue>> = serde_json::from_str(all)
            .map_err(|_| bad("and several actions are [[action, id, doc?], …]"))?;
        if all.is_empty() {
            return Err(bad("and several actions are one at least"));
        }
        let list = all.iter().map(|parts| Act::of(parts, meta)).collect::<Result<_>>()?;
        Ok(Actions { list, many: true, meta })
    }

    /// As the data of an event, in the form it has.
    pub fn text(&self) -> String {
        match (&self.list[..], self.many) {
            ([act], false) => act.alone(),
            _ => {
                let mut text = many_begins();
                for (i, act) in self.list.iter().enumerate() {
                    text.push_str(if i > 0 { "," } else { "" });
                    act.write(&mut text, self.meta);
                }
                many_ends(text, self.meta)
            }
        }
    }
}

/// How the data of several actions begins.
pub(super) fn many_begins() -> String {
    format!("[{},null,[", Action::Many.code())
}

/// Ends the data of several actions.
pub(super) fn many_ends(mut text: String, meta: Option<&str>) -> String {
    text.push(']');
    if let Some(meta) = meta {
        text.push(',');
        text.push_str(meta);
    }
    text.push(']');
    text
}

fn present<'a>(parts: &[&'a RawValue], i: usize) -> Option<&'a str> {
    parts.get(i).map(|part| part.get()).filter(|part| *part != "null")
}

fn bad(what: &str) -> Error {
    Error::BadValue(format!(
        "the data of an event es/<model> is [action, id, doc, meta?], \
         or [6, null, [[action, id, doc], …], meta?] for several actions, {what}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn codes_are_places_in_the_list() {
        for (code, action) in Action::ALL.into_iter().enumerate() {
            assert_eq!(usize::from(action.code()), code);
        }
    }

    #[test]
    fn what_is_read_is_written_again() {
        for data in [
            r#"[1,"a",{"n":1}]"#,
            r#"[0,"a"]"#,
            r#"[0,7,null,{"by":"me"}]"#,
            r#"[6,null,[[0,"a"],[2,"b",{}]]]"#,
            r#"[6,null,[[0,"a"],[2,"b",{},"own"]],"shared"]"#,
        ] {
            assert_eq!(Actions::parse(data).unwrap().text(), data);
        }
        let several = Actions::parse(r#"[6,null,[[0,"a"]],"m"]"#).unwrap();
        assert_eq!(several.list[0].alone(), r#"[0,"a",null,"m"]"#);
    }

    #[test]
    fn what_is_no_action_is_refused() {
        for data in [
            "null",
            "[]",
            "[7,\"a\",{}]",
            "[1,\"a\"]",
            "[1,\"a\",[]]",
            "[6,null,[]]",
            "[6,null]",
            "[6,\"a\",[[0,\"a\"]]]",
            "[6,null,[[6,null,[[0,\"a\"]]]]]",
        ] {
            assert_eq!(Actions::parse(data).unwrap_err().code(), "BAD_VALUE", "{data}");
        }
    }

    #[test]
    fn data_of_another_form_is_named() {
        for (data, rest) in [
            ("\"x\"", "not \"x\""),
            ("[7]", "and action a number from 0 to 6; it is 7"),
            ("[]", "and action a number from 0 to 6; it is missing"),
            ("[1,\"a\",2]", "and doc an object; leave it out only in a removal (action 0)"),
        ] {
            let message = Actions::parse(data).unwrap_err().to_string();
            assert!(message.starts_with("the data of an event es/<model> is [action, id, doc"));
            assert!(message.ends_with(rest), "{data}: {message}");
        }
    }
}
