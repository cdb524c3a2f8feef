//! Values given to statements: each mark gets one, and each one has a mark.

use rusqlite::Statement;

use super::value::{Param, Params};
use crate::error::{Error, Result};

/// Binds the values of our own statements: as many as there are marks.
pub(super) fn bind(statement: &mut Statement<'_>, params: &[Param<'_>]) -> Result<()> {
    let wanted = statement.parameter_count();
    if wanted != params.len() {
        return Err(wrong_count(wanted, params.len()));
    }
    for (i, param) in params.iter().enumerate() {
        statement.raw_bind_parameter(i + 1, param)?;
    }
    Ok(())
}

/// Binds an application's values.
pub(super) fn bind_params(statement: &mut Statement<'_>, params: &Params) -> Result<()> {
    let wanted = statement.parameter_count();
    match params {
        Params::Positional(values) => {
            if wanted != values.len() {
                return Err(wrong_count(wanted, values.len()));
            }
            for (i, value) in values.iter().enumerate() {
                statement.raw_bind_parameter(i + 1, value.param())?;
            }
        }
        Params::Named(values) => {
            let mut bound = vec![false; wanted];
            for (name, value) in values {
                let i = match name.starts_with([':', '@', '$']) {
                    true => statement.parameter_index(name)?,
                    false => [':', '@', '$'].iter().find_map(|sign| {
                        statement.parameter_index(&format!("{sign}{name}")).ok().flatten()
                    }),
                };
                let i = i.ok_or_else(|| {
                    Error::BadValue(format!("the statement has no parameter '{name}'"))
                })?;
                statement.raw_bind_parameter(i, value.param())?;
                bound[i - 1] = true;
            }
            if let Some(missing) = bound.iter().position(|b| !b) {
                let name = statement.parameter_name(missing + 1).unwrap_or("?").to_string();
                return Err(Error::BadValue(format!("parameter '{name}' has no value: give one")));
            }
        }
    }
    Ok(())
}

pub(super) fn wrong_count(wanted: usize, given: usize) -> Error {
    Error::BadValue(format!("the statement has {wanted} parameters, {given} values were given"))
}
