//! The end of the file, which names the rest: ten numbers of eight bytes.

use super::Place;

/// The bytes of the trailer.
pub(super) const TRAILER_BYTES: u64 = 80;

/// What the end of the file names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Trailer {
    /// The one block of the highest level.
    pub(super) root: Place,
    /// How many levels stand above the blocks of paths.
    pub(super) height: u64,
    /// The number of paths.
    pub(super) count: u64,
    /// The text of passwd.
    pub(super) passwd: Option<Place>,
    /// The text of group.
    pub(super) group: Option<Place>,
}

impl Trailer {
    /// Returns the bytes.
    pub(super) fn encode(&self) -> Vec<u8> {
        let text = |text: Option<Place>| {
            let place = text.unwrap_or_default();
            [u64::from(text.is_some()), place.at, place.length]
        };
        let numbers = [self.root.at, self.root.length, self.height, self.count];
        let all = numbers.into_iter().chain(text(self.passwd)).chain(text(self.group));
        all.flat_map(u64::to_le_bytes).collect()
    }

    /// Reads the bytes.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let numbers: Vec<u64> = bytes.as_chunks::<8>().0.iter().map(|number| u64::from_le_bytes(*number)).collect();
        let [root, length, height, count, has_passwd, passwd, passwd_length, has_group, group, group_length] =
            numbers[..]
        else {
            return None;
        };
        let text = |has: u64, at, length| (has == 1).then_some(Place { at, length });
        Some(Self {
            root: Place { at: root, length },
            height,
            count,
            passwd: text(has_passwd, passwd, passwd_length),
            group: text(has_group, group, group_length),
        })
    }
}
