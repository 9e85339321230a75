//! Ruby: gems in `vendor/bundle` below the code; Rails with its compiled assets.

use super::Outline;
use crate::init::draft::{LayerDraft, RuleDraft, words};
use crate::init::listing::Project;
use crate::init::manifest::version;
use crate::init::text::Text;
use crate::tree::TreeError;

const ROOT: &str = "/app";
/// The version where the project does not say.
const RUBY: &str = "3.4";
const GEMS: &str = "vendor/bundle";
const IGNORED: [&str; 8] = ["vendor/bundle", ".bundle", "log/*", "tmp/*", "node_modules", "spec", "test", "coverage"];

pub(super) fn ruby(project: &Project<'_>) -> Result<Outline, TreeError> {
    let mut outline = Outline::default();
    let rails = project.has("config/application.rb")?;
    let draft = &mut outline.draft;
    draft.base = Text::literal(&format!("docker.io/library/ruby:{}-slim", ruby_version(project)?));
    let install = "BUNDLE_PATH=vendor/bundle BUNDLE_WITHOUT=development:test bundle install";
    draft.layers.push(LayerDraft::of(GEMS).saying(&format!("made by `{install}`")).split().excluding(&["**/cache"]));
    outline.steps.push(install.to_owned());
    let mut code = LayerDraft::of(".").saying("the code");
    if rails {
        let assets = "RAILS_ENV=production SECRET_KEY_BASE_DUMMY=1 bin/rails assets:precompile";
        draft.layers.push(LayerDraft::of("public/assets").saying(&format!("made by `{assets}`")));
        outline.steps.push(assets.to_owned());
        let folders = project.folders_of(&["log", "tmp", "storage", "db"])?;
        if !folders.is_empty() {
            code = code.rule(RuleDraft::writable(&folders, "65534:65534"));
        }
    }
    draft.layers.push(code);
    let config = &mut draft.config;
    config.working_dir = Some(Text::literal(ROOT));
    config.user = Some(Text::literal("65534:65534"));
    config.set_env("BUNDLE_PATH", Text::literal(&format!("{ROOT}/{GEMS}")));
    config.set_env("BUNDLE_WITHOUT", Text::literal("development:test"));
    config.set_env(if rails { "RAILS_ENV" } else { "RACK_ENV" }, Text::literal("production"));
    if rails {
        config.set_env("RAILS_LOG_TO_STDOUT", Text::literal("1"));
    }
    config.cmd = Some(start(project, rails)?);
    config.ports = words(&[if rails || project.has("config/puma.rb")? { "3000" } else { "9292" }]);
    outline.ignored.extend(IGNORED);
    outline.notes.push("gems with C extensions are compiled for the machine that installs them: install on the image's platform and Ruby".to_owned());
    Ok(outline)
}

fn ruby_version(project: &Project<'_>) -> Result<String, TreeError> {
    if let Some(found) = version(&project.text(".ruby-version")?, 2) {
        return Ok(found);
    }
    let gemfile = project.text("Gemfile")?;
    let line = gemfile.lines().find(|line| line.trim_start().starts_with("ruby "));
    Ok(line.and_then(|line| version(line, 2)).unwrap_or_else(|| RUBY.to_owned()))
}

fn start(project: &Project<'_>, rails: bool) -> Result<Vec<Text>, TreeError> {
    Ok(if project.has("config/puma.rb")? {
        words(&["bundle", "exec", "puma", "-C", "config/puma.rb"])
    } else if project.has("config.ru")? && project.text("Gemfile")?.contains("puma") {
        words(&["bundle", "exec", "puma", "-b", if rails { "tcp://0.0.0.0:3000" } else { "tcp://0.0.0.0:9292" }])
    } else if rails {
        words(&["bundle", "exec", "rails", "server", "-b", "0.0.0.0"])
    } else if project.has("config.ru")? {
        words(&["bundle", "exec", "rackup", "-o", "0.0.0.0", "-p", "9292"])
    } else {
        let file = project.first_of(&["main.rb", "app.rb", "server.rb"])?.unwrap_or("main.rb");
        words(&["bundle", "exec", "ruby", file])
    })
}
