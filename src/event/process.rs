//! One event through its phases. The caller has opened a transaction and undoes it when this fails.

use std::collections::BTreeMap;
use std::rc::Rc;

use super::action::{Act, Actions};
use super::app::{App, Event};
use super::crud;
use super::result::{ByModel, ModelResult, Results};
use crate::error::{Error, Result};
use crate::model::Model;
use crate::sql::Db;

/// The number of the engine's own rules, by which events become rows. A database whose rows were
/// made by other ones is rebuilt.
pub const RULES: i64 = 1;

/// The models events act on, by name.
pub type Models = BTreeMap<String, Rc<Model>>;

/// The model whose own event this is.
pub fn own_model<'m>(models: &'m Models, event_type: &str) -> Option<&'m Rc<Model>> {
    event_type.strip_prefix("es/").and_then(|name| models.get(name))
}

/// Has the application's preprocessors change the event; one with several actions they get action
/// by action.
///
/// # Errors
/// What they say, and `BAD_VALUE` when they make one of several actions another event or action.
pub async fn preprocess<A: App>(models: &Models, app: &A, event: &mut Event) -> Result<()> {
    if !app.phases().preprocess {
        return Ok(());
    }
    let actions = match own_model(models, &event.event_type) {
        Some(_) => Actions::parse(&event.data)?,
        None => return app.preprocess(event).await,
    };
    if !actions.many {
        return app.preprocess(event).await;
    }
    let mut changed = Vec::with_capacity(actions.list.len());
    for act in &actions.list {
        let mut one = alone(event, act);
        app.preprocess(&mut one).await?;
        let kept = one.event_type == event.event_type
            && Actions::parse(&one.data)
                .is_ok_and(|a| !a.many && a.list.iter().all(|a| a.action == act.action));
        if !kept {
            return Err(Error::BadValue(format!(
                "a preprocessor made {} {} of {} {}: it may change the document of one of several actions, not its type or action",
                one.event_type,
                one.data,
                event.event_type,
                act.alone()
            )));
        }
        changed.push(one.data);
    }
    let mut list = Vec::with_capacity(changed.len());
    for data in &changed {
        list.extend(Actions::parse(data)?.list);
    }
    let data = Actions { list, many: true, meta: actions.meta }.text();
    event.data = data;
    Ok(())
}

/// Reduces, applies and derives an event that was preprocessed; each of several actions sees the
/// rows of the ones before.
///
/// # Errors
/// Whatever the actions, the reducers, the tables or the derivers say; [`Error::is_environmental`]
/// tells whether the event or the surroundings are at fault.
pub async fn process<A: App>(db: &Db, models: &Models, app: &A, event: &Event) -> Result<Results> {
    let phases = app.phases();
    let Some(model) = own_model(models, &event.event_type) else {
        return run(db, models, app, event, None).await.map(Results::One);
    };
    let actions = Actions::parse(&event.data)?;
    if let ([act], false) = (&actions.list[..], actions.many) {
        return run(db, models, app, event, Some((model, act))).await.map(Results::One);
    }
    let mut results = Vec::with_capacity(actions.list.len());
    for act in &actions.list {
        let own = Some((&**model, act));
        results.push(match phases.reduce || phases.derive {
            true => run(db, models, app, &alone(event, act), own).await?,
            false => run(db, models, app, event, own).await?,
        });
    }
    Ok(Results::Many(results))
}

/// The event with one of its actions alone.
fn alone(event: &Event, act: &Act<'_>) -> Event {
    let Event { id, v, ref event_type, tv, ts, .. } = *event;
    Event { id, v, event_type: event_type.clone(), tv, ts, data: act.alone() }
}

/// The phases of an event or of one of its actions.
async fn run<A: App>(
    db: &Db,
    models: &Models,
    app: &A,
    event: &Event,
    own: Option<(&Model, &Act<'_>)>,
) -> Result<ByModel> {
    let mut results = ByModel::new();
    if let Some((model, act)) = own {
        results.insert(model.definition.name.clone(), crud::reduce(db.writer(), model, act)?);
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
