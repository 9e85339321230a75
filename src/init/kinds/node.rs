//! Node: `node_modules` below what is built, what is built below the rest. npm, pnpm and Yarn; Next and Nest.

use super::Outline;
use crate::init::draft::{LayerDraft, words};
use crate::init::listing::Project;
use crate::init::manifest::{Package, version};
use crate::init::text::Text;
use crate::tree::TreeError;

/// Where the program lies in the image.
const ROOT: &str = "/app";
/// The version where the project does not say.
const NODE: &str = "24";
const IGNORED: [&str; 8] =
    ["node_modules", "npm-debug.log*", "yarn-error.log", ".pnpm-store", "coverage", "test", "tests", "**/*.test.*"];

/// What installs packages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Manager {
    Npm,
    Pnpm,
    Yarn1,
    /// Yarn 2 and later.
    Berry,
    /// Yarn 2 and later without `node_modules`.
    PlugAndPlay,
}

impl Manager {
    fn of(project: &Project<'_>, package: Option<&Package>) -> Result<Self, TreeError> {
        let named = package.and_then(Package::manager);
        let later = |version: &str| !version.is_empty() && !version.starts_with('1');
        if project.has("pnpm-lock.yaml")? || matches!(named, Some(("pnpm", _))) {
            return Ok(Self::Pnpm);
        }
        if !project.has("yarn.lock")? && !matches!(named, Some(("yarn", _))) {
            return Ok(Self::Npm);
        }
        let config = project.text(".yarnrc.yml")?;
        let berry = !config.is_empty()
            || project.text("yarn.lock")?.contains("\n__metadata:")
            || matches!(named, Some(("yarn", version)) if later(version));
        // Plug'n'Play is what later ones do unless they are told otherwise.
        let folders = config.contains("nodeLinker: node-modules") || config.contains("nodeLinker: pnpm");
        let plug_and_play = project.has(".pnp.cjs")? || berry && !folders && !project.has_folder("node_modules")?;
        Ok(match (plug_and_play, berry) {
            (true, _) => Self::PlugAndPlay,
            (false, true) => Self::Berry,
            (false, false) => Self::Yarn1,
        })
    }

    /// What installs what the program needs at run time, and nothing else.
    fn install(self, has_lock: bool) -> &'static str {
        match self {
            Self::Npm if has_lock => "npm ci --omit=dev",
            Self::Npm => "npm install --omit=dev",
            Self::Pnpm => "pnpm install --prod --frozen-lockfile",
            Self::Yarn1 => "yarn install --production --frozen-lockfile",
            Self::Berry | Self::PlugAndPlay => "yarn workspaces focus --production",
        }
    }

    /// The same with a build before, for which packages of development are needed.
    fn build(self, has_lock: bool) -> &'static str {
        match self {
            Self::Npm if has_lock => "npm ci && npm run build && npm prune --omit=dev",
            Self::Npm => "npm install && npm run build && npm prune --omit=dev",
            Self::Pnpm => "pnpm install --frozen-lockfile && pnpm run build && pnpm prune --prod",
            Self::Yarn1 => {
                "yarn install --frozen-lockfile && yarn build && yarn install --production --ignore-scripts \
                 --prefer-offline"
            }
            Self::Berry | Self::PlugAndPlay => {
                "yarn install --immutable && yarn build && yarn workspaces focus --production"
            }
        }
    }

    /// Installs everything and builds, for results that hold all they need.
    fn build_alone(self) -> &'static str {
        match self {
            Self::Npm => "npm ci && npm run build",
            Self::Pnpm => "pnpm install --frozen-lockfile && pnpm run build",
            Self::Yarn1 => "yarn install --frozen-lockfile && yarn build",
            Self::Berry | Self::PlugAndPlay => "yarn install --immutable && yarn build",
        }
    }
}

