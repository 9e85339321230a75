//! What stands in for a RUN: a base prepared now and then, a layer, an entry of `files`, or a step of CI.

/// A kind of command, known by how it begins.
pub(super) struct Remedy {
    /// The words it begins with.
    begins: &'static [&'static str],
    pub(super) what: Replacement,
}

/// What stands in for a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Replacement {
    /// Packages of the system, users, extensions: part of the base.
    Base,
    /// An installation of dependencies whose result is a folder of the project.
    Folder(&'static str),
    /// A compilation or a code generator: a step of CI.
    Step,
    /// Something else that is said in these words.
    Words(&'static str),
    /// Nothing: it cleans what layers do not have.
    Nothing,
}

const BASE: Replacement = Replacement::Base;
const STEP: Replacement = Replacement::Step;
const MODULES: Replacement = Replacement::Folder("node_modules");
const PIP: Replacement = Replacement::Words(
    "install into a folder in CI (`python3 -m pip install --target build/python -r requirements.txt`), take it as a \
     layer, and name it in `config.env.PYTHONPATH`",
);
const GEMS: Replacement = Replacement::Words(
    "install in CI (`BUNDLE_PATH=vendor/bundle bundle install`), take `vendor/bundle` as a layer, and set BUNDLE_PATH in \
     `config.env`",
);
const FETCH: Replacement = Replacement::Words(
    "fetch it in CI, checked by its sum, and take it as a layer; or take it out of an image with `image:`; or put it \
     into Dockerfile.base",
);
const EDIT: Replacement =
    Replacement::Words("keep the edited file in the project and take it with `files: [{path: ..., from: ...}]`");
const MOVE: Replacement =
    Replacement::Words("let the layer's `to` say where it goes, or write it with `files: [{path: ..., from: ...}]`");
const OPEN: Replacement =
    Replacement::Words("do it in CI before `dockless ship`, or in Dockerfile.base if it needs nothing of the project");

const REMEDIES: &[Remedy] = &[
    of(&["apt-get"], BASE),
    of(&["apt"], BASE),
    of(&["apk"], BASE),
    of(&["yum"], BASE),
    of(&["dnf"], BASE),
    of(&["microdnf"], BASE),
    of(&["zypper"], BASE),
    of(&["docker-php-ext-install"], BASE),
    of(&["docker-php-ext-configure"], BASE),
    of(&["docker-php-ext-enable"], BASE),
    of(&["pecl"], BASE),
    of(&["install-php-extensions"], BASE),
    of(&["a2enmod"], BASE),
    of(&["a2enconf"], BASE),
    of(&["useradd"], BASE),
    of(&["adduser"], BASE),
    of(&["groupadd"], BASE),
    of(&["addgroup"], BASE),
    of(&["usermod"], BASE),
    of(&["update-ca-certificates"], BASE),
    of(&["locale-gen"], BASE),
    of(&["corepack"], BASE),
    of(&["gem", "install"], BASE),
    of(&["npm", "install", "-g"], BASE),
    of(&["npm", "i", "-g"], BASE),
    of(&["npm", "install", "--global"], BASE),
    of(&["npm", "ci"], MODULES),
    of(&["npm", "install"], MODULES),
    of(&["npm", "i"], MODULES),
    of(&["yarn", "install"], MODULES),
    of(&["yarn", "--frozen-lockfile"], MODULES),
    of(&["yarn", "workspaces", "focus"], MODULES),
    of(&["pnpm", "install"], MODULES),
    of(&["pnpm", "i"], MODULES),
    of(&["composer", "install"], Replacement::Folder("vendor")),
    of(&["bundle", "install"], GEMS),
    of(&["pip", "install"], PIP),
    of(&["pip3", "install"], PIP),
    of(&["python", "-m", "pip", "install"], PIP),
    of(&["python3", "-m", "pip", "install"], PIP),
    of(&["uv", "sync"], PIP),
    of(&["uv", "pip"], PIP),
    of(&["poetry", "install"], PIP),
    of(&["npm", "cache"], Replacement::Nothing),
    of(&["yarn", "cache"], Replacement::Nothing),
    of(&["npm"], STEP),
    of(&["npx"], STEP),
    of(&["yarn"], STEP),
    of(&["pnpm"], STEP),
    of(&["composer"], STEP),
    of(&["go"], STEP),
    of(&["cargo"], STEP),
    of(&["make"], STEP),
    of(&["mvn"], STEP),
    of(&["./mvnw"], STEP),
    of(&["gradle"], STEP),
    of(&["./gradlew"], STEP),
    of(&["dotnet"], STEP),
    of(&["php", "artisan"], STEP),
    of(&["bundle", "exec"], STEP),
    of(&["bin/rails"], STEP),
    of(&["./bin/rails"], STEP),
    of(&["python", "manage.py"], STEP),
    of(&["python3", "manage.py"], STEP),
    of(&["curl"], FETCH),
    of(&["wget"], FETCH),
    of(&["git", "clone"], FETCH),
    of(&["tar"], FETCH),
    of(&["unzip"], FETCH),
    of(&["sed"], EDIT),
    of(&["envsubst"], EDIT),
    of(&["cp"], MOVE),
    of(&["mv"], MOVE),
    of(
        &["chmod"],
        Replacement::Words(
            "what is changed comes from the base: for a folder write `files: [{path: ..., dir: true, mode: ...}]`, for a file \
         put it into Dockerfile.base",
        ),
    ),
    of(
        &["chown"],
        Replacement::Words(
            "what is changed comes from the base: for a folder write `files: [{path: ..., dir: true, owner: ...}]`, for a file \
         put it into Dockerfile.base",
        ),
    ),
    of(&["setcap"], Replacement::Words("write `paths: [{match: FILE, capabilities: [...]}]` on the layer")),
    of(
        &["rm"],
        Replacement::Words(
            "leave it out with the layer's `exclude`, or hide what the base has with `files: [{path: ..., remove: true}]`",
        ),
    ),
];

const fn of(begins: &'static [&'static str], what: Replacement) -> Remedy {
    Remedy { begins, what }
}

/// Returns what stands in for a command with these words.
pub(super) fn replacement(words: &[String]) -> Replacement {
    let words: Vec<&str> = words.iter().map(String::as_str).skip_while(|word| is_assignment(word)).collect();
    if words == ["yarn"] {
        return MODULES;
    }
    let begins = |remedy: &&Remedy| words.starts_with(remedy.begins);
    REMEDIES.iter().find(begins).map_or(OPEN, |remedy| remedy.what)
}

fn is_assignment(word: &str) -> bool {
    word == "sudo"
        || word
            .split_once('=')
            .is_some_and(|(name, _)| !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

impl Replacement {
    /// Returns what to do, in words.
    pub(super) fn words(self) -> String {
        match self {
            Self::Base => "move it before the first COPY, then it goes to Dockerfile.base".to_owned(),
            Self::Folder(folder) => {
                format!("run it in CI before `dockless ship`; the layer `{folder}` takes what it leaves")
            }
            Self::Step => "run it in CI before `dockless ship`: layers take what it leaves in the project".to_owned(),
            Self::Words(words) => words.to_owned(),
            Self::Nothing => "nothing to do: no layer has what it removes".to_owned(),
        }
    }
}
