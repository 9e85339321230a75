//! The content of a folder, in order and a stretch at a time.
//!
//! The names of a folder are read at once, since they must be sorted; all else about them is asked for as they come due.
//! So a folder of a million files costs its names and no more.

use super::{Child, TreeError};

/// Entries of a folder, sorted by the bytes of their names.
pub struct Listing {
    ready: std::vec::IntoIter<Child>,
    rest: Option<Box<dyn Stretches>>,
}

/// Where the entries come from that are not ready yet.
pub(super) trait Stretches: Send {
    /// Returns the entries that come next; `None` after the last.
    fn next_stretch(&mut self) -> Option<Result<Vec<Child>, TreeError>>;
}

impl Listing {
    /// A listing whose first entries are ready.
    pub(super) fn new(ready: Vec<Child>, rest: Option<Box<dyn Stretches>>) -> Self {
        Self { ready: ready.into_iter(), rest }
    }

    /// Returns what comes next as one stretch, of some thousand entries at most, or `None` after the last. It may be
    /// empty.
    ///
    /// # Errors
    /// When the folder is gone, or the system refuses to tell about an entry.
    pub fn stretch(&mut self) -> Result<Option<Vec<Child>>, TreeError> {
        if self.ready.len() > 0 {
            return Ok(Some(std::mem::take(&mut self.ready).collect()));
        }
        self.rest.as_mut().and_then(|rest| rest.next_stretch()).transpose()
    }

    /// Returns how many entries are ready.
    pub(super) fn ready(&self) -> usize {
        self.ready.len()
    }
}

impl Iterator for Listing {
    type Item = Result<Child, TreeError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(child) = self.ready.next() {
                return Some(Ok(child));
            }
            match self.stretch() {
                Ok(Some(more)) => self.ready = more.into_iter(),
                Ok(None) => return None,
                Err(error) => {
                    self.rest = None;
                    return Some(Err(error));
                }
            }
        }
    }
}

impl From<Vec<Child>> for Listing {
    /// Takes entries that are sorted.
    fn from(children: Vec<Child>) -> Self {
        Self::new(children, None)
    }
}

/// Lets tests hold a listing that failed.
impl std::fmt::Debug for Listing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listing").field("ready", &self.ready.len()).finish_non_exhaustive()
    }
}

/// The names of a folder in as little memory as they fit: one after another, and where each begins.
#[derive(Default)]
pub(super) struct Names {
    bytes: Vec<u8>,
    starts: Vec<usize>,
}

impl Names {
    /// Adds a name, which holds no zero byte.
    pub(super) fn add(&mut self, name: &std::ffi::CStr) {
        self.starts.push(self.bytes.len());
        self.bytes.extend_from_slice(name.to_bytes_with_nul());
    }

    /// Puts the names in the order of their bytes.
    pub(super) fn sort(&mut self) {
        let Self { bytes, starts } = self;
        // A zero byte ends each name and sorts before all others: to compare what follows it is never needed.
        starts.sort_unstable_by(|left, right| bytes[*left..].cmp(&bytes[*right..]));
        starts.shrink_to_fit();
        bytes.shrink_to_fit();
    }

    /// Returns the count of names.
    pub(super) fn len(&self) -> usize {
        self.starts.len()
    }

    /// Returns a name by its place in the order.
    pub(super) fn at(&self, place: usize) -> &std::ffi::CStr {
        std::ffi::CStr::from_bytes_until_nul(&self.bytes[self.starts[place]..])
            .expect("each name was added with its end")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_sort_by_bytes_and_a_prefix_comes_first() {
        let mut names = Names::default();
        for name in [c"b", c"a-b", c"a", c"ab", c"\xff", c"B"] {
            names.add(name);
        }
        names.sort();
        let sorted: Vec<_> = (0..names.len()).map(|place| names.at(place).to_owned()).collect();
        assert_eq!(sorted, [c"B", c"a", c"a-b", c"ab", c"b", c"\xff"].map(std::ffi::CStr::to_owned));
    }
}
