//! Layers against a model that keeps a plain map of paths: what is kept in pages behaves the same.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

/// What an entry of a layer does.
#[derive(Clone, Debug)]
enum Entry {
    Folder(String),
    File(String),
    Symlink(String, String),
    HardLink(String, String),
    Whiteout(String),
    Opaque(String),
}

#[derive(Clone, Debug, PartialEq)]
enum Is {
    Folder,
    File,
    Symlink(String),
}

type Way = Vec<String>;

#[derive(Clone, Debug)]
struct Stands {
    is: Is,
    layer: usize,
}

#[derive(Default)]
struct Model {
    paths: BTreeMap<Way, Stands>,
    layer: usize,
}

fn names(path: &str) -> Way {
    path.split('/').map(str::to_owned).collect()
}

impl Model {
    /// Goes along names; `make` puts folders where there are none, and goes through symlinks of this layer only.
    /// Returns `None` where nothing is, and an error where symlinks do not end.
    fn go(&mut self, path: &[String], make: bool) -> Result<Option<Way>, ()> {
        let mut left: Vec<String> = path.iter().rev().cloned().collect();
        let mut here = Way::new();
        let mut followed = 0;
        while let Some(name) = left.pop() {
            if name == ".." {
                here.pop();
                continue;
            }
            here.push(name);
            match self.paths.get(&here).cloned() {
                Some(Stands { is: Is::Folder, .. }) => {}
                Some(Stands { is: Is::Symlink(target), layer }) if !make || layer == self.layer => {
                    here.pop();
                    if target.starts_with('/') {
                        here.clear();
                    }
                    left.extend(target.split('/').rev().filter(|name| !name.is_empty()).map(str::to_owned));
                    followed += 1;
                    if followed > 40 {
                        return if make { Err(()) } else { Ok(None) };
                    }
                }
                _ if make => drop(self.paths.insert(here.clone(), Stands { is: Is::Folder, layer: self.layer })),
                _ => return Ok(None),
            }
        }
        Ok(Some(here))
    }

    fn below(&self, folder: &Way) -> Vec<Way> {
        self.paths.keys().filter(|path| path.len() > folder.len() && path.starts_with(folder)).cloned().collect()
    }

    fn prune(&mut self, folder: &Way) {
        for path in self.below(folder).into_iter().rev() {
            let stands = &self.paths[&path];
            if stands.layer < self.layer && (stands.is != Is::Folder || self.below(&path).is_empty()) {
                self.paths.remove(&path);
            }
        }
    }

    fn put(&mut self, path: Way, is: Is) {
        if is != Is::Folder {
            self.below(&path).iter().for_each(|path| drop(self.paths.remove(path)));
        }
        self.paths.insert(path, Stands { is, layer: self.layer });
    }

    fn apply(&mut self, entry: &Entry) -> Result<(), ()> {
        let (Entry::Folder(path)
        | Entry::File(path)
        | Entry::Symlink(path, _)
        | Entry::HardLink(path, _)
        | Entry::Whiteout(path)
        | Entry::Opaque(path)) = entry;
        let mut way = names(path);
        if let Entry::Opaque(_) = entry {
            let folder = self.go(&way, true)?.expect("it was made");
            self.prune(&folder);
            return Ok(());
        }
        let name = way.pop().expect("a name");
        let mut way = self.go(&way, true)?.expect("it was made");
        way.push(name);
        match entry {
            Entry::Folder(_) => self.put(way, Is::Folder),
            Entry::File(_) => self.put(way, Is::File),
            Entry::Symlink(_, target) => self.put(way, Is::Symlink(target.clone())),
            Entry::HardLink(_, target) => {
                let mut target = names(target);
                let name = target.pop().expect("a name");
                let found = self.go(&target, false)?.and_then(|mut folder| {
                    folder.push(name);
                    self.paths.get(&folder).filter(|stands| stands.is != Is::Folder).map(|stands| stands.is.clone())
                });
                self.put(way, found.unwrap_or(Is::File));
            }
            Entry::Whiteout(_) | Entry::Opaque(_) => {
                self.prune(&way);
                let goes = self.paths.get(&way).is_some_and(|stands| stands.layer < self.layer);
                if goes && self.below(&way).is_empty() {
                    self.paths.remove(&way);
                }
            }
        }
        Ok(())
    }
}

fn tar_of(entries: &[Entry]) -> Vec<u8> {
    let line = |entry: &Entry| match entry {
        Entry::Folder(path) => format!("{path}/"),
        Entry::File(path) => format!("{path}="),
        Entry::Symlink(path, target) => format!("{path} -> {target}"),
        Entry::HardLink(path, target) => format!("{path} => {target}"),
        Entry::Whiteout(path) => match path.rsplit_once('/') {
            Some((folder, name)) => format!("{folder}/.wh.{name}="),
            None => format!(".wh.{path}="),
        },
        Entry::Opaque(path) => format!("{path}/.wh..wh..opq="),
    };
    let lines: Vec<String> = entries.iter().map(line).collect();
    layer(&lines.iter().map(String::as_str).collect::<Vec<_>>())
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let path = || vec("[ab]", 1..4).prop_map(|names| names.join("/"));
    let target = ("/?", vec(prop_oneof![Just("a"), Just("b"), Just("..")], 1..4))
        .prop_map(|(root, names)| format!("{root}{}", names.join("/")));
    prop_oneof![
        3 => path().prop_map(Entry::Folder),
        3 => path().prop_map(Entry::File),
        2 => (path(), target).prop_map(|(path, target)| Entry::Symlink(path, target)),
        1 => (path(), path()).prop_map(|(path, target)| Entry::HardLink(path, target)),
        2 => path().prop_map(Entry::Whiteout),
        2 => path().prop_map(Entry::Opaque),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn layers_make_the_tree_of_a_plain_map(layers in vec(vec(any_entry(), 0..12), 1..4)) {
        let mut model = Model::default();
        let mut builder = builder();
        for entries in &layers {
            model.layer += 1;
            let expected = entries.iter().try_for_each(|entry| model.apply(entry));
            let result = builder.add_layer(tar_of(entries).as_slice());
            prop_assert_eq!(result.is_err(), expected.is_err(), "{:?}", result);
            if expected.is_err() {
                return Ok(());
            }
        }
        let facts = builder.finish().unwrap();
        prop_assert_eq!(facts.len(), model.paths.len() as u64);
        for (way, stands) in model.paths {
            let found = facts.lookup(&path(&way.join("/"))).unwrap().map(|fact| fact.kind);
            let expected = match stands.is {
                Is::Folder => FactKind::Directory,
                Is::File => FactKind::File,
                Is::Symlink(target) => FactKind::Symlink(target.into_bytes()),
            };
            prop_assert_eq!(found, Some(expected), "{:?}", way);
        }
    }
}
