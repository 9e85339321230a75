//! The JSON of a lock.
//!
//! Members stand in the order of the structs, maps in the order of their keys. A key that stands twice is an error: two
//! branches may have added the same path, and only one of the lines would count.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::{Deserialize as DeriveDeserialize, Serialize, Serializer};

use super::word::Word;
use super::{Lock, LockError, LockedBase};
use crate::base::{Answers, Fact};
use crate::oci::{Descriptor, Digest, ImagePath, Platform};

/// Names the form; a change of the form is a new number.
const VERSION: u64 = 1;

/// What every version has.
#[derive(DeriveDeserialize)]
struct Versioned {
    version: u64,
}

#[derive(Serialize, DeriveDeserialize)]
#[serde(deny_unknown_fields)]
struct LockForm {
    version: u64,
    platforms: Unique<Spelled<Platform>, BaseForm>,
    #[serde(default, skip_serializing_if = "Unique::is_empty")]
    images: Unique<String, Unique<Spelled<Platform>, Digest>>,
}

#[derive(Serialize, DeriveDeserialize)]
#[serde(deny_unknown_fields)]
struct BaseForm {
    base: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    manifest: Option<String>,
    config: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    layers: Vec<Descriptor>,
    users: Unique<String, Option<Spelled<(u64, u64)>>>,
    groups: Unique<String, Option<u64>>,
    listed: BTreeSet<Spelled<ImagePath>>,
    paths: Unique<Spelled<ImagePath>, Option<Spelled<Fact>>>,
}

/// Reads a lock.
pub(super) fn read(bytes: &[u8]) -> Result<Lock, LockError> {
    let found = serde_json::from_slice::<Versioned>(bytes)?.version;
    if found != VERSION {
        return Err(LockError::Version { found, known: VERSION });
    }
    let form: LockForm = serde_json::from_slice(bytes)?;
    let platforms = form.platforms.0.into_iter().map(|(platform, base)| (platform.0, base.into())).collect();
    let pins = |pins: Unique<Spelled<Platform>, Digest>| pins.0.into_iter().map(|(key, digest)| (key.0, digest));
    let images = form.images.0.into_iter().map(|(image, digests)| (image, pins(digests).collect())).collect();
    Ok(Lock { platforms, images })
}

/// Writes a lock.
pub(super) fn write(lock: &Lock) -> Vec<u8> {
    let pins = |pins: &BTreeMap<Platform, Digest>| pins.iter().map(|(key, pin)| (Spelled(key.clone()), *pin)).collect();
    let form = LockForm {
        version: VERSION,
        platforms: lock.platforms.iter().map(|(key, base)| (Spelled(key.clone()), base.into())).collect(),
        images: lock.images.iter().map(|(image, digests)| (image.clone(), pins(digests))).collect(),
    };
    let mut bytes = serde_json::to_vec_pretty(&form).expect("all keys are strings");
    bytes.push(b'\n');
    bytes
}

impl From<&LockedBase> for BaseForm {
    fn from(locked: &LockedBase) -> Self {
        let answers = &locked.answers;
        let fact = |fact: &Option<Fact>| fact.clone().map(Spelled);
        Self {
            base: locked.base.clone(),
            name: locked.name.clone(),
            digest: locked.digest,
            manifest: locked.manifest.clone(),
            config: locked.config.clone(),
            layers: locked.layers.clone(),
            users: answers.users.iter().map(|(name, found)| (name.clone(), found.map(Spelled))).collect(),
            groups: Unique(answers.groups.clone()),
            listed: answers.listed.iter().cloned().map(Spelled).collect(),
            paths: answers.paths.iter().map(|(path, found)| (Spelled(path.clone()), fact(found))).collect(),
        }
    }
}

impl From<BaseForm> for LockedBase {
    fn from(form: BaseForm) -> Self {
        let answers = Answers {
            paths: form.paths.0.into_iter().map(|(path, fact)| (path.0, fact.map(|fact| fact.0))).collect(),
            listed: form.listed.into_iter().map(|path| path.0).collect(),
            users: form.users.0.into_iter().map(|(name, found)| (name, found.map(|found| found.0))).collect(),
            groups: form.groups.0,
        };
        Self {
            base: form.base,
            name: form.name,
            digest: form.digest,
            manifest: form.manifest,
            config: form.config,
            layers: form.layers,
            answers,
        }
    }
}

/// A value in its spelling.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Spelled<T>(T);

impl<T: Word> fmt::Display for Spelled<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.spell())
    }
}

impl<T: Word> Serialize for Spelled<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.spell())
    }
}

impl<'de, T: Word> Deserialize<'de> for Spelled<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Speller<T>(PhantomData<T>);

        impl<T: Word> Visitor<'_> for Speller<T> {
            type Value = Spelled<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(T::WHAT)
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Spelled<T>, E> {
                T::read(text).map(Spelled).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }

        deserializer.deserialize_str(Speller(PhantomData))
    }
}

/// A map whose keys stand once each.
struct Unique<K, V>(BTreeMap<K, V>);

impl<K, V> Unique<K, V> {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<K: Ord, V> Default for Unique<K, V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Unique<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self(entries.into_iter().collect())
    }
}

impl<K: Serialize, V: Serialize> Serialize for Unique<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(&self.0)
    }
}

impl<'de, K: Deserialize<'de> + Ord + fmt::Display, V: Deserialize<'de>> Deserialize<'de> for Unique<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<K, V>(PhantomData<(K, V)>);

        impl<'de, K: Deserialize<'de> + Ord + fmt::Display, V: Deserialize<'de>> Visitor<'de> for Entries<K, V> {
            type Value = Unique<K, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = BTreeMap::new();
                while let Some(key) = map.next_key::<K>()? {
                    if entries.contains_key(&key) {
                        return Err(de::Error::custom(format_args!("`{key}` stands twice")));
                    }
                    entries.insert(key, map.next_value()?);
                }
                Ok(Unique(entries))
            }
        }

        deserializer.deserialize_map(Entries(PhantomData))
    }
}
