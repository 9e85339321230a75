use std::collections::BTreeMap;
use std::convert::Infallible;
use std::io::Read;

use serde_json::{Value, json};

use super::{Blobs, compress, document, own, put_together, sample, scratch, tar_of};
use crate::image::{Image, LayerBlob, Mismatch, OwnLayer, validate};
use crate::layer::{PackOptions, pack};
use crate::oci::{Descriptor, DiffId, Digest, ImagePath, LayerCodec, MediaType, json as oci_json};
use crate::plan::{Content, Entry, EntryKind, Mtime};
use crate::spec::{Compression, ConfigSpec};
use crate::store::Blob;

fn check_bytes(manifest: &[u8], blobs: &Blobs) -> Vec<Mismatch> {
    let open = |descriptor: &Descriptor| -> Result<Box<dyn Read + Send>, _> {
        Ok(blobs.get(&descriptor.digest).ok_or("not there")?.open()?)
    };
    validate(manifest, Some(&Digest::of(manifest)), &open)
}

fn check(image: &Image, blobs: &mut Blobs) -> Vec<Mismatch> {
    blobs.entry(image.config.digest).or_insert_with(|| image.config.clone());
    check_bytes(&oci_json::to_bytes(&document(&image.manifest)), blobs)
}

#[test]
fn an_image_that_is_what_it_says_has_no_mismatch() {
    let mut blobs = Blobs::new();
    let image = sample(&mut blobs);
    assert_eq!(check(&image, &mut blobs), []);
}

#[test]
fn all_mismatches_are_reported_at_once() {
    let mut blobs = Blobs::new();
    let image = sample(&mut blobs);
    let [first, second, third] = [0, 1, 2].map(|index| image.layers[index].descriptor.digest);
    blobs.insert(first, Blob::of_bytes(tar_of(&["other"])));
    blobs.insert(second, Blob::of_bytes(b"\x1f\x8bgarbage".to_vec()));
    blobs.remove(&third);
    let found = check(&image, &mut blobs);
    let is = |wanted: fn(&Mismatch) -> bool| found.iter().any(wanted);
    assert!(is(|m| matches!(m, Mismatch::DiffId { .. })), "{found:?}");
    assert!(is(|m| matches!(m, Mismatch::Bytes { .. })));
    assert!(is(|m| matches!(m, Mismatch::Unreadable { .. })));
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(found.iter().all(|mismatch| mismatch.to_string().contains("sha256:")));
}

#[test]
fn every_member_of_a_manifest_is_checked() {
    let mut blobs = Blobs::new();
    let image = sample(&mut blobs);
    blobs.insert(image.config.digest, image.config.clone());
    let changed = |change: fn(&mut Value)| {
        let mut manifest = document(&image.manifest);
        change(&mut manifest);
        check_bytes(&oci_json::to_bytes(&manifest), &blobs)
    };
    type Table = [(fn(&mut Value), fn(&Mismatch) -> bool); 8];
    let table: Table = [
        (|m| m["schemaVersion"] = json!(1), |m| matches!(m, Mismatch::Member { member: "schemaVersion", .. })),
        (|m| m["mediaType"] = Value::Null, |m| matches!(m, Mismatch::Member { member: "mediaType", .. })),
        (
            |m| m["layers"][0]["mediaType"] = json!("application/vnd.docker.image.rootfs.diff.tar"),
            |m| matches!(m, Mismatch::MixedTypes(_)),
        ),
        (|m| m["layers"][0]["mediaType"] = json!("text/plain"), |m| matches!(m, Mismatch::MediaType { .. })),
        (
            |m| m["layers"][0]["mediaType"] = json!("application/vnd.oci.image.layer.v1.tar+zstd"),
            |m| matches!(m, Mismatch::Codec { found: LayerCodec::None, .. }),
        ),
        (|m| m["layers"][0]["size"] = json!(1), |m| matches!(m, Mismatch::Bytes { size: 1, .. })),
        (|m| m["config"]["size"] = json!(1), |m| matches!(m, Mismatch::Bytes { size: 1, .. })),
        (
            |m| drop(m["layers"].as_array_mut().expect("layers").pop()),
            |m| matches!(m, Mismatch::DiffIdCount { layers: 4, diff_ids: 5 }),
        ),
    ];
    for (change, wanted) in table {
        let found = changed(change);
        assert!(found.iter().any(wanted), "{found:?}");
    }
}

