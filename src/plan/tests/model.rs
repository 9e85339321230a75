//! Placement against a model: a tree of nodes to which each layer is applied path by path, as a container would see
//! it. The layers that placement writes, unpacked one upon the other, give the tree of the model; and a base that only
//! holds the answers of the first run gives the same layers again.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::spec::OwnerPart;

type Names = Vec<String>;

#[derive(Clone, Debug, PartialEq)]
enum Item {
    Folder(String, BTreeMap<String, Item>),
    File(String),
    Link(String),
}

/// What a generated tree holds under a path; entries that do not fit are passed over.
#[derive(Clone, Debug)]
enum Kind {
    Folder,
    File,
    Link(String),
}

#[derive(Clone, Debug)]
struct Layer {
    to: String,
    replace: bool,
    source: Vec<(Names, Kind)>,
    files: Vec<(Names, Option<Kind>)>,
}

#[derive(Debug)]
struct Refused;

fn folder(owner: &str) -> Item {
    Item::Folder(owner.to_owned(), BTreeMap::new())
}

impl Item {
    fn get(&self, path: &[String]) -> Option<&Item> {
        path.iter().try_fold(self, |item, name| match item {
            Item::Folder(_, children) => children.get(name),
            Item::File(_) | Item::Link(_) => None,
        })
    }

    fn children(&mut self, path: &[String]) -> Option<&mut BTreeMap<String, Item>> {
        let item = path.iter().try_fold(self, |item, name| match item {
            Item::Folder(_, children) => children.get_mut(name),
            Item::File(_) | Item::Link(_) => None,
        });
        match item {
            Some(Item::Folder(_, children)) => Some(children),
            _ => None,
        }
    }

    /// Puts an item at a path whose folder is there; returns whether it is.
    fn put(&mut self, path: &[String], item: Item) -> bool {
        let Some((name, above)) = path.split_last() else { return false };
        self.children(above).map(|children| children.insert(name.clone(), item)).is_some()
    }

    fn is_folder(&self, path: &[String]) -> bool {
        matches!(self.get(path), Some(Item::Folder(..)))
    }

    /// Follows names from a folder as the kernel does. What comes from a link has to be there.
    fn follow(&self, at: &[String], names: &[String], inside: bool, hops: &mut usize) -> Result<Names, Refused> {
        let mut at = at.to_vec();
        for (number, name) in names.iter().enumerate() {
            if name == ".." {
                at.pop();
                continue;
            }
            let mut next = at.clone();
            next.push(name.clone());
            match self.get(&next) {
                None if inside => return Err(Refused),
                Some(Item::Link(target)) => {
                    *hops += 1;
                    if *hops > 40 {
                        return Err(Refused);
                    }
                    let start = if target.starts_with('/') { &[][..] } else { &at };
                    at = self.follow(start, &names_of(target), true, hops)?;
                }
                _ => at = next,
            }
            if number + 1 < names.len() && matches!(self.get(&at), Some(Item::File(_))) {
                return Err(Refused);
            }
        }
        Ok(at)
    }

    fn resolve(&self, names: &[String]) -> Result<Names, Refused> {
        self.follow(&[], names, false, &mut 0)
    }

    /// Resolves the folder of a path; its own name is taken as it is.
    fn own(&self, names: &[String]) -> Result<Names, Refused> {
        let (name, above) = names.split_last().ok_or(Refused)?;
        let mut path = self.resolve(above)?;
        if matches!(self.get(&path), Some(Item::File(_))) {
            return Err(Refused);
        }
        path.push(name.clone());
        Ok(path)
    }
}

fn names_of(path: &str) -> Names {
    path.split('/').filter(|name| !matches!(*name, "" | ".")).map(str::to_owned).collect()
}

/// Grows a tree entry by entry; returns the entries that fitted.
fn grow(entries: &[(Names, Kind)], owner: impl Fn(usize) -> String) -> (Item, Vec<(Names, Kind)>) {
    let (mut tree, mut fitted) = (folder(&owner(0)), Vec::new());
    for (number, (path, kind)) in entries.iter().enumerate() {
        let all = (1..path.len()).map(|len| (path[..len].to_vec(), Kind::Folder)).chain([(path.clone(), kind.clone())]);
        for (path, kind) in all {
            let above = &path[..path.len() - 1];
            if tree.get(&path).is_some() || !tree.is_folder(above) {
                continue;
            }
            let item = match &kind {
                Kind::Folder => folder(&owner(number)),
                Kind::File => Item::File("base".to_owned()),
                Kind::Link(target) => Item::Link(target.clone()),
            };
            tree.put(&path, item);
            fitted.push((path, kind));
        }
    }
    (tree, fitted)
}

/// What the model says that a layer writes.
#[derive(Default)]
struct Written {
    /// Folders; with an owner if the layer describes them.
    folders: BTreeMap<Names, Option<String>>,
    others: BTreeMap<Names, Item>,
    removed: Vec<Names>,
}

