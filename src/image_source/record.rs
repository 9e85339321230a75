//! What was found in an image, as bytes: so that its layers need not be read to tell that nothing of it changed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::ImageFiles;
use super::index::{Index, Item};
use crate::oci::ImagePath;
use crate::tree::Spool;

/// Names the form; a change of the form is a new name.
const FORM: &str = "dockless taken 1";
/// An image of which more is taken is read each time: to read so long a record would take as long.
const ITEMS: usize = 50_000;

/// What is recorded. Maps are lists of pairs: JSON has no keys but texts, and a path need not be one.
#[derive(Serialize, Deserialize)]
struct Record {
    form: String,
    wanted: Vec<(ImagePath, ImagePath)>,
    items: Vec<(ImagePath, Item)>,
}

impl ImageFiles {
    /// Returns what was found, without the bytes of files; `None` where it is too much.
    pub fn to_record(&self) -> Option<Vec<u8>> {
        if self.index.items().len() > ITEMS {
            return None;
        }
        let pairs = |(path, real): (&ImagePath, &ImagePath)| (path.clone(), real.clone());
        let items = self.index.items().iter().map(|(path, item)| (path.clone(), item.clone())).collect();
        let record = Record { form: FORM.to_owned(), wanted: self.wanted.iter().map(pairs).collect(), items };
        serde_json::to_vec(&record).ok()
    }

    /// Makes the files of a record. The bytes come out of `spool`, which is that of a reading with the same record.
    pub fn from_record(image: &str, record: &[u8], spool: Spool) -> Option<Self> {
        let Record { form, wanted, items } = serde_json::from_slice(record).ok()?;
        if form != FORM {
            return None;
        }
        let (wanted, items): (BTreeMap<_, _>, BTreeMap<_, _>) =
            (wanted.into_iter().collect(), items.into_iter().collect());
        Some(Self { image: image.into(), spool: spool.into(), index: Index::of(items), identity: None, wanted })
    }

    /// Returns the file that holds the bytes.
    ///
    /// # Errors
    /// When it is to be filled first, and that fails.
    pub fn into_spool(self) -> std::io::Result<std::fs::File> {
        self.spool.file()?.try_clone()
    }
}
