use std::fs;
use std::path::PathBuf;

use serde_json::json;

use super::{Files, architecture, bytes_of, folder, gzip, store, tagged, tar_of};
use crate::ground::Hint;
use crate::oci::{Digest, LayerCodec, MediaType};
use crate::store::{LocalImage, LocalSource, StoreError};

fn file(bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
    let dir = folder();
    let path = dir.path().join("image.tar");
    fs::write(&path, bytes).expect("a file");
    (dir, path)
}

fn layout_tar() -> Vec<u8> {
    let mut files = Files::default();
    let image = files.image("amd64");
    files.finish(&[tagged(image, "a")]);
    files.tar()
}

/// The members of a docker-archive of one image with these layers.
fn docker(layers: &[(&str, &[u8], &[u8])]) -> Vec<(String, Vec<u8>)> {
    let diff_ids: Vec<_> = layers.iter().map(|layer| Digest::of(layer.2).to_string()).collect();
    let config = json!({"os": "linux", "architecture": "amd64", "rootfs": {"diff_ids": diff_ids}}).to_string();
    let config_name = format!("{}.json", Digest::of(config.as_bytes()).hex());
    let names: Vec<_> = layers.iter().map(|layer| layer.0).collect();
    let manifest = json!([{"Config": config_name, "RepoTags": ["shop:1"], "Layers": names}]);
    let mut members = vec![(config_name, config.into_bytes())];
    for (name, stored, _) in layers {
        members.push(((*name).to_owned(), stored.to_vec()));
    }
    members.push(("manifest.json".to_owned(), manifest.to_string().into_bytes()));
    members
}

fn read_docker(members: &[(String, Vec<u8>)]) -> Result<LocalImage, StoreError> {
    let members: Vec<_> = members.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
    let (_dir, path) = file(&tar_of(&members));
    let image = LocalSource::docker_archive(&path, &store())?.image(None)?;
    for layer in &image.layers {
        assert_eq!(Digest::of(&bytes_of(&layer.blob)), layer.blob.digest);
    }
    Ok(image)
}

#[test]
fn a_layout_in_a_tar_is_read_where_it_stands_plain_or_compressed() {
    let tar = layout_tar();
    let zstd = zstd::encode_all(&tar[..], 1).expect("memory takes it");
    for bytes in [tar.clone(), gzip(&tar), zstd] {
        let (_dir, path) = file(&bytes);
        let store = store();
        let source = LocalSource::oci_archive(&path, Some("a"), &store).expect("an archive");
        assert_eq!(architecture(source.image(None)), "amd64");
    }
}

#[test]
fn a_truncated_archive_is_an_error_wherever_it_ends() {
    let tar = layout_tar();
    // The last member ends somewhere in the block before the two that end the tar.
    let whole = tar.len() - 3 * 512;
    for length in (0..whole).step_by(97) {
        for bytes in [tar[..length].to_vec(), gzip(&tar[..length])] {
            let (_dir, path) = file(&bytes);
            let store = store();
            let image = LocalSource::oci_archive(&path, None, &store).and_then(|source| source.image(None));
            let error = image.expect_err("truncated");
            assert!(!error.to_string().is_empty());
        }
    }
    let packed = gzip(&tar);
    let (_dir, path) = file(&packed[..packed.len() / 2]);
    assert!(matches!(LocalSource::oci_archive(&path, None, &store()), Err(StoreError::Archive { .. })));
}

#[test]
fn what_is_no_archive_says_what_it_is() {
    let (_dir, path) = file(b"BZh91AY");
    let error = LocalSource::oci_archive(&path, None, &store()).expect_err("bzip2");
    assert!(error.to_string().contains("bzip2"), "{error}");
    let (dir, path) = file(b"");
    assert!(LocalSource::oci_archive(&path, None, &store()).expect_err("empty").to_string().contains("empty"));
    assert!(LocalSource::docker_archive(dir.path(), &store()).expect_err("a folder").to_string().contains("folder"));
    let error = LocalSource::docker_archive("/dev/null".as_ref(), &store()).expect_err("a device");
    assert!(error.to_string().contains("no regular file"), "{error}");
    let (_dir, path) = file(&[b'x'; 2000]);
    assert!(matches!(LocalSource::oci_archive(&path, None, &store()), Err(StoreError::Archive { .. })));
    let (_dir, path) = file(&tar_of(&[("manifest.json", b"[]")]));
    let error = LocalSource::oci_archive(&path, None, &store()).expect_err("docker's form");
    assert!(error.hint().expect("a hint").starts_with("write `docker-archive:"));
    let (_dir, path) = file(&layout_tar());
    let error = LocalSource::docker_archive(&path, &store()).expect_err("OCI's form");
    assert!(error.hint().expect("a hint").starts_with("write `oci-archive:"));
}

