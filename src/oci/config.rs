//! An image config as it came, with typed access to what dockless reads of it.

use serde_json::{Map, Value};

use super::{DiffId, Digest, Platform};

/// An image config (image-spec, config.md): the whole document with every key, also those that no specification knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    document: Map<String, Value>,
    diff_ids: Vec<DiffId>,
}

/// A document that is no usable image config.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// It is not a JSON object.
    #[error("the image config cannot be read")]
    Json(#[from] serde_json::Error),
    /// `rootfs.diff_ids` is missing or holds something that is no digest.
    #[error("the image config has no usable `rootfs.diff_ids`")]
    DiffIds,
    /// `os` or `architecture` is missing.
    #[error("the image config does not say its `os` and `architecture`")]
    Platform,
}

impl Config {
    /// Reads an image config.
    ///
    /// # Errors
    /// When it is no JSON object, or lacks the diff ids or the platform.
    pub fn parse(bytes: &[u8]) -> Result<Self, ConfigError> {
        let document: Map<String, Value> = serde_json::from_slice(bytes)?;
        let diff_ids = document
            .get("rootfs")
            .and_then(|rootfs| rootfs.get("diff_ids"))
            .map_or(Some(Vec::new()), |ids| match ids {
                Value::Null => Some(Vec::new()),
                Value::Array(ids) => {
                    ids.iter().map(|id| id.as_str().and_then(|id| id.parse::<Digest>().ok()).map(DiffId)).collect()
                }
                _ => None,
            })
            .ok_or(ConfigError::DiffIds)?;
        let config = Self { document, diff_ids };
        if config.word("os").is_none() || config.word("architecture").is_none() {
            return Err(ConfigError::Platform);
        }
        Ok(config)
    }

    /// Makes the config of an image without base, layers and settings.
    pub fn scratch(platform: &Platform) -> Self {
        let mut document = Map::new();
        document.insert("architecture".to_owned(), platform.architecture.clone().into());
        document.insert("os".to_owned(), platform.os.clone().into());
        if let Some(variant) = &platform.variant {
            document.insert("variant".to_owned(), variant.clone().into());
        }
        Self { document, diff_ids: Vec::new() }
    }

    /// Returns the whole document.
    pub fn document(&self) -> &Map<String, Value> {
        &self.document
    }

    /// Returns the diff ids of the layers, base first.
    pub fn diff_ids(&self) -> &[DiffId] {
        &self.diff_ids
    }

    /// Returns what the image runs on, with variant, version and features.
    pub fn platform(&self) -> Platform {
        Platform {
            architecture: self.word("architecture").unwrap_or_default().to_owned(),
            os: self.word("os").unwrap_or_default().to_owned(),
            variant: self.word("variant").map(str::to_owned),
            os_version: self.word("os.version").map(str::to_owned),
            os_features: strings(self.document.get("os.features")),
        }
    }

    /// Returns the execution settings, the member `config`.
    pub fn settings(&self) -> Option<&Map<String, Value>> {
        self.document.get("config").and_then(Value::as_object)
    }

    /// Returns the environment as pairs, in the order of the document.
    pub fn env(&self) -> Vec<(String, String)> {
        strings(self.settings().and_then(|settings| settings.get("Env")))
            .into_iter()
            .map(|entry| match entry.split_once('=') {
                Some((name, value)) => (name.to_owned(), value.to_owned()),
                None => (entry, String::new()),
            })
            .collect()
    }

    /// Returns the working directory, or `None` where it is not set.
    pub fn working_dir(&self) -> Option<&str> {
        self.settings()?.get("WorkingDir")?.as_str().filter(|dir| !dir.is_empty())
    }

    /// Returns the history entries as they stand.
    pub fn history(&self) -> &[Value] {
        self.document.get("history").and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn word(&self, key: &str) -> Option<&str> {
        self.document.get(key).and_then(Value::as_str).filter(|word| !word.is_empty())
    }
}

fn strings(value: Option<&Value>) -> Vec<String> {
    value
        .and_then(Value::as_array)
        .map(|items| items.iter().filter_map(Value::as_str).map(str::to_owned).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_config_keeps_keys_that_no_specification_knows() {
        let config = Config::parse(
            br#"{"os":"linux","architecture":"arm64","variant":"v8","x-new":[1],
            "config":{"Env":["A=b=c","B"],"WorkingDir":""}}"#,
        )
        .expect("a config");
        assert_eq!(config.document()["x-new"], serde_json::json!([1]));
        assert_eq!(config.env(), [("A".into(), "b=c".into()), ("B".into(), String::new())]);
        assert_eq!(config.platform().to_string(), "linux/arm64/v8");
        assert_eq!(config.working_dir(), None);
        assert!(config.diff_ids().is_empty());
    }

    #[test]
    fn a_config_without_platform_or_with_bad_diff_ids_is_refused() {
        assert!(matches!(Config::parse(b"{}"), Err(ConfigError::Platform)));
        let bad = br#"{"os":"linux","architecture":"amd64","rootfs":{"diff_ids":["x"]}}"#;
        assert!(matches!(Config::parse(bad), Err(ConfigError::DiffIds)));
    }
}
