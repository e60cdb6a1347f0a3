//! JSON that means one thing: of bounded depth, and no member named twice. Readers that take the first of two members and
//! readers that take the last would otherwise see different documents.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Reads a value of at most `depth` levels. `spell` gives each member the name that counts, so that two spellings of one
/// name are one member. The caller bounds the size of `octets`.
///
/// # Errors
/// What is wrong, and where.
pub(crate) fn read(
    octets: &[u8],
    depth: u8,
    spell: &dyn Fn(String) -> String,
) -> Result<Value, serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(octets);
    let value = Strict { depth, spell }.deserialize(&mut deserializer)?;
    deserializer.end()?;
    Ok(value)
}

/// Reads a value with at most so many levels.
#[derive(Clone, Copy)]
struct Strict<'a> {
    depth: u8,
    spell: &'a dyn Fn(String) -> String,
}

impl Strict<'_> {
    fn within<E: Error>(self) -> Result<Self, E> {
        let left = self.depth.checked_sub(1);
        left.map(|depth| Strict { depth, ..self })
            .ok_or_else(|| E::custom("nested too deeply"))
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let within = self.within()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(within)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let within = self.within()?;
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let name = (self.spell)(name);
            let value = members.next_value_seed(within)?;
            if object.contains_key(&name) {
                return Err(Error::custom(format!("member {name:?} appears twice")));
            }
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}
