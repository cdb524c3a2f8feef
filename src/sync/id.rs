//! The fixed-size names of the protocol: raw bytes in tables and hashes, base32 in messages.
//!
//! Makes none of them: random bytes come from the app.

use super::error::{Error, Result};
use serde::de::{Deserialize, Deserializer, Visitor};
use serde::ser::{Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// RFC 4648's alphabet in lower case, which survives file names, URLs and double clicks.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

/// Writes `bytes` as base32 without padding into `out`, which is exactly as long as needed.
fn encode(bytes: &[u8], out: &mut [u8]) {
    let (mut buffer, mut bits) = (0u32, 0u32);
    let mut input = bytes.iter();
    for slot in out {
        if bits < 5 {
            // past the end the missing bits are zeros, which is what RFC 4648 asks for
            buffer = (buffer << 8) | u32::from(input.next().copied().unwrap_or(0));
            bits += 8;
        }
        bits -= 5;
        *slot = ALPHABET[(buffer >> bits) as usize & 31];
    }
}

/// Reads base32 into `out`. Only the one canonical spelling is taken, so that equal text is equal
/// bytes.
fn decode(text: &str, out: &mut [u8]) -> Option<()> {
    if text.len() != (out.len() * 8).div_ceil(5) {
        return None;
    }
    let (mut buffer, mut bits, mut at) = (0u32, 0u32, 0);
    for c in text.bytes() {
        let digit = match c {
            b'a'..=b'z' => c - b'a',
            b'2'..=b'7' => c - b'2' + 26,
            _ => return None,
        };
        buffer = (buffer << 5) | u32::from(digit);
        bits += 5;
        if bits >= 8 {
            bits -= 8;
            out[at] = (buffer >> bits) as u8;
            at += 1;
        }
    }
    (buffer & ((1 << bits) - 1) == 0).then_some(())
}

macro_rules! name_of_bytes {
    ($(#[$doc:meta])* $name:ident, $len:literal, $chars:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; $len]);

        impl $name {
            /// Takes the bytes as they are.
            pub const fn from_bytes(bytes: [u8; $len]) -> Self {
                Self(bytes)
            }

            /// Takes a column's bytes; `None` when there are more or fewer than it has.
            pub fn from_slice(bytes: &[u8]) -> Option<Self> {
                bytes.try_into().ok().map(Self)
            }

            /// The bytes.
            pub const fn as_bytes(&self) -> &[u8; $len] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut text = [0; $chars];
                encode(&self.0, &mut text);
                f.pad(std::str::from_utf8(&text).map_err(|_| fmt::Error)?)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({self})", stringify!($name))
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self> {
                let mut bytes = [0; $len];
                decode(text, &mut bytes).ok_or_else(|| {
                    let shown: String = text.chars().take(40).collect();
                    Error::Protocol(format!("'{shown}' is not {} characters of base32", $chars))
                })?;
                Ok(Self(bytes))
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl Visitor<'_> for Text {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "{} characters of base32", $chars)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}

name_of_bytes! {
    /// The identity of an event, the same in every queue and log it ever gets into.
    Id, 16, 26
}
name_of_bytes! {
    /// The identity of one durable replica, bound to a principal at its first push.
    ClientId, 16, 26
}
name_of_bytes! {
    /// The hash chain at one position of a log.
    Hash, 16, 26
}
name_of_bytes! {
    /// SHA-256 of a body.
    BodyHash, 32, 52
}
name_of_bytes! {
    /// Names one life of a server's log; changed by restores, never trusted alone.
    Epoch, 8, 13
}

impl ClientId {
    /// Whose name stands in the rows that the server makes itself.
    pub const SERVER: ClientId = ClientId([0; 16]);
}

/// Checks the name of a log: `[a-z0-9][a-z0-9_-]{0,62}`.
///
/// # Errors
/// `BAD_NAME`.
pub fn check_log_name(name: &str) -> Result<()> {
    let plain = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit();
    let bytes = name.as_bytes();
    let good = (1..=63).contains(&bytes.len())
        && plain(bytes[0])
        && bytes.iter().all(|&c| plain(c) || c == b'_' || c == b'-');
    if good {
        return Ok(());
    }
    Err(Error::BadLogName {
        name: name.chars().take(80).collect(),
        remedy: "use 1 to 63 of a-z, 0-9, _ and -, beginning with a letter or digit",
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn base32_is_that_of_rfc_4648() {
        // RFC 4648 section 10: BASE32("foobar") = MZXW6YTBOI======
        let mut text = [0; 10];
        encode(b"foobar", &mut text);
        assert_eq!(&text, b"mzxw6ytboi");
        let mut bytes = [0; 6];
        assert!(decode("mzxw6ytboi", &mut bytes).is_some());
        assert_eq!(&bytes, b"foobar");
    }

    #[test]
    fn an_id_survives_the_wire() {
        let id = Id::from_bytes([0, 1, 2, 3, 250, 251, 252, 253, 254, 255, 9, 8, 7, 6, 5, 4]);
        let text = id.to_string();
        assert_eq!(text.len(), 26);
        assert_eq!(text.parse::<Id>().unwrap(), id);
        let json = serde_json::to_string(&id).unwrap();
        assert_eq!(serde_json::from_str::<Id>(&json).unwrap(), id);
        assert_eq!(Epoch::from_bytes([255; 8]).to_string().len(), 13);
    }

    #[test]
    fn only_one_spelling_is_taken() {
        let zero = "a".repeat(26);
        assert!(zero.parse::<Id>().is_ok());
        // the last character holds 3 bits; any other bit set would be a second name of the same id
        for bad in [
            "a".repeat(25) + "b",
            "A".repeat(26),
            "a".repeat(25),
            "a".repeat(25) + "1",
            "é".repeat(13),
        ] {
            assert_eq!(bad.parse::<Id>().unwrap_err().code(), "PROTOCOL", "{bad}");
        }
        assert!(serde_json::from_str::<Id>("7").is_err());
    }

    #[test]
    fn log_names_are_plain() {
        for good in ["a", "0", "todo-list_2", &"x".repeat(63)] {
            assert!(check_log_name(good).is_ok(), "{good}");
        }
        for bad in ["", "-a", "_a", "A", "a b", "a/b", "ä", &"x".repeat(64)] {
            assert_eq!(check_log_name(bad).unwrap_err().code(), "BAD_NAME", "{bad}");
        }
    }
}
