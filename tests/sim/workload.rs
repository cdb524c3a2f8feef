//! What the simulated application does, and a naive engine for it: maps, folded from the beginning.
//! It shares no code with the engines under test and is what they are compared with.

use super::dice::Dice;
use std::collections::BTreeMap;

/// A few documents of a few fields.
pub(crate) type State = BTreeMap<String, BTreeMap<String, i64>>;

/// A change to one document. Whether it throws depends on the state it meets, and what it writes
/// may depend on where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Op {
    /// `ins` throws when the document exists, `upd` when it does not; `set` writes it whole, `pos`
    /// too, with the event's position for a value, and `rm` removes it. `neg` sets the value with
    /// the other sign, and only applications of version 2 know that.
    pub(crate) verb: &'static str,
    /// The document.
    pub(crate) id: String,
    /// The field it sets.
    pub(crate) field: &'static str,
    /// To what.
    pub(crate) value: i64,
}

impl Op {
    /// Any change that an application of this version makes; few documents, so that writers meet.
    pub(crate) fn draw(dice: &mut Dice, version: u32) -> Op {
        let verbs = ["ins", "upd", "upd", "set", "pos", "rm", "neg"];
        Op {
            verb: verbs[dice.below(if version > 1 { 7 } else { 6 }) as usize],
            id: format!("k{}", dice.below(5)),
            field: ["a", "b"][dice.below(2) as usize],
            value: dice.below(1000) as i64,
        }
    }

    /// The schema version of its event.
    pub(crate) fn tv(&self) -> u32 {
        if self.verb == "neg" { 2 } else { 1 }
    }

    /// As an event's body.
    pub(crate) fn body(&self) -> String {
        let Op { verb, id, field, value } = self;
        format!("{{\"verb\":\"{verb}\",\"id\":\"{id}\",\"field\":\"{field}\",\"value\":{value}}}")
    }

    /// From an event's body.
    pub(crate) fn parse(body: &str) -> Op {
        let json: serde_json::Value = serde_json::from_str(body).expect("a body of ours");
        let one_of = |key: &str, all: &[&'static str]| -> &'static str {
            all.iter().find(|v| json[key] == **v).copied().expect("a known word")
        };
        Op {
            verb: one_of("verb", &["ins", "upd", "set", "pos", "rm", "neg"]),
            field: one_of("field", &["a", "b"]),
            id: json["id"].as_str().expect("an id").into(),
            value: json["value"].as_i64().expect("a value"),
        }
    }

    /// Changes the state, as the event at `v`; false when it throws, which changes nothing.
    pub(crate) fn apply(&self, v: u64, state: &mut State) -> bool {
        let there = state.contains_key(&self.id);
        let value = match self.verb {
            "pos" => v as i64,
            "neg" => -self.value,
            _ => self.value,
        };
        match self.verb {
            "ins" if there => return false,
            "upd" if !there => return false,
            "rm" => {
                state.remove(&self.id);
            }
            "upd" => {
                state.entry(self.id.clone()).or_default().insert(self.field.into(), value);
            }
            _ => {
                state.insert(self.id.clone(), BTreeMap::from([(self.field.into(), value)]));
            }
        }
        true
    }
}

/// The state that documents in JSON make.
pub(crate) fn state_of(docs: &str) -> State {
    let docs: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(docs).expect("documents are JSON");
    let fields = |mut doc: serde_json::Map<String, serde_json::Value>| {
        let id = doc.remove("id").and_then(|id| id.as_str().map(String::from)).expect("an id");
        (id, doc.into_iter().filter_map(|(field, v)| Some((field, v.as_i64()?))).collect())
    };
    docs.into_iter().map(fields).collect()
}
