//! One event through its phases. The caller has opened a transaction and undoes it when this fails.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::app::{App, Event};
use super::crud;
use super::result::{ModelResult, Results};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::sql::Db;

/// The models events act on, by name.
pub type Models = BTreeMap<String, Rc<Model>>;

/// Reduces, applies and derives an event that was preprocessed.
///
/// # Errors
/// Whatever the reducers, the tables or the derivers say; [`Error::is_environmental`]
/// tells whether the event or the surroundings are at fault.
pub async fn process<A: App>(db: &Db, models: &Models, app: &A, event: &Event) -> Result<Results> {
    let mut results = Results::new();
    if let Some(model) = event.event_type.strip_prefix("es/").and_then(|name| models.get(name)) {
        results
            .insert(model.definition.name.clone(), crud::reduce(db.writer(), model, &event.data)?);
    }
    if app.phases().reduce
        && let Some(text) = app.reduce(event).await?
    {
        let theirs: BTreeMap<String, ModelResult> = serde_json::from_str(&text).map_err(|e| {
            Error::BadValue(format!(
                "what a reducer gave for an event of type '{}' is no result: {e}",
                event.event_type
            ))
        })?;
        for (name, result) in theirs {
            results.entry(name).or_default().merge(result);
        }
    }
    for (name, result) in &results {
        result.check(name)?;
        let model = models.get(name).ok_or_else(|| Error::UnknownModel(name.clone()))?;
        result.apply(db.writer(), model)?;
    }
    if app.phases().derive {
        let text = serde_json::to_string(&results).map_err(|e| Error::BadValue(e.to_string()))?;
        app.derive(event, &text).await?;
    }
    Ok(results)
}
