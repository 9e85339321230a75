//! `image:` layers: files of another image, placed as those of a project are.

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::path::PathBuf;
use std::sync::Arc;

use dockless::base::{BaseTree, Facts, Limits};
use dockless::image_source::ImageFiles;
use dockless::layer::{PackOptions, pack};
use dockless::oci::ImagePath;
use dockless::plan::{Content, EntryKind, LeftOut, Placement, PlanError, Roots};
use dockless::spec::{
    BaseSource, Destination, IgnoreFile, LayerOrigin, LayerSource, LayerSpec, ModeRule, MtimeRule, OwnerSpec, Split,
};
use dockless::tree::{DiskSources, MemorySources, Sources};
use tar::{Builder, EntryType, Header};

/// `dir/`, `name=text`, `name -> target`, `name => hard link`, `name|` for a FIFO. Files have the time 3.
fn layer(entries: &[&str]) -> Vec<u8> {
    let mut tar = Builder::new(Vec::new());
    for entry in entries {
        let mut header = Header::new_ustar();
        let mut links = |text: &str| header.set_link_name(text).expect("a short target");
        let (name, kind, body) = if let Some((name, target)) = entry.split_once(" -> ") {
            links(target);
            (name, EntryType::Symlink, "")
        } else if let Some((name, target)) = entry.split_once(" => ") {
            links(target);
            (name, EntryType::Link, "")
        } else if let Some((name, text)) = entry.split_once('=') {
            (name, EntryType::Regular, text)
        } else if let Some(name) = entry.strip_suffix('|') {
            (name, EntryType::Fifo, "")
        } else {
            (*entry, EntryType::Directory, "")
        };
        header.set_path(name).expect("a short name");
        header.set_entry_type(kind);
        header.set_mode(0o640);
        header.set_mtime(3);
        header.set_size(body.len() as u64);
        header.set_cksum();
        tar.append(&header, body.as_bytes()).expect("memory takes it");
    }
    tar.into_inner().expect("memory takes it")
}

fn read(layers: &[&[&str]], wanted: &[&str]) -> ImageFiles {
    let layers: Vec<Vec<u8>> = layers.iter().map(|entries| layer(entries)).collect();
    let open = |number: usize| Ok(Cursor::new(layers[number].clone()));
    let wanted: Vec<PathBuf> = wanted.iter().map(PathBuf::from).collect();
    let spool = tempfile::tempfile().expect("a spool");
    ImageFiles::read("e.com/a:1", layers.len(), &open, &wanted, &std::env::temp_dir(), spool, &Limits::default())
        .expect("a readable image")
}

fn origin() -> LayerOrigin {
    let source = BaseSource::Scratch;
    LayerOrigin::Image { name: "e.com/a:1".to_owned(), source }
}

/// A layer that takes `from` of the image to `to`, by all the defaults.
fn taking(from: &str, to: &str) -> (LayerSpec, ImagePath) {
    let destination = ImagePath::parse(to.as_bytes()).expect("inside the image");
    let source = LayerSource {
        origin: origin(),
        from: from.into(),
        to: Destination::Absolute(destination.clone()),
        to_is_folder: to.ends_with('/'),
        include: Vec::new(),
        exclude: Vec::new(),
        ignore_file: IgnoreFile::Auto,
    };
    let spec = LayerSpec {
        name: from.to_owned(),
        source: Some(source),
        owner: OwnerSpec::default(),
        mode: ModeRule::Normal,
        mtime: MtimeRule::Keep,
        replace: false,
        split: Split::default(),
        paths: Vec::new(),
        files: Vec::new(),
    };
    (spec, destination)
}

/// Places layers of an image, or of what stands for it, over nothing.
fn place(files: Arc<dyn Sources>, layers: &[(LayerSpec, ImagePath)]) -> Result<Placement, PlanError> {
    let (specs, destinations): (Vec<_>, Vec<_>) = layers.iter().cloned().unzip();
    let roots = Roots { project: Arc::new(MemorySources::new()), others: HashMap::from([(origin(), files)]) };
    let base = Arc::new(BaseTree::recording(Facts::empty()));
    Placement::new(base, &roots, &specs, &destinations, &LeftOut::default())
}