pub(super) fn node(project: &Project<'_>) -> Result<Outline, TreeError> {
    let package = Package::read(project)?;
    let (start, note) = start(project, package.as_ref())?;
    let built = built_folder(&start);
    let mut outline = common(project, package.as_ref(), built.is_some())?;
    let layers = &mut outline.draft.layers;
    match built {
        Some(folder) => {
            layers.push(LayerDraft::of(folder).saying("made by the build script"));
            layers.push(LayerDraft::of("package.json"));
        }
        None => layers.push(LayerDraft::of(".").saying("the code")),
    }
    let config = &mut outline.draft.config;
    config.cmd = Some(start.iter().map(|word| Text::literal(word)).collect());
    config.ports = words(&["3000"]);
    config.ports_comment = "what the program listens on";
    outline.notes.extend(note);
    Ok(outline)
}

pub(super) fn nest(project: &Project<'_>) -> Result<Outline, TreeError> {
    let package = Package::read(project)?;
    let mut outline = common(project, package.as_ref(), true)?;
    let layers = &mut outline.draft.layers;
    layers.push(LayerDraft::of("dist").saying("made by `nest build`").excluding(&["*.tsbuildinfo"]));
    layers.push(LayerDraft::of("package.json"));
    let config = &mut outline.draft.config;
    let script = package.as_ref().and_then(|package| package.script("start:prod")).and_then(program);
    let cmd = script.unwrap_or_else(|| vec!["node".to_owned(), "dist/main.js".to_owned()]);
    config.cmd = Some(cmd.iter().map(|word| Text::literal(word)).collect());
    config.ports = words(&["3000"]);
    Ok(outline)
}

pub(super) fn next(project: &Project<'_>) -> Result<Outline, TreeError> {
    let package = Package::read(project)?;
    let names = ["next.config.js", "next.config.mjs", "next.config.ts", "next.config.cjs"];
    let config = project.first_of(&names)?.map(|name| project.text(name)).transpose()?.unwrap_or_default();
    let standalone = config.contains("standalone");
    let mut outline = common(project, package.as_ref(), true)?;
    let public = project.has_folder("public")?;
    let (layers, steps) = (&mut outline.draft.layers, &mut outline.steps);
    if standalone {
        layers.clear();
        steps.clear();
        steps.push(Manager::of(project, package.as_ref())?.build_alone().to_owned());
        layers.extend(standalone_layers());
    } else {
        layers.push(LayerDraft::of(".next").saying("made by `next build`").excluding(&["cache"]));
        layers.push(LayerDraft::of(".").including(&["package.json", "next.config.*"]));
        let note =
            "`output: \"standalone\"` in next.config makes a far smaller image: set it and run `dockless init --force`";
        outline.notes.push(note.to_owned());
    }
    if public {
        outline.draft.layers.push(LayerDraft::of("public"));
    }
    let config = &mut outline.draft.config;
    config.set_env("PORT", Text::literal("3000"));
    config.set_env("HOSTNAME", Text::literal("0.0.0.0"));
    config.cmd = Some(match standalone {
        true => words(&["node", "server.js"]),
        false => words(&["node", "node_modules/next/dist/bin/next", "start"]),
    });
    config.ports = words(&["3000"]);
    outline.ignored.extend([".next", "out"]);
    Ok(outline)
}

/// What Next traces into `.next/standalone`: packages below the server, what browsers fetch on its own.
fn standalone_layers() -> [LayerDraft; 3] {
    [
        LayerDraft::of(".next/standalone/node_modules")
            .to("/app/node_modules")
            .saying("the packages that the server needs, as `next build` traced them")
            .split(),
        LayerDraft::of(".next/standalone")
            .to("/app")
            .saying("the server; the values of .env are ECS's to give")
            .excluding(&[".env*"]),
        LayerDraft::of(".next/static").to("/app/.next/static").saying("what browsers fetch"),
    ]
}