impl Written {
    fn folder(&mut self, path: &[String], owner: Option<&str>) {
        for len in 1..path.len() {
            self.folders.entry(path[..len].to_vec()).or_default();
        }
        if !path.is_empty() {
            let known = self.folders.entry(path.to_vec()).or_default();
            *known = known.take().or(owner.map(str::to_owned));
        }
    }

    fn other(&mut self, path: Names, item: Item) -> Result<(), Refused> {
        self.folder(&path[..path.len() - 1], None);
        self.others.insert(path, item).map_or(Ok(()), |_| Err(Refused))
    }
}

/// Applies a layer to the tree below it.
fn applied(below: &Item, layer: &Layer, number: usize) -> Result<Item, Refused> {
    let owner = format!("755 {number}:{number}");
    let mut written = Written::default();
    let to = below.resolve(&names_of(&layer.to))?;
    written.folder(&to, Some(&owner));
    let mut places = BTreeMap::from([(Names::new(), to)]);
    let (_, source) = grow(&source(layer), |_| owner.clone());
    for (path, kind) in source {
        let (name, above) = path.split_last().expect("no entry is the root");
        let mut place = places[above].clone();
        place.push(name.clone());
        match kind {
            Kind::Folder => {
                if matches!(below.get(&place), Some(Item::Link(_))) {
                    match below.resolve(&place).ok().filter(|to| below.is_folder(to)) {
                        Some(to) => place = to,
                        None if layer.replace => {}
                        None => return Err(Refused),
                    }
                }
                written.folder(&place, Some(&owner));
                places.insert(path, place);
            }
            Kind::File => written.other(place, Item::File(format!("layer {number}")))?,
            Kind::Link(target) => written.other(place, Item::Link(target))?,
        }
    }
    for (path, kind) in &layer.files {
        match kind {
            None => {
                let path = below.own(path)?;
                below.get(&path).ok_or(Refused)?;
                written.folder(&path[..path.len() - 1], None);
                written.removed.push(path);
            }
            Some(Kind::Folder) => match below.resolve(path)? {
                path if path.is_empty() => return Err(Refused),
                path => written.folder(&path, Some(&owner)),
            },
            Some(Kind::File) => written.other(below.own(path)?, Item::File(format!("file {number}")))?,
            Some(Kind::Link(target)) => written.other(below.own(path)?, Item::Link(target.clone()))?,
        }
    }
    laid(below, written, layer.replace)
}

fn laid(below: &Item, written: Written, replace: bool) -> Result<Item, Refused> {
    let mut tree = below.clone();
    let all = || written.folders.keys().chain(written.others.keys());
    for (number, gone) in written.removed.iter().enumerate() {
        if all().any(|path| path.starts_with(gone))
            || written.removed[..number].iter().any(|one| gone.starts_with(one))
            || written.removed[number + 1..].iter().any(|one| gone.starts_with(one))
        {
            return Err(Refused);
        }
        let (name, above) = gone.split_last().ok_or(Refused)?;
        tree.children(above).ok_or(Refused)?.remove(name);
    }
    for (path, owner) in &written.folders {
        if written.others.contains_key(path) {
            return Err(Refused);
        }
        match below.get(path) {
            Some(Item::Folder(..)) => continue,
            Some(_) if !replace => return Err(Refused),
            _ => assert!(tree.put(path, folder(owner.as_deref().unwrap_or("755 0:0")))),
        }
    }
    for (path, item) in &written.others {
        if below.is_folder(path) && !replace {
            return Err(Refused);
        }
        assert!(tree.put(path, item.clone()));
    }
    Ok(tree)
}

/// Unpacks a layer as a runtime does, and checks that it leads through no symlink.
fn unpacked(below: &Item, entries: &[Entry], number: usize) -> Item {
    let mut tree = below.clone();
    for entry in entries {
        let path = names_of(&entry.path.to_string());
        let (name, above) = path.split_last().expect("the root is never written");
        if let Some(gone) = name.strip_prefix(".wh.") {
            let was = tree.children(above).expect("a removal stands in a folder").remove(gone);
            assert!(was.is_some(), "{} hides something", entry.path);
            continue;
        }
        let item = match &entry.kind {
            EntryKind::Directory => {
                let owner = format!("{:o} {}:{}", entry.mode, entry.uid, entry.gid);
                let Some(Item::Folder(_, children)) = tree.get(&path) else {
                    assert!(tree.put(&path, folder(&owner)), "{} stands in a folder", entry.path);
                    continue;
                };
                Item::Folder(owner, children.clone())
            }
            EntryKind::File(Content::Bytes(_)) => Item::File(format!("file {number}")),
            EntryKind::File(_) => Item::File(format!("layer {number}")),
            EntryKind::Symlink(target) => Item::Link(String::from_utf8(target.clone()).unwrap()),
        };
        assert!(tree.put(&path, item), "{} stands in a folder", entry.path);
    }
    tree
}

/// The entries below `from`; there is always one.
fn source(layer: &Layer) -> Vec<(Names, Kind)> {
    layer.source.iter().cloned().chain([(vec!["z".to_owned()], Kind::File)]).collect()
}

