//! Whatever fails, the first failure in the order of the stream is told, and nothing is left that looks whole.

use super::*;
use std::sync::Mutex;

/// A writer whose bytes can still be seen when packing has failed.
#[derive(Clone, Default)]
struct Seen(Arc<Mutex<Vec<u8>>>);

impl Write for Seen {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn what_a_failed_listing_leaves_does_not_read_as_a_blob() {
    let seen = Seen::default();
    let entries = large_tree().into_iter().map(Ok).chain([Err(io::Error::other("listing"))]);
    let error = pack(entries, &options(Compression::Gzip(6), 2, 0), seen.clone()).map(drop).unwrap_err();
    assert!(matches!(error, PackError::Entry(_)));
    let left = seen.0.lock().unwrap();
    assert!(!left.is_empty());
    assert!(flate2::bufread::GzDecoder::new(&left[..]).read_to_end(&mut Vec::new()).is_err());
}

#[test]
fn a_panic_in_the_listing_goes_to_the_caller_and_stops_all() {
    let entries = large_tree().into_iter().map(Ok::<_, Infallible>).chain(std::iter::from_fn(|| panic!("listing")));
    let packing = || pack(entries, &options(Compression::Gzip(1), 2, 0), Vec::new()).map(drop);
    let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(packing)).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"listing"));
}

/// A writer on a disk with little room.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.0 {
            return Err(io::Error::from(io::ErrorKind::StorageFull));
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_ends_the_packing_of_an_endless_layer() {
    let endless = (0_u64..).map(|n| Ok::<_, Infallible>(file(&format!("a/{n}"), &noise(50_000, n))));
    let error = pack(endless, &options(Compression::Gzip(1), 2, 0), Full(2_000_000)).map(drop).unwrap_err();
    assert!(matches!(error, PackError::Write(_)));
}

#[test]
fn a_layer_that_nobody_waits_for_ends() {
    let cancelled = Arc::new(AtomicBool::new(false));
    let options = PackOptions { cancelled: Some(Arc::clone(&cancelled)), ..PackOptions::default() };
    let endless = (0_u64..).map(|n| {
        cancelled.store(n > 100, Ordering::Relaxed);
        Ok::<_, Infallible>(file(&format!("a/{n}"), b"x"))
    });
    assert!(matches!(pack(endless, &options, Vec::new()), Err(PackError::Cancelled)));
}

#[test]
fn the_root_is_no_entry() {
    let root = Entry { path: ImagePath::ROOT, ..entry("x", EntryKind::Directory) };
    let packed = pack([Ok::<_, Infallible>(root)].into_iter(), &PackOptions::default(), Vec::new());
    assert!(matches!(packed, Err(PackError::Root)));
}

#[test]
fn of_two_failures_the_one_earlier_in_the_stream_is_told() {
    let entries = || large_tree().into_iter().map(Ok).chain([Err(io::Error::other("listing"))]);
    for threads in [1, 2, 8] {
        let options = options(Compression::Gzip(1), threads, 64 << 20);
        let error = pack(entries(), &options, Full(20)).map(drop).unwrap_err();
        assert!(matches!(error, PackError::Write(_)), "{error}");
    }
}

#[test]
fn a_layer_cancelled_before_it_began_writes_nothing_that_reads_as_a_blob() {
    let options = PackOptions { cancelled: Some(Arc::new(AtomicBool::new(true))), ..PackOptions::default() };
    let packed = pack(small_tree().into_iter().map(Ok::<_, Infallible>), &options, Vec::new());
    assert!(matches!(packed, Err(PackError::Cancelled)));
}
