//! SQL values and rows as JavaScript values.
//!
//! Integers become numbers while they are safe, else BigInt; blobs become `Uint8Array`.

use js_sys::{Array, BigInt, Date, JsString, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;

use crate::error::{Error, Result};
use crate::sql::{Param, Params, Value};

/// The largest integer every JavaScript number up to it holds exactly.
const SAFE: i64 = (1 << 53) - 1;

/// A stored value for JavaScript.
pub(super) fn to_js(value: &Value) -> JsValue {
    param_to_js(value.param())
}

/// A borrowed value for JavaScript.
pub(super) fn param_to_js(value: Param<'_>) -> JsValue {
    match value {
        Param::Null => JsValue::NULL,
        Param::Integer(i) if (-SAFE..=SAFE).contains(&i) => JsValue::from_f64(i as f64),
        Param::Integer(i) => BigInt::from(i).into(),
        Param::Real(f) => JsValue::from_f64(f),
        Param::Text(s) => JsValue::from_str(s),
        Param::Blob(b) => Uint8Array::from(b).into(),
    }
}

/// A JavaScript value to bind. `what` names it in the error.
pub(super) fn from_js(value: &JsValue, what: &str) -> Result<Value> {
    // what is bound most often first: each question is a call into JavaScript
    if let Some(s) = value.as_string() {
        let lossy = |js: &JsString| s.contains(char::REPLACEMENT_CHARACTER) && !js.is_valid_utf16();
        if value.dyn_ref::<JsString>().is_some_and(lossy) {
            return Err(Error::BadValue(format!("{what} has half a character (a lone surrogate)")));
        }
        return Ok(Value::Text(s));
    }
    if value.is_null() || value.is_undefined() {
        return Ok(Value::Null);
    }
    if let Some(f) = value.as_f64() {
        // SQLite would store NULL
        if f.is_nan() {
            return Err(Error::BadValue(format!("{what} is NaN: bind null for no value")));
        }
        let whole = f.fract() == 0.0 && f.abs() <= SAFE as f64;
        return Ok(if whole { Value::Integer(f as i64) } else { Value::Real(f) });
    }
    if let Some(b) = value.as_bool() {
        return Ok(Value::Integer(b.into()));
    }
    if let Some(big) = value.dyn_ref::<BigInt>() {
        let shown = big.to_string(10).map(String::from).unwrap_or_default();
        return i64::try_from(big.clone()).map(Value::Integer).map_err(|_| {
            Error::BadValue(format!("{what} is {shown}n, which has more than 64 bits"))
        });
    }
    if let Some(bytes) = value.dyn_ref::<Uint8Array>() {
        return Ok(Value::Blob(bytes.to_vec()));
    }
    if let Some(date) = value.dyn_ref::<Date>() {
        let ms = date.get_time();
        return match ms.is_nan() {
            true => Err(Error::BadValue(format!("{what} is an invalid Date"))),
            false => Ok(Value::Integer(ms as i64)),
        };
    }
    let kind = value.js_typeof().as_string().unwrap_or_default();
    Err(Error::BadValue(format!(
        "{what} is of type {kind}: bind null, booleans, numbers, BigInt, strings, Dates or \
         Uint8Array"
    )))
}

/// The parameters of a statement: an array, an object of names, or nothing.
pub(super) fn params(value: &JsValue) -> Result<Params> {
    if value.is_null() || value.is_undefined() {
        return Ok(Params::Positional(Vec::new()));
    }
    if let Some(list) = value.dyn_ref::<Array>() {
        let values =
            list.iter().enumerate().map(|(i, v)| from_js(&v, &format!("parameter {}", i + 1)));
        return Ok(Params::Positional(values.collect::<Result<_>>()?));
    }
    let Some(object) = value.dyn_ref::<Object>() else {
        return Err(Error::BadValue("parameters must be an array or an object".into()));
    };
    let mut named = Vec::new();
    for entry in Object::entries(object).iter() {
        let pair: Array = entry.unchecked_into();
        let name = pair.get(0).as_string().unwrap_or_default();
        let value = from_js(&pair.get(1), &format!("parameter '{name}'"))?;
        named.push((name, value));
    }
    Ok(Params::Named(named))
}

/// Sets a property of an object of our own making, which cannot fail.
pub(super) fn put(object: &Object, key: &str, value: impl Into<JsValue>) {
    let _ = Reflect::set(object, &JsValue::from_str(key), &value.into());
}

/// [`put`], for a name that the application chose: `__proto__` is a property like any other, as
/// `JSON.parse` has it.
pub(super) fn put_own(object: &Object, key: &JsString, value: JsValue) {
    if *key != "__proto__" {
        let _ = Reflect::set(object, key, &value);
        return;
    }
    let about = Object::new();
    put(&about, "value", value);
    for flag in ["writable", "enumerable", "configurable"] {
        put(&about, flag, true);
    }
    Object::define_property(object, key, &about);
}
