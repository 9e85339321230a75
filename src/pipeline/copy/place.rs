//! Where an image is, or goes: a registry, a layout or an archive.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::oci::{Reference, Tag};

/// A place of an image. Paths are absolute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A registry.
    Registry(Reference),
    /// An OCI image layout in a folder.
    Layout {
        /// The folder.
        path: PathBuf,
        /// The tag within it.
        tag: Option<Tag>,
    },
    /// A tar of an OCI image layout; without a path it is stdout.
    OciArchive {
        /// The file.
        path: Option<PathBuf>,
        /// The tag within it.
        tag: Option<Tag>,
    },
    /// A tar as `docker save` writes it.
    DockerArchive(PathBuf),
}

/// A text that is no place of an image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no place of an image: {why}")]
pub struct PlaceError {
    /// What was given.
    pub text: String,
    /// What is wrong with it.
    pub why: String,
    /// What to write instead.
    pub hint: String,
}

/// What other tools write before a reference or a path.
const FOREIGN: [&str; 4] = ["docker://", "docker-daemon:", "dir:", "containers-storage:"];
const FORMS: &str =
    "write `registry/repository:tag`, `oci:DIR[:tag]`, `oci-archive:FILE[:tag]` or `docker-archive:FILE`";

impl Place {
    /// Reads `registry/repository:tag`, `oci:DIR[:tag]`, `oci-archive:FILE[:tag]` or `docker-archive:FILE`; a relative
    /// path is one of `folder`.
    ///
    /// # Errors
    /// When the text is none of these.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, PlaceError> {
        let error = |why: String, hint: &str| PlaceError { text: text.to_owned(), why, hint: hint.to_owned() };
        if let Some(prefix) = FOREIGN.iter().find(|prefix| text.starts_with(**prefix)) {
            return Err(error(format!("`{prefix}` names no kind of place here"), FORMS));
        }
        let path = |path: &str| match path {
            "" => Err(error("the path is empty".to_owned(), FORMS)),
            path => Ok(folder.join(path)),
        };
        if let Some(rest) = text.strip_prefix("oci:") {
            let (rest, tag) = tagged(rest).map_err(|why| error(why, FORMS))?;
            return Ok(Self::Layout { path: path(rest)?, tag });
        }
        if let Some(rest) = text.strip_prefix("oci-archive:") {
            let (rest, tag) = tagged(rest).map_err(|why| error(why, FORMS))?;
            let path = if rest == "-" { None } else { Some(path(rest)?) };
            return Ok(Self::OciArchive { path, tag });
        }
        if let Some(rest) = text.strip_prefix("docker-archive:") {
            return Ok(Self::DockerArchive(path(rest)?));
        }
        text.parse().map(Self::Registry).map_err(|why: crate::oci::ReferenceError| error(why.to_string(), FORMS))
    }

    /// Returns the tag that the image has there, if one is said.
    pub fn tag(&self) -> Option<&Tag> {
        match self {
            Self::Registry(reference) => reference.tag.as_ref(),
            Self::Layout { tag, .. } | Self::OciArchive { tag, .. } => tag.as_ref(),
            Self::DockerArchive(_) => None,
        }
    }

    /// Gives the place a tag, unless it has one or names an image by its digest.
    #[must_use]
    pub fn or_tag(mut self, fallback: Option<Tag>) -> Self {
        match &mut self {
            Self::Registry(reference) if reference.digest.is_some() => {}
            Self::Registry(Reference { tag, .. }) | Self::Layout { tag, .. } | Self::OciArchive { tag, .. } => {
                *tag = tag.take().or(fallback);
            }
            Self::DockerArchive(_) => {}
        }
        self
    }
}

/// Splits the tag off a path. What follows the last colon is one, unless it has a slash.
fn tagged(text: &str) -> Result<(&str, Option<Tag>), String> {
    match text.rsplit_once(':') {
        Some((path, tag)) if !tag.contains('/') => {
            let tag = tag.parse().map_err(|error: crate::oci::TagError| error.to_string())?;
            Ok((path, Some(tag)))
        }
        _ => Ok((text, None)),
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registry(reference) => return reference.fmt(f),
            Self::Layout { path, .. } => write!(f, "oci:{}", path.display())?,
            Self::OciArchive { path: Some(path), .. } => write!(f, "oci-archive:{}", path.display())?,
            Self::OciArchive { path: None, .. } => f.write_str("oci-archive:-")?,
            Self::DockerArchive(path) => write!(f, "docker-archive:{}", path.display())?,
        }
        self.tag().iter().try_for_each(|tag| write!(f, ":{tag}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expect: &str) {
        let shown = Place::parse(text, Path::new("/w")).map_or_else(|error| error.to_string(), |p| p.to_string());
        assert_eq!(shown, expect, "{text}");
    }

    #[test]
    fn places_are_read_as_other_tools_write_them() {
        check("php:8.3", "docker.io/library/php:8.3");
        check("oci:dir", "oci:/w/dir");
        check("oci:dir:1.0", "oci:/w/dir:1.0");
        check("oci:/a:b/dir", "oci:/a:b/dir");
        check("oci-archive:f.tar:x", "oci-archive:/w/f.tar:x");
        check("oci-archive:-", "oci-archive:-");
        check("docker-archive:/f.tar", "docker-archive:/f.tar");
        check("docker://php", "`docker://php` is no place of an image: `docker://` names no kind of place here");
        check("oci:", "`oci:` is no place of an image: the path is empty");
        assert!(Place::parse("oci:dir:.x", Path::new("/w")).is_err());
        assert!(Place::parse("Upper", Path::new("/w")).is_err());
    }

    #[test]
    fn a_place_without_a_tag_takes_the_one_of_the_source() {
        let tag = || "1".parse::<Tag>().ok();
        let place = |text| Place::parse(text, Path::new("/w")).expect("a place").or_tag(tag()).to_string();
        assert_eq!(place("example.com/a"), "example.com/a:1");
        assert_eq!(place("example.com/a:2"), "example.com/a:2");
        assert_eq!(place("oci:d"), "oci:/w/d:1");
    }
}