fn common(project: &Project<'_>, package: Option<&Package>, builds: bool) -> Result<Outline, TreeError> {
    let mut outline = Outline::default();
    let manager = Manager::of(project, package)?;
    let has_lock = project.first_of(&["package-lock.json", "npm-shrinkwrap.json"])?.is_some();
    let builds = builds && package.is_some_and(|package| package.script("build").is_some());
    let step = if builds { manager.build(has_lock) } else { manager.install(has_lock) };
    let draft = &mut outline.draft;
    draft.base = Text::literal(&format!("docker.io/library/node:{}-slim", node_version(project, package)?));
    draft.config.working_dir = Some(Text::literal(ROOT));
    draft.config.user = Some(Text::literal("node"));
    draft.config.set_env("NODE_ENV", Text::literal("production"));
    if manager == Manager::PlugAndPlay {
        draft.layers.push(LayerDraft::of(".yarn").saying(&format!("made by `{step}`")).split());
        draft.layers.push(LayerDraft::of(".pnp.cjs"));
        draft.config.set_env("NODE_OPTIONS", Text::literal("--require /app/.pnp.cjs"));
        outline.steps.push(step.to_owned());
    } else if package.is_some_and(Package::has_dependencies) {
        let layer = LayerDraft::of("node_modules").saying(&format!("made by `{step}`")).split();
        draft.layers.push(layer.excluding(own_records(manager)));
        outline.steps.push(step.to_owned());
    } else if builds {
        outline.steps.push(step.to_owned());
    }
    outline.ignored.extend(IGNORED);
    Ok(outline)
}

/// What is in `node_modules` for tools alone, and differs from one installation to the next.
fn own_records(manager: Manager) -> &'static [&'static str] {
    match manager {
        Manager::Pnpm => &[".cache", ".modules.yaml", ".pnpm-workspace-state*"],
        Manager::Berry => &[".cache", ".yarn-state.yml"],
        Manager::Yarn1 => &[".cache", ".yarn-integrity"],
        Manager::Npm | Manager::PlugAndPlay => &[".cache"],
    }
}

fn node_version(project: &Project<'_>, package: Option<&Package>) -> Result<String, TreeError> {
    for file in [".nvmrc", ".node-version"] {
        if let Some(found) = version(&project.text(file)?, 1) {
            return Ok(found);
        }
    }
    let range = package.and_then(Package::node_range).and_then(|range| version(range, 1));
    let newest = |major: &String| major.parse::<u32>().is_ok_and(|major| (18..100).contains(&major));
    Ok(range.filter(newest).unwrap_or_else(|| NODE.to_owned()))
}

/// Returns how the program starts: what the start script says if that needs no shell, else the file it begins with; and
/// what its reader should know of that.
fn start(project: &Project<'_>, package: Option<&Package>) -> Result<(Vec<String>, Option<String>), TreeError> {
    let owned = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<String>>();
    let scripts = ["start:prod", "start"].iter().find_map(|name| package?.script(name).and_then(program));
    if let Some(words) = scripts {
        return Ok((words, None));
    }
    if package.is_some_and(|package| package.script("start").is_some()) {
        let note = "`npm start` keeps a shell between the container and the program, which gets no signals then: write \
                    what it starts under `config.cmd`, such as `[node, server.js]`";
        return Ok((owned(&["npm", "start"]), Some(note.to_owned())));
    }
    let main = package.and_then(Package::main).filter(|main| main.ends_with("js")).map(str::to_owned);
    if let Some(main) = main {
        let is_there = project.has(&main)? || built_folder(&["node".to_owned(), main.clone()]).is_some();
        let note = (!is_there)
            .then(|| format!("`main` of package.json is `{main}`, which is not there: correct `config.cmd`"));
        return Ok((owned(&["node", &main]), note));
    }
    let names = ["server.js", "index.js", "app.js", "main.js", "src/index.js", "src/server.js", "index.mjs"];
    let found = project.first_of(&names)?;
    let note = "no script and no file says what the container starts: correct `config.cmd`".to_owned();
    Ok((owned(&["node", found.unwrap_or("index.js")]), found.is_none().then_some(note)))
}

/// Returns the words of a script that starts `node` and needs no shell for it.
fn program(script: &str) -> Option<Vec<String>> {
    let words: Vec<String> = script.split_whitespace().map(str::to_owned).collect();
    let plain = |word: &String| word.bytes().all(|b| b.is_ascii_alphanumeric() || b"_./-=:@,".contains(&b));
    (words.first()? == "node" && words.len() > 1 && words.iter().all(plain)).then_some(words)
}

/// Returns the folder of built files that a command starts from.
fn built_folder(start: &[String]) -> Option<&'static str> {
    let file = start.iter().skip(1).find(|word| !word.starts_with('-'))?.trim_start_matches("./");
    ["dist", "build", "lib", "out"].into_iter().find(|folder| file.starts_with(&format!("{folder}/")))
}
