//! What the manifests of package managers say, as far as a build file needs it. A manifest that cannot be read as what
//! it should be says nothing: its own tool tells what is wrong with it.

use serde_json::Value;

use super::listing::Project;
use crate::tree::TreeError;

/// A `package.json`.
pub(super) struct Package(Value);

impl Package {
    /// Reads it; `None` where there is none.
    pub(super) fn read(project: &Project<'_>) -> Result<Option<Self>, TreeError> {
        if !project.has("package.json")? {
            return Ok(None);
        }
        Ok(Some(Self(serde_json::from_str(&project.text("package.json")?).unwrap_or_default())))
    }

    /// Returns whether a package is among the dependencies, of development too.
    pub(super) fn depends_on(&self, name: &str) -> bool {
        ["dependencies", "devDependencies"].iter().any(|kind| self.0[kind].get(name).is_some())
    }

    /// Returns whether there is anything to install that the program needs at run time.
    pub(super) fn has_dependencies(&self) -> bool {
        self.0["dependencies"].as_object().is_some_and(|all| !all.is_empty())
    }

    /// Returns a script.
    pub(super) fn script(&self, name: &str) -> Option<&str> {
        self.0["scripts"][name].as_str().filter(|script| !script.trim().is_empty())
    }

    /// Returns the package's name, without its scope.
    pub(super) fn name(&self) -> Option<&str> {
        let name = self.0["name"].as_str()?.rsplit('/').next()?;
        let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
        (!name.is_empty() && !name.starts_with('.') && name.bytes().all(plain)).then_some(name)
    }

    /// Returns the file that the package begins with.
    pub(super) fn main(&self) -> Option<&str> {
        self.0["main"].as_str().map(|main| main.trim_start_matches("./")).filter(|main| !main.is_empty())
    }

    /// Returns the range of Node's versions that the package asks for.
    pub(super) fn node_range(&self) -> Option<&str> {
        self.0["engines"]["node"].as_str()
    }

    /// Returns the package manager that the package names, without its version.
    pub(super) fn manager(&self) -> Option<(&str, &str)> {
        self.0["packageManager"].as_str().map(|manager| manager.split_once('@').unwrap_or((manager, "")))
    }

    /// Returns whether a script starts a program of the project, and not the preview of a tool.
    pub(super) fn runs_a_server(&self) -> bool {
        const SERVERS: [&str; 10] = [
            "express",
            "fastify",
            "koa",
            "@hapi/hapi",
            "hono",
            "@nestjs/core",
            "@react-router/serve",
            "@remix-run/serve",
            "@astrojs/node",
            "@sveltejs/adapter-node",
        ];
        let starts = |script: &str| script.split(['&', ';', ' ']).any(|word| word == "node" || word == "tsx");
        self.script("start").is_some_and(starts)
            || SERVERS.iter().any(|server| self.0["dependencies"].get(server).is_some())
            // The adapters of site tools are packages of development.
            || self.0["devDependencies"].get("@sveltejs/adapter-node").is_some()
    }
}

/// Returns whether `composer.json` requires a package whose name begins so.
pub(super) fn composer_requires(project: &Project<'_>, prefix: &str) -> Result<bool, TreeError> {
    let composer: Value = serde_json::from_str(&project.text("composer.json")?).unwrap_or_default();
    Ok(composer["require"].as_object().is_some_and(|all| all.keys().any(|name| name.starts_with(prefix))))
}

/// Returns the range of PHP's versions that `composer.json` asks for.
pub(super) fn php_range(project: &Project<'_>) -> Result<Option<String>, TreeError> {
    let composer: Value = serde_json::from_str(&project.text("composer.json")?).unwrap_or_default();
    Ok(composer["require"]["php"].as_str().map(str::to_owned))
}

/// Returns the document of a TOML file; an empty one where there is none.
pub(super) fn toml(project: &Project<'_>, path: &str) -> Result<toml::Table, TreeError> {
    Ok(project.text(path)?.parse().unwrap_or_default())
}

/// Returns a text in a TOML document, by the keys that lead to it.
pub(super) fn toml_text<'t>(table: &'t toml::Table, keys: &[&str]) -> Option<&'t str> {
    let (last, folders) = keys.split_last()?;
    let mut at = table;
    for key in folders {
        at = at.get(*key)?.as_table()?;
    }
    at.get(*last)?.as_str()
}

/// Returns the first version with so many parts in a text, such as `3.12` of `>=3.12,<4`.
pub(super) fn version(text: &str, parts: usize) -> Option<String> {
    let start = text.find(|c: char| c.is_ascii_digit())?;
    let digits: String = text[start..].chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
    let found: Vec<&str> = digits.split('.').filter(|part| !part.is_empty()).take(parts).collect();
    (found.len() == parts).then(|| found.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_version_of_a_range_counts() {
        for (text, parts, expect) in [
            ("^8.2", 2, Some("8.2")),
            (">=3.12,<4", 2, Some("3.12")),
            ("v22.3.1", 1, Some("22")),
            (">=20", 1, Some("20")),
            ("lts/*", 1, None),
            ("3", 2, None),
            ("ruby-3.3.0", 2, Some("3.3")),
        ] {
            assert_eq!(version(text, parts).as_deref(), expect, "{text}");
        }
    }
}