#[test]
fn names_that_lead_out_of_an_archive_are_refused() {
    let (_dir, path) = file(&tar_of(&[("../etc/passwd", b"x")]));
    assert!(matches!(LocalSource::oci_archive(&path, None, &store()), Err(StoreError::Escape { .. })));
    let mut members = docker(&[]);
    members.last_mut().expect("the manifest").1 = br#"[{"Config":"../../etc/passwd","Layers":[]}]"#.to_vec();
    assert!(matches!(read_docker(&members), Err(StoreError::Escape { .. })));
}

#[test]
fn layers_of_a_docker_archive_are_plain_gzip_or_zstd() {
    let tar = tar_of(&[("a", b"1")]);
    let (gz, zstd) = (gzip(&tar), zstd::encode_all(&tar[..], 1).expect("memory takes it"));
    let modern = format!("blobs/sha256/{}", Digest::of(&gz).hex());
    let layers = [("one/layer.tar", &tar[..]), ("two.tar", &gz), (&modern, &gz), ("three", &zstd)];
    let image = read_docker(&docker(&layers.map(|(name, stored)| (name, stored, &tar[..])))).expect("an image");
    let codecs = [LayerCodec::None, LayerCodec::Gzip, LayerCodec::Gzip, LayerCodec::Zstd];
    for ((layer, codec), (_, stored)) in image.layers.iter().zip(codecs).zip(layers) {
        assert_eq!(layer.descriptor.media_type, MediaType::Layer(codec).as_str());
        assert_eq!(layer.descriptor.digest, Digest::of(stored));
        assert_eq!(layer.diff_id.0, Digest::of(&tar));
    }
    assert!(image.manifest.is_none());
}

#[test]
fn several_images_in_a_docker_archive_are_listed() {
    let mut members = docker(&[]);
    let manifest = json!([{"Config": "a", "RepoTags": ["shop:1"]}, {"Config": "b", "RepoTags": ["shop:2"]}]);
    members.last_mut().expect("the manifest").1 = manifest.to_string().into_bytes();
    let error = read_docker(&members).expect_err("two images");
    assert_eq!(error.hint().as_deref(), Some("save one image alone: `docker save shop:1 -o FILE`"));
}

#[test]
fn a_config_that_is_not_what_its_name_says_is_refused() {
    let mut members = docker(&[]);
    members[0].1.push(b' ');
    assert!(matches!(read_docker(&members), Err(StoreError::Mismatch { .. })));
}

#[test]
fn layers_shared_by_links_within_the_archive_are_found_and_loops_end() {
    let tar = tar_of(&[("a", b"1")]);
    let members = docker(&[("x/layer.tar", &tar, &tar), ("y/layer.tar", &tar, &tar)]);
    let build = |target: &str| {
        let mut builder = tar::Builder::new(Vec::new());
        for (name, bytes) in &members {
            let mut header = tar::Header::new_ustar();
            header.set_path(name).expect("a short name");
            if name == "y/layer.tar" {
                header.set_entry_type(tar::EntryType::Symlink);
                header.set_link_name(target).expect("a short name");
            }
            let content = if name == "y/layer.tar" { &[][..] } else { bytes };
            header.set_size(content.len() as u64);
            header.set_cksum();
            builder.append(&header, content).expect("memory takes it");
        }
        builder.into_inner().expect("memory takes it")
    };
    let read = |target: &str| {
        let (dir, path) = file(&build(target));
        let image = LocalSource::docker_archive(&path, &store()).and_then(|source| source.image(None));
        (dir, image)
    };
    let (_dir, image) = read("../x/layer.tar");
    assert_eq!(bytes_of(&image.expect("an image").layers[1].blob), tar);
    for target in ["../y/layer.tar", "../../x/layer.tar", "/etc/passwd"] {
        assert!(matches!(read(target).1, Err(StoreError::Escape { .. })), "{target}");
    }
}