/// Places layers of an image over nothing, and shows every entry with its bytes.
fn placed(files: ImageFiles, layers: &[(&str, &str)]) -> Result<Vec<String>, PlanError> {
    let layers: Vec<_> = layers.iter().map(|(from, to)| taking(from, to)).collect();
    let placement = place(Arc::new(files), &layers)?;
    let mut shown = Vec::new();
    for entry in (0..placement.len()).flat_map(|layer| placement.entries(layer)) {
        let entry = entry?;
        shown.push(match &entry.kind {
            EntryKind::Directory => format!("{} {:o}", entry.path, entry.mode),
            EntryKind::Symlink(target) => format!("{} -> {}", entry.path, String::from_utf8_lossy(target)),
            EntryKind::File(Content::Bytes(_)) => panic!("all files are of the image"),
            EntryKind::File(Content::File(source)) => {
                let mut text = String::new();
                source.open()?.read_to_string(&mut text).expect("its bytes");
                format!("{} {:o} {:?} {text}", entry.path, entry.mode, entry.mtime)
            }
        });
    }
    Ok(shown)
}

#[test]
fn layers_of_an_image_are_placed_as_those_of_a_project() {
    let image: &[&[&str]] = &[
        &["usr/lib/node/bin/", "usr/lib/node/bin/node=old", "usr/lib/node/gone=1", "lambda-adapter=A", "share/doc=D"],
        &["lib -> /usr/lib", "usr/lib/node/.wh.gone=", "usr/lib/node/bin/node=new", "usr/lib/node/npm -> bin/node"],
        &["usr/lib/node/license => share/doc"],
    ];
    let files = read(image, &["lambda-adapter", "lib/node"]);
    let shown = placed(files, &[("lambda-adapter", "/opt/extensions/"), ("lib/node", "/opt/node")]).expect("layers");
    let expected = [
        "/opt 755",
        "/opt/extensions 755",
        "/opt/extensions/lambda-adapter 644 Seconds(3) A",
        "/opt 755",
        "/opt/node 755",
        "/opt/node/bin 755",
        "/opt/node/bin/node 644 Seconds(3) new",
        "/opt/node/license 644 Seconds(3) D",
        "/opt/node/npm -> bin/node",
    ];
    assert_eq!(shown, expected);
}

#[test]
fn a_path_that_the_image_has_not_is_a_missing_source() {
    let error = placed(read(&[&["a=1"]], &["none"]), &[("none", "/x")]).unwrap_err();
    assert!(matches!(error, PlanError::MissingSource { .. }), "{error}");
    let error = placed(read(&[&["p|"]], &["p"]), &[("p", "/x")]).unwrap_err();
    assert!(error.to_string().contains("`e.com/a:1:/p` is a FIFO"), "{error}");
}

#[test]
fn a_layer_of_an_image_has_the_bytes_of_one_of_the_same_files_on_disk() {
    let large = "0123456789abcde\n".repeat(200_000);
    let files = [("app/a", "text"), ("app/empty", ""), ("app/sub/large", large.as_str())];
    let folder = tempfile::tempdir().expect("a folder");
    let mut entries = Vec::new();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(&path, text).expect("a file");
        entries.push(format!("{name}={text}"));
    }
    let entries: Vec<&str> = entries.iter().map(String::as_str).collect();
    let (mut spec, to) = taking("app", "/srv/app");
    spec.mtime = MtimeRule::Content;
    let pack = |sources: Arc<dyn Sources>| {
        let placement = place(sources, &[(spec.clone(), to.clone())]).expect("a placement");
        pack(placement.entries(0), &PackOptions::default(), Vec::new()).expect("a layer")
    };
    let disk = DiskSources::open(folder.path()).expect("a folder");
    assert_eq!(pack(Arc::new(read(&[&entries], &["app"]))), pack(Arc::new(disk)));
}