fn spec(layer: &Layer, number: usize, sources: &mut MemorySources) -> LayerSpec {
    for (path, kind) in grow(&source(layer), |_| String::new()).1 {
        let path = format!("l{number}/{}", path.join("/"));
        match kind {
            Kind::Folder => sources.folder(&path),
            Kind::File => sources.text(&path, "x"),
            Kind::Link(target) => sources.link(&path, &target),
        };
    }
    let mut spec = super::layer(&format!("l{number}"));
    spec.replace = layer.replace;
    spec.owner = OwnerSpec { user: OwnerPart::Id(number as u64), group: None };
    let text = |(path, kind): &(Names, Option<Kind>)| {
        let path = path.join("/");
        file(&match kind {
            None => format!("!{path}"),
            Some(Kind::Folder) => path,
            Some(Kind::File) => format!("{path}=x"),
            Some(Kind::Link(target)) => format!("{path} -> {target}"),
        })
    };
    spec.files = layer.files.iter().map(text).collect();
    spec
}

fn base_entries(entries: &[(Names, Kind)], mode: impl Fn(usize) -> String) -> (Item, Vec<String>) {
    let (tree, fitted) = grow(entries, |number| format!("{} 5:6", mode(number)));
    let text = |(path, kind): &(Names, Kind)| {
        let joined = path.join("/");
        match (kind, tree.get(path)) {
            (Kind::Folder, Some(Item::Folder(owner, _))) => format!("{joined}/ {}", &owner[..3]),
            (Kind::Link(target), _) => format!("{joined} -> {target}"),
            _ => format!("{joined}=x"),
        }
    };
    (tree.clone(), fitted.iter().map(text).collect())
}

fn name() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["a", "b", "c"]).prop_map(str::to_owned)
}

fn names() -> impl Strategy<Value = Names> {
    vec(name(), 1..4)
}

fn target() -> impl Strategy<Value = String> {
    let part = prop_oneof![4 => name(), 1 => Just("..".to_owned()), 1 => Just(".".to_owned())];
    (any::<bool>(), vec(part, 0..3), name()).prop_map(|(root, parts, last)| {
        format!("{}{}", if root { "/" } else { "" }, [parts, vec![last]].concat().join("/"))
    })
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![4 => Just(Kind::Folder), 2 => Just(Kind::File), 4 => target().prop_map(Kind::Link)]
}

fn layers() -> impl Strategy<Value = Vec<Layer>> {
    let source = prop_oneof![3 => Just(Kind::Folder), 3 => Just(Kind::File), 2 => target().prop_map(Kind::Link)];
    let files = prop_oneof![1 => Just(None), 1 => kind().prop_map(Some)];
    let layer = (vec(name(), 0..3), any::<bool>(), vec((vec(name(), 1..5), source), 0..7), vec((names(), files), 0..3));
    let layer = layer.prop_map(|(to, replace, source, files)| Layer {
        to: format!("/{}", to.join("/")),
        replace,
        source,
        files,
    });
    vec(layer, 1..5)
}

fn agree(entries: &[(Names, Kind)], layers: &[Layer]) -> Result<(), TestCaseError> {
    let (mut tree, lines) = base_entries(entries, |number| format!("7{}5", number % 6));
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let facts = base(&lines);
    // Layers above one that is refused are of no interest.
    let mut upto = Vec::new();
    let mut refused = false;
    for (number, layer) in layers.iter().enumerate() {
        upto.push(layer.clone());
        if applied(&tree, layer, number + 1).map(|above| tree = above).is_err() {
            refused = true;
            break;
        }
    }
    let mut sources = MemorySources::new();
    let specs: Vec<_> = upto
        .iter()
        .enumerate()
        .map(|(number, layer)| (spec(layer, number + 1, &mut sources), layer.to.as_str()))
        .collect();
    let found = place(&facts, sources.clone(), &specs);
    prop_assert_eq!(found.is_err(), refused, "{}", found.err().map(|error| error.to_string()).unwrap_or_default());
    let Ok(found) = found else { return Ok(()) };
    let mut below = base_entries(entries, |number| format!("7{}5", number % 6)).0;
    for (number, layer) in found.iter().enumerate() {
        assert_in_order(layer);
        below = unpacked(&below, layer, number + 1);
    }
    prop_assert_eq!(&below, &tree);
    let again = place(&Arc::new(BaseTree::locked(facts.answers())), sources, &specs);
    let again = again.map_err(|error| TestCaseError::fail(format!("with a lock: {error}")))?;
    let shown = |layers: &[Vec<Entry>]| layers.iter().map(|layer| show(layer)).collect::<Vec<_>>();
    prop_assert_eq!(shown(&again), shown(&found));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn layers_unpacked_one_upon_the_other_give_the_tree_of_the_model(
        entries in vec((names(), kind()), 0..12),
        layers in layers(),
    ) {
        agree(&entries, &layers)?;
    }
}
