//! The numbers of `$inc`: how they are read from a document, added, and written where they belong.

use super::definition::ColumnType;
use super::document::{date, write_param};
use super::tagged;
use crate::sql::Param;

/// Integers are added as such.
#[derive(Debug, Clone, Copy)]
pub(super) enum Number {
    Integer(i64),
    Real(f64),
}

impl Number {
    pub(super) fn read(raw: &str) -> Option<Number> {
        if let Ok(i) = raw.parse() {
            return Some(Number::Integer(i));
        }
        match raw.as_bytes().first()? {
            b'{' => tagged::bigint(raw).map(Number::Integer),
            b'-' | b'0'..=b'9' => {
                raw.parse().ok().filter(|f: &f64| f.is_finite()).map(Number::Real)
            }
            _ => None,
        }
    }

    pub(super) fn plus(self, other: Number) -> Option<Number> {
        if let (Number::Integer(a), Number::Integer(b)) = (self, other) {
            return a.checked_add(b).map(Number::Integer);
        }
        let float = |n: Number| match n {
            Number::Integer(i) => i as f64,
            Number::Real(f) => f,
        };
        Some(float(self) + float(other)).filter(|f| f.is_finite()).map(Number::Real)
    }

    /// As a read has it in a place of type `ty`, none if it does not fit there; `big` says of the
    /// old value and of what was added whether they are a BigInt's. One becomes a BigInt only where
    /// its column, or what was there, is one.
    pub(super) fn write(
        self,
        ty: Option<ColumnType>,
        (old_big, by_big): (bool, bool),
    ) -> Option<String> {
        let mut out = String::new();
        match (ty, self) {
            (Some(ColumnType::Date), Number::Integer(i)) => {
                out.push_str(&date(i as f64)?.to_string())
            }
            (Some(ColumnType::Date), Number::Real(f)) => out.push_str(&date(f)?.to_string()),
            (Some(ColumnType::BigInt | ColumnType::Integer), Number::Integer(i)) => {
                write_param(&mut out, Param::Integer(i), ty);
            }
            (_, Number::Integer(i)) if old_big => tagged::write_bigint(&mut out, i),
            (_, Number::Integer(i)) if by_big && !tagged::is_safe(i) => return None,
            (_, Number::Integer(i)) => out.push_str(&i.to_string()),
            (_, Number::Real(f)) if f.fract() == 0.0 && f.abs() < 1e15 => {
                out.push_str(&(f as i64).to_string())
            }
            (_, Number::Real(f)) => out.push_str(&serde_json::to_string(&f).unwrap_or_default()),
        }
        Some(out)
    }
}
