//! Static sites: what a tool or a person wrote, behind nginx.

use super::Outline;
use crate::init::draft::{FileDraft, FileWhat, LayerDraft, words};
use crate::init::kind::SITE_FOLDERS;
use crate::init::listing::Project;
use crate::init::manifest::Package;
use crate::init::text::Text;
use crate::tree::TreeError;

const ROOT: &str = "/usr/share/nginx/html";

pub(super) fn site(project: &Project<'_>) -> Result<Outline, TreeError> {
    let mut outline = Outline::default();
    let package = Package::read(project)?;
    let folder = match &package {
        Some(package) => built_by(package),
        None => written(project)?.to_owned(),
    };
    let draft = &mut outline.draft;
    draft.base = Text::literal("docker.io/library/nginx:stable-alpine");
    let layer = LayerDraft::of(&folder).to(ROOT);
    draft.layers.push(match package.is_some() {
        true => layer.saying("made by the build script"),
        false => layer.saying("the site"),
    });
    if package.is_some() {
        let step = install(project)?;
        outline.steps.push(step.to_owned());
        // A site of pages answers 404 for what is none.
        if package.as_ref().is_some_and(is_one_page) {
            draft.layers.push(fallback());
        }
    }
    draft.config.ports = words(&["80"]);
    outline.ignored.extend(["node_modules", "Makefile"]);
    Ok(outline)
}

/// Returns the folder that the tool of a package writes.
fn built_by(package: &Package) -> String {
    let folder = match () {
        () if package.depends_on("react-scripts") || package.depends_on("@docusaurus/core") => "build",
        () if package.depends_on("gatsby") => "public",
        () if package.depends_on("@11ty/eleventy") => "_site",
        () if package.depends_on("vitepress") => ".vitepress/dist",
        () if package.depends_on("@angular/cli") => {
            return package.name().map_or_else(|| "dist".to_owned(), |name| format!("dist/{name}/browser"));
        }
        () => "dist",
    };
    folder.to_owned()
}

/// Whether what the tool makes is one page that draws all others in the browser.
fn is_one_page(package: &Package) -> bool {
    let pages = ["astro", "gatsby", "@11ty/eleventy", "@docusaurus/core", "vitepress"];
    !pages.iter().any(|tool| package.depends_on(tool))
}

fn written(project: &Project<'_>) -> Result<&'static str, TreeError> {
    if project.has("index.html")? {
        return Ok(".");
    }
    for folder in SITE_FOLDERS {
        if project.has(&format!("{folder}/index.html"))? {
            return Ok(folder);
        }
    }
    Ok("public")
}

fn install(project: &Project<'_>) -> Result<&'static str, TreeError> {
    Ok(match project.first_of(&["pnpm-lock.yaml", "yarn.lock"])? {
        Some("pnpm-lock.yaml") => "pnpm install --frozen-lockfile && pnpm run build",
        Some(_) => "yarn install --frozen-lockfile && yarn build",
        None => "npm ci && npm run build",
    })
}

/// Paths that are pages of a program in the browser are answered with its first page.
fn fallback() -> LayerDraft {
    let conf = format!(
        "server {{\n\
         \x20 listen 80;\n\
         \x20 root {ROOT};\n\
         \x20 location / {{\n\
         \x20   try_files $uri $uri/ /index.html;\n\
         \x20 }}\n\
         }}\n"
    );
    let file = FileDraft::new("/etc/nginx/conf.d/default.conf", FileWhat::Content(conf));
    LayerDraft::of_files("nginx", vec![file]).saying("paths that are pages of the program in the browser")
}
