//! Paths inside an image.

use std::cmp::Ordering;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A path inside an image: bytes, relative to the root, without `.`, `..`, empty components or a trailing slash.
///
/// The root itself is the empty path. It cannot name anything outside the image. The order is depth first, children by
/// bytes: `a`, `a/b`, `a-b`, which is the order of a layer's entries.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct ImagePath(Vec<u8>);

impl ImagePath {
    /// The root of the image.
    pub const ROOT: Self = Self(Vec::new());

    /// Reads a path as tar archives and build files write it: leading slashes and `./` are dropped, empty components and
    /// `.` too. Returns `None` where a component is `..` or holds a zero byte.
    ///
    /// ```
    /// use dockless::oci::ImagePath;
    /// let path = ImagePath::parse(b"/srv//app/./x/").expect("inside the image");
    /// assert_eq!(path.to_string(), "/srv/app/x");
    /// assert_eq!(ImagePath::parse(b"/srv/../etc"), None);
    /// ```
    pub fn parse(text: &[u8]) -> Option<Self> {
        let mut path = Self::ROOT;
        for component in text.split(|byte| *byte == b'/') {
            match component {
                b"" | b"." => {}
                b".." => return None,
                name if name.contains(&0) => return None,
                name => path.push(name),
            }
        }
        Some(path)
    }

    /// Returns the bytes, without a leading slash.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the path of a child. `name` is one component: not empty, no slash, not `.` or `..`.
    #[must_use]
    pub fn join(&self, name: &[u8]) -> Self {
        let mut path = Self(Vec::with_capacity(self.0.len() + 1 + name.len()));
        path.0.extend_from_slice(&self.0);
        path.push(name);
        path
    }

    /// Returns this path with a relative one below it.
    #[must_use]
    pub fn join_path(&self, below: &Self) -> Self {
        let mut path = self.clone();
        for name in below.components() {
            path.push(name);
        }
        path
    }

    fn push(&mut self, name: &[u8]) {
        debug_assert!(!name.is_empty() && !name.contains(&b'/') && name != b"." && name != b"..");
        if !self.0.is_empty() {
            self.0.push(b'/');
        }
        self.0.extend_from_slice(name);
    }

    /// Returns the path of the folder that holds this one, or `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        if self.is_root() {
            return None;
        }
        let end = self.0.iter().rposition(|byte| *byte == b'/').unwrap_or(0);
        Some(Self(self.0[..end].to_vec()))
    }

    /// Returns the last component, or `None` for the root.
    pub fn file_name(&self) -> Option<&[u8]> {
        self.0.rsplit(|byte| *byte == b'/').next().filter(|name| !name.is_empty())
    }

    /// Returns the components from the root down.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/').filter(|name| !name.is_empty())
    }

    /// Returns the paths of all folders above this one, from the top down, without the root.
    pub fn ancestors(&self) -> impl Iterator<Item = Self> + '_ {
        self.0.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(end, _)| Self(self.0[..end].to_vec()))
    }

    /// Returns what is left below `prefix`, the root if they are equal, or `None` if this path is not below it.
    pub fn strip_prefix(&self, prefix: &Self) -> Option<Self> {
        if prefix.is_root() {
            return Some(self.clone());
        }
        let rest = self.0.strip_prefix(prefix.as_bytes())?;
        match rest.split_first() {
            None => Some(Self::ROOT),
            Some((b'/', rest)) => Some(Self(rest.to_vec())),
            Some(_) => None,
        }
    }

    /// Returns whether this path is `prefix` or below it.
    pub fn starts_with(&self, prefix: &Self) -> bool {
        prefix.is_root() || self.0.starts_with(&prefix.0) && matches!(self.0.get(prefix.0.len()), None | Some(b'/'))
    }
}

impl From<ImagePath> for Vec<u8> {
    fn from(path: ImagePath) -> Self {
        path.0
    }
}

impl TryFrom<Vec<u8>> for ImagePath {
    type Error = &'static str;

    /// Takes the bytes of a path as [`ImagePath::as_bytes`] gives them, and nothing that is to be cleaned first.
    fn try_from(bytes: Vec<u8>) -> Result<Self, Self::Error> {
        match Self::parse(&bytes) {
            Some(path) if path.0 == bytes => Ok(path),
            _ => Err("no clean path inside an image"),
        }
    }
}

impl PartialOrd for ImagePath {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ImagePath {
    fn cmp(&self, other: &Self) -> Ordering {
        // A slash sorts before every byte of a name, so a folder's content follows the folder directly.
        let rank = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
        self.0.iter().map(rank).cmp(other.0.iter().map(rank))
    }
}

impl fmt::Display for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}", String::from_utf8_lossy(&self.0))
    }
}

impl fmt::Debug for ImagePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ImagePath {
        ImagePath::parse(text.as_bytes()).expect("inside the image")
    }

    #[test]
    fn order_is_depth_first() {
        let mut paths = ["a-b", "a/b", "a", "a/b/c", "a.b", "b"].map(path);
        paths.sort();
        assert_eq!(paths.map(|p| p.to_string()), ["/a", "/a/b", "/a/b/c", "/a-b", "/a.b", "/b"]);
    }

    #[test]
    fn prefixes_end_at_components() {
        assert!(path("a/b").starts_with(&path("a")));
        assert!(!path("ab").starts_with(&path("a")));
        assert_eq!(path("a/b/c").strip_prefix(&path("a")), Some(path("b/c")));
        assert_eq!(path("ab").strip_prefix(&path("a")), None);
        assert_eq!(path("a").strip_prefix(&path("a")), Some(ImagePath::ROOT));
    }

    #[test]
    fn parents_and_ancestors_stop_before_the_root() {
        assert_eq!(path("a/b/c").ancestors().collect::<Vec<_>>(), [path("a"), path("a/b")]);
        assert_eq!(path("a").parent(), Some(ImagePath::ROOT));
        assert_eq!(ImagePath::ROOT.parent(), None);
        assert_eq!(ImagePath::ROOT.file_name(), None);
        assert_eq!(ImagePath::ROOT.components().count(), 0);
    }
}