#[test]
fn another_digest_and_other_documents_are_said() {
    let open = |_: &Descriptor| -> Result<Box<dyn Read + Send>, _> { Err("not there".into()) };
    let found = validate(b"{}", Some(&Digest::of(b"")), &open);
    assert!(matches!(found[..], [Mismatch::ManifestDigest { .. }, Mismatch::Manifest(_)]), "{found:?}");
    assert!(matches!(validate(b"[]", None, &open)[..], [Mismatch::Manifest(_)]));
}

#[test]
fn a_history_out_of_step_is_found() {
    let mut blobs = Blobs::new();
    let image = sample(&mut blobs);
    let mut config = document(&image.config);
    config["history"].as_array_mut().expect("a history").pop();
    let config = Blob::of_bytes(oci_json::to_bytes(&config));
    let mut manifest = document(&image.manifest);
    manifest["config"]["digest"] = json!(config.digest.to_string());
    manifest["config"]["size"] = json!(config.size);
    blobs.insert(config.digest, config);
    let found = check_bytes(&oci_json::to_bytes(&manifest), &blobs);
    assert_eq!(found, [Mismatch::History { layers: 5, named: 4 }]);
}

#[test]
fn own_layers_have_no_path_twice_and_none_that_is_the_root() {
    for (names, count) in [(&["a", "b"][..], 0), (&["a", "b", "./a"], 1), (&["./", "../x", "a"], 2)] {
        let mut blobs = Blobs::new();
        let layers = [own(&mut blobs, "x", names)];
        let image = put_together(&scratch(), &layers, &ConfigSpec::default(), &[]).expect("an image");
        let found = check(&image, &mut blobs);
        assert_eq!(found.len(), count, "{found:?}");
    }
}

/// A layer of whatever `layer` packs.
fn packed(entries: Vec<Entry>) -> (LayerBlob, Blob) {
    let options = PackOptions { compression: Compression::None, ..PackOptions::default() };
    let (packed, bytes) = pack(entries.into_iter().map(Ok::<_, Infallible>), &options, Vec::new()).expect("a layer");
    let blob = Blob::of_bytes(bytes);
    let descriptor = Descriptor::new(MediaType::Layer(LayerCodec::None), blob.digest, blob.size);
    (LayerBlob { descriptor, diff_id: packed.diff_id, method: "1;none".to_owned() }, blob)
}

fn empty_file(path: &str) -> Entry {
    let path = ImagePath::parse(path.as_bytes()).expect("inside the image");
    let kind = EntryKind::File(Content::Bytes([].into()));
    Entry { path, kind, mode: 0o755, uid: 0, gid: 0, mtime: Mtime::Content, xattrs: BTreeMap::new() }
}

#[test]
fn line_feeds_in_names_and_attributes_are_read_as_they_were_written() {
    // Too long for ustar, and equal in all that ustar holds of them.
    let [one, two] = ["one", "two"].map(|end| empty_file(&format!("{}\n{end}", "long".repeat(40))));
    let mut capable = empty_file("serve");
    capable.uid = 3_000_000;
    // The second capability is bit 10 of a word that may hold a line feed in any place.
    capable.xattrs.insert("security.capability".to_owned(), b"\x01\0\0\x02\n\n path=x\n".to_vec());
    let (layer, blob) = packed(vec![one, two, capable]);
    let layers = [OwnLayer { start: None, name: "x".to_owned(), blob: Some(layer) }];
    let image = put_together(&scratch(), &layers, &ConfigSpec::default(), &[]).expect("an image");
    let mut blobs = Blobs::from([(blob.digest, blob)]);
    assert_eq!(check(&image, &mut blobs), []);
}

#[test]
fn bytes_after_the_end_of_a_tar_count() {
    for codec in [LayerCodec::None, LayerCodec::Gzip, LayerCodec::Zstd] {
        let tar = [tar_of(&["a"]), vec![0; 5000]].concat();
        let blob = Blob::of_bytes(compress(codec, &tar));
        let descriptor = Descriptor::new(MediaType::Layer(codec), blob.digest, blob.size);
        let layer = LayerBlob { descriptor, diff_id: DiffId(Digest::of(&tar)), method: "1;x".to_owned() };
        let layers = [OwnLayer { name: "x".to_owned(), start: None, blob: Some(layer) }];
        let image = put_together(&scratch(), &layers, &ConfigSpec::default(), &[]).expect("an image");
        let mut blobs = Blobs::from([(blob.digest, blob)]);
        assert_eq!(check(&image, &mut blobs), [], "{codec:?}");
    }
}
