//! Which types of events this version of an application knows, and up to which schema version of
//! each.

use super::process::Models;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One type as declared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct TypeRule {
    /// The schema version that events of this type are made with, and the newest that reducers
    /// understand.
    pub tv: u32,
    /// Events that are newer, or of a model that is not there, are passed over instead of waited
    /// for.
    pub optional: bool,
}

/// The declared types. When none is declared, every type is known in every version, except `es/…`
/// of a model that is not there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Types(BTreeMap<String, TypeRule>);

/// What an event means to this version of the application.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It can be run.
    Yes,
    /// It was declared that it may be passed over.
    PassOver,
    /// A newer version is needed: nothing from here on may be applied.
    No,
}

impl Types {
    /// Those declared.
    pub fn new(declared: BTreeMap<String, TypeRule>) -> Types {
        Types(declared)
    }

    /// The schema version that a new event of this type gets; `None` when the type may not be made.
    pub fn version_of(&self, event_type: &str, models: &Models) -> Option<u32> {
        match self.0.get(event_type) {
            Some(rule) => Some(rule.tv),
            None if self.0.is_empty()
                || model_of(event_type).is_some_and(|name| models.contains_key(name)) =>
            {
                Some(0)
            }
            None => None,
        }
    }

    /// What an event of this type and schema version means here.
    pub fn knows(&self, event_type: &str, tv: u32, models: &Models) -> Known {
        let rule = self.0.get(event_type);
        let there = match model_of(event_type) {
            Some(name) => models.contains_key(name) && tv <= rule.map_or(0, |r| r.tv),
            None => self.0.is_empty() || rule.is_some_and(|r| tv <= r.tv),
        };
        match rule {
            _ if there => Known::Yes,
            Some(TypeRule { optional: true, .. }) => Known::PassOver,
            _ => Known::No,
        }
    }
}

/// The model whose own event this is.
fn model_of(event_type: &str) -> Option<&str> {
    event_type.strip_prefix("es/")
}
