//! What `base` and the `image` of a layer name.

use std::path::{Path, PathBuf};

use super::build_spec::BaseSource;
use super::error::Problem;
use crate::oci::{Reference, ReferenceError, Tag};

/// Prefixes of other tools that name a kind of image we do not read, or name it otherwise.
const FOREIGN: [(&str, &str); 4] = [
    ("docker://", "write the reference without `docker://`"),
    ("docker-daemon:", "there is no daemon here: save the image with `docker save` and write `docker-archive:FILE`"),
    ("dir:", "write `oci:DIR` for an OCI layout"),
    ("containers-storage:", "copy the image with `skopeo copy` and write `oci:DIR`"),
];

/// Reads `scratch`, `oci:DIR[:tag]`, `oci-archive:FILE`, `docker-archive:FILE` or a reference. A relative path is one
/// of the project's folder; it may lead out of it.
pub(super) fn base_source(text: &str, project: &Path) -> Result<BaseSource, Problem> {
    if let Some((prefix, hint)) = FOREIGN.into_iter().find(|(prefix, _)| text.starts_with(prefix)) {
        return Err(Problem::new(format!("`{prefix}` names no kind of image")).hint(hint));
    }
    if text == "scratch" {
        return Ok(BaseSource::Scratch);
    }
    if let Some(path) = text.strip_prefix("oci-archive:") {
        return Ok(BaseSource::OciArchive(file(path, text, project)?));
    }
    if let Some(path) = text.strip_prefix("docker-archive:") {
        return Ok(BaseSource::DockerArchive(file(path, text, project)?));
    }
    if let Some(rest) = text.strip_prefix("oci:") {
        return layout(rest, text, project);
    }
    text.parse::<Reference>().map(BaseSource::Registry).map_err(|error| {
        let problem = Problem::new(error.to_string());
        match &error {
            ReferenceError::Digest(_) => {
                problem.hint("copy the whole digest, as `skopeo inspect` or the registry's page shows it")
            }
            ReferenceError::Tag(_) => problem.hint("write `registry/repository:tag`"),
            _ => problem.hint(
                "write `registry/repository:tag`, `scratch`, `oci:DIR`, `oci-archive:FILE` or `docker-archive:FILE`",
            ),
        }
    })
}

fn layout(rest: &str, whole: &str, project: &Path) -> Result<BaseSource, Problem> {
    let (path, tag) = match rest.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => (path, Some(tag)),
        _ => (rest, None),
    };
    if let Some(tag) = tag {
        tag.parse::<Tag>().map_err(|error| Problem::new(error.to_string()))?;
    }
    Ok(BaseSource::Layout { path: file(path, whole, project)?, tag: tag.map(str::to_owned) })
}

fn file(path: &str, whole: &str, project: &Path) -> Result<PathBuf, Problem> {
    if path.is_empty() {
        return Err(Problem::new(format!("`{whole}` names no path")).hint("write the path after the colon"));
    }
    Ok(project.join(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: BaseSource) {
        assert_eq!(base_source(text, Path::new("/p")), Ok(expect), "{text}");
    }

    #[test]
    fn kinds_are_told_by_their_prefix() {
        let layout =
            |path: &str, tag: Option<&str>| BaseSource::Layout { path: path.into(), tag: tag.map(str::to_owned) };
        check("scratch", BaseSource::Scratch);
        check("oci:base", layout("/p/base", None));
        check("oci:../base:1.2", layout("/p/../base", Some("1.2")));
        check("oci:/abs/a:b/c", layout("/abs/a:b/c", None));
        check("oci-archive:x.tar", BaseSource::OciArchive("/p/x.tar".into()));
        check("docker-archive:/x.tar", BaseSource::DockerArchive("/x.tar".into()));
        check("php:8.3", BaseSource::Registry("php:8.3".parse().expect("a reference")));
    }

    #[test]
    fn foreign_kinds_are_told_apart_from_bad_references() {
        for text in ["docker://php", "docker-daemon:php", "oci:", "oci-archive:", "oci::x", "oci:a:.b", "PHP", ""] {
            assert!(base_source(text, Path::new("/p")).is_err(), "{text}");
        }
    }
}
