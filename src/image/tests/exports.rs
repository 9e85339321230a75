use std::fs;
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Value, json};

use super::{Blobs, document, find, own, put_together, sample, scratch};
use crate::ground::Hint;
use crate::image::export::{Export, Exported, to_docker_archive, to_file, to_layout, to_oci_archive};
use crate::image::{Image, ImageError, validate};
use crate::oci::{Digest, Repository, Tag};
use crate::spec::ConfigSpec;
use crate::store::{Blob, LocalImage, LocalSource, Store};

fn tags(texts: &[&str]) -> Vec<Tag> {
    texts.iter().map(|text| text.parse().expect("a tag")).collect()
}

fn repository() -> Repository {
    "example.com/shop".parse().expect("a repository")
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Hands an export of an image to a function.
fn with<T>(image: &Image, blobs: &Blobs, names: &[&str], run: impl FnOnce(&Export<'_>) -> T) -> T {
    let (find, repository, tags) = (find(blobs), repository(), tags(names));
    run(&Export { image: Exported::Image(image), blobs: &find, repository: Some(&repository), tags: &tags })
}

fn names_in(path: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(path)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

/// Validates what was read back, with layers from the output itself.
#[track_caller]
fn check(read: &LocalImage, image: &Image) {
    let manifest = read.manifest.as_ref().expect("a manifest");
    assert_eq!(manifest.digest, image.digest());
    let open = |descriptor: &crate::oci::Descriptor| {
        let layer = read.layers.iter().find(|layer| layer.descriptor.digest == descriptor.digest);
        let config = || Blob::of_bytes(read.config_bytes.clone());
        Ok(layer.map_or_else(config, |layer| layer.blob.clone()).open()?)
    };
    assert_eq!(validate(&manifest.bytes, Some(&image.digest()), &open), []);
}

#[test]
fn a_layout_is_read_back_as_it_was_written() {
    let mut blobs = Blobs::new();
    let image = sample(&mut blobs);
    let dir = folder();
    let path = dir.path().join("new/layout");
    with(&image, &blobs, &["1", "latest"], |export| to_layout(export, &path)).expect("written");
    assert_eq!(names_in(&dir.path().join("new")), ["layout"]);
    for tag in ["1", "latest", "example.com/shop:1"] {
        let source = LocalSource::layout(&path, Some(tag)).expect("a layout");
        check(&source.image(Some(&image.platform)).expect("an image"), &image);
    }
    // Both tags name one image, so that none is needed either.
    check(&LocalSource::layout(&path, None).and_then(|source| source.image(None)).expect("an image"), &image);
}

#[test]
fn an_oci_archive_is_read_back_as_it_was_written() {
    let mut blobs = Blobs::new();
    let image = sample(&mut blobs);
    let dir = folder();
    let (path, store) = (dir.path().join("image.tar"), Store::temporary(dir.path()).expect("a store"));
    let write = || with(&image, &blobs, &["1"], |export| to_file(&path, |out| to_oci_archive(export, out)));
    write().expect("written");
    let first = fs::read(&path).expect("the archive");
    write().expect("written again");
    assert_eq!(fs::read(&path).expect("the archive"), first);
    let source = LocalSource::oci_archive(&path, Some("1"), &store).expect("an archive");
    check(&source.image(None).expect("an image"), &image);
}

#[test]
fn a_docker_archive_is_read_back_with_the_same_config_and_layers_but_no_zstd() {
    let mut blobs = Blobs::new();
    let image = sample(&mut blobs);
    let dir = folder();
    let (path, store) = (dir.path().join("image.tar"), Store::temporary(dir.path()).expect("a store"));
    with(&image, &blobs, &["1"], |export| to_file(&path, |out| to_docker_archive(export, out))).expect("written");
    let read = LocalSource::docker_archive(&path, &store).and_then(|source| source.image(None)).expect("an image");
    assert_eq!(Digest::of(&read.config_bytes), image.config.digest);
    let mut ours: Vec<_> = image.layers.iter().map(|layer| (layer.descriptor.digest, layer.diff_id)).collect();
    ours[2].0 = ours[2].1.0;
    let read: Vec<_> = read.layers.iter().map(|layer| (layer.descriptor.digest, layer.diff_id)).collect();
    assert_eq!(read, ours);
    let mut archive = tar::Archive::new(fs::File::open(&path).expect("the archive"));
    let mut entries = archive.entries().expect("a tar").map(|entry| entry.expect("a member"));
    let member = entries.find(|entry| *entry.path_bytes() == b"manifest.json"[..]).expect("a manifest");
    let manifest: Value = serde_json::from_reader(member).expect("JSON");
    assert_eq!(manifest[0]["RepoTags"], json!(["example.com/shop:1"]));
}

#[test]
fn a_layer_that_occurs_twice_is_written_once() {
    let mut blobs = Blobs::new();
    let layers = [own(&mut blobs, "a", &["x"]), own(&mut blobs, "b", &["x"])];
    let image = put_together(&scratch(), &layers, &ConfigSpec::default(), &[]).expect("an image");
    let mut out = Vec::new();
    with(&image, &blobs, &[], |export| to_docker_archive(export, &mut out)).expect("written");
    assert_eq!(tar::Archive::new(&out[..]).entries().expect("a tar").count(), 3);
}

#[test]
fn a_layout_is_added_to_and_a_tag_is_moved() {
    let mut blobs = Blobs::new();
    let first = sample(&mut blobs);
    let layers = [own(&mut blobs, "other", &["x"])];
    let second = put_together(&scratch(), &layers, &ConfigSpec::default(), &[]).expect("an image");
    let dir = folder();
    with(&first, &blobs, &["1", "latest"], |export| to_layout(export, dir.path())).expect("into an empty folder");
    with(&second, &blobs, &["2", "latest"], |export| to_layout(export, dir.path())).expect("added");
    let digest = |tag: &str| {
        let source = LocalSource::layout(dir.path(), Some(tag)).expect("a layout");
        source.image(None).expect("an image").manifest.expect("a manifest").digest
    };
    assert_eq!([digest("1"), digest("2"), digest("latest")], [first.digest(), second.digest(), second.digest()]);
    let index = fs::read(dir.path().join("index.json")).expect("the index");
    with(&second, &blobs, &["2", "latest"], |export| to_layout(export, dir.path())).expect("again");
    assert_eq!(fs::read(dir.path().join("index.json")).expect("the index"), index);
}

#[test]
fn a_damaged_blob_of_an_existing_layout_is_written_anew() {
    let mut blobs = Blobs::new();
    let image = sample(&mut blobs);
    let dir = folder();
    let write = || with(&image, &blobs, &["1"], |export| to_layout(export, dir.path()));
    write().expect("written");
    let path = dir.path().join("blobs/sha256").join(image.layers[0].descriptor.digest.hex());
    let mut bytes = fs::read(&path).expect("the blob");
    bytes[0] ^= 1;
    fs::write(&path, &bytes).expect("damaged");
    write().expect("written again");
    assert_eq!(Digest::of(&fs::read(&path).expect("the blob")), image.layers[0].descriptor.digest);
}

#[test]
fn a_folder_of_other_things_is_refused_and_kept() {
    let mut blobs = Blobs::new();
    let image = sample(&mut blobs);
    let dir = folder();
    fs::write(dir.path().join("precious"), "x").expect("a file");
    let error = with(&image, &blobs, &["1"], |export| to_layout(export, dir.path())).expect_err("refused");
    assert!(matches!(error, ImageError::NotALayout(_)) && error.hint().is_some());
    assert_eq!(names_in(dir.path()), ["precious"]);
}

#[test]
fn a_corrupt_or_missing_blob_leaves_no_output() {
    let mut blobs = Blobs::new();
    let image = sample(&mut blobs);
    let last = image.layers[4].descriptor.digest;
    let good = document(&image.manifest)["layers"][4]["size"].as_u64().expect("a size");
    let mut damage = |bytes: Option<Vec<u8>>| {
        match bytes {
            Some(bytes) => blobs.insert(last, Blob::of_bytes(bytes)),
            None => blobs.remove(&last),
        };
        let dir = folder();
        let file = dir.path().join("image.tar");
        let errors = [
            with(&image, &blobs, &["1"], |export| to_layout(export, &dir.path().join("layout"))),
            with(&image, &blobs, &["1"], |export| to_file(&file, |out| to_oci_archive(export, out))),
            with(&image, &blobs, &["1"], |export| to_file(&file, |out| to_docker_archive(export, out))),
        ];
        assert!(names_in(dir.path()).is_empty(), "{:?}", names_in(dir.path()));
        errors.map(|result| result.expect_err("no such blob"))
    };
    for length in [good - 1, good, good + 1] {
        let errors = damage(Some(vec![0; usize::try_from(length).expect("small")]));
        assert!(errors.iter().all(|error| matches!(error, ImageError::Corrupt { .. })), "{errors:?}");
    }
    assert!(damage(None).iter().all(|error| matches!(error, ImageError::Store(_))));
}

#[test]
fn a_failed_addition_leaves_a_layout_as_it_was() {
    let mut blobs = Blobs::new();
    let first = sample(&mut blobs);
    let layers = [own(&mut blobs, "a", &["a"]), own(&mut blobs, "b", &["b"])];
    let second = put_together(&scratch(), &layers, &ConfigSpec::default(), &[]).expect("an image");
    let dir = folder();
    with(&first, &blobs, &["1"], |export| to_layout(export, dir.path())).expect("written");
    let before = names_in(&dir.path().join("blobs/sha256"));
    let largest = second.layers.iter().map(|layer| layer.descriptor.digest).max().expect("layers");
    blobs.insert(largest, Blob::of_bytes(b"damaged".to_vec()));
    with(&second, &blobs, &["1"], |export| to_layout(export, dir.path())).expect_err("damaged");
    assert_eq!(names_in(&dir.path().join("blobs/sha256")), before);
    let source = LocalSource::layout(dir.path(), Some("1")).expect("a layout");
    check(&source.image(None).expect("an image"), &first);
}

/// A disk that takes some bytes and is full then.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0 < bytes.len() {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.0 -= bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_is_said_with_a_remedy_and_leaves_the_old_file() {
    let mut blobs = Blobs::new();
    let image = sample(&mut blobs);
    let dir = folder();
    let path = dir.path().join("image.tar");
    fs::write(&path, "old").expect("a file");
    for room in [0, 600, 3000] {
        let error = with(&image, &blobs, &["1"], |export| to_file(&path, |_| to_oci_archive(export, &mut Full(room))))
            .expect_err("full");
        assert_eq!(error.hint().as_deref(), Some("free some space, or write to another disk"), "{error}");
    }
    assert_eq!(fs::read(&path).expect("the file"), b"old");
    assert_eq!(names_in(dir.path()), ["image.tar"]);
}

#[test]
fn a_device_is_written_and_not_replaced() {
    let mut blobs = Blobs::new();
    let image = sample(&mut blobs);
    let null = Path::new("/dev/null");
    with(&image, &blobs, &["1"], |export| to_file(null, |out| to_oci_archive(export, out))).expect("written");
    assert!(!fs::metadata(null).expect("a device").is_file());
    let full =
        with(&image, &blobs, &["1"], |export| to_file(Path::new("/dev/full"), |out| to_oci_archive(export, out)));
    assert!(full.expect_err("full").hint().is_some());
}
