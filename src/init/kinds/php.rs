//! PHP: Composer's `vendor` below the code, Apache in front.

use super::Outline;
use crate::init::draft::{FileDraft, FileWhat, LayerDraft, RuleDraft, words};
use crate::init::listing::Project;
use crate::init::manifest::{Package, php_range, version};
use crate::init::text::Text;
use crate::tree::TreeError;

/// Where the official image serves files from.
const ROOT: &str = "/var/www/html";
/// The version where the project does not say.
const PHP: &str = "8.4";
const IGNORED: [&str; 6] = ["vendor", "node_modules", "storage/logs/*.log", "tests", "phpunit.xml*", ".phpunit*"];

pub(super) fn laravel(project: &Project<'_>) -> Result<Outline, TreeError> {
    let mut outline = common(project)?;
    let layers = &mut outline.draft.layers;
    assets(project, layers, &mut outline.steps)?;
    layers.push(
        LayerDraft::of(".")
            .saying("the code; the web server may write where Laravel does")
            .rule(RuleDraft::writable(&["storage", "bootstrap/cache"], "www-data")),
    );
    layers.push(apache(true));
    let config = &mut outline.draft.config;
    config.set_env("APP_ENV", Text::literal("production"));
    config.set_env("LOG_CHANNEL", Text::literal("stderr"));
    outline.notes.push(
        "PHP's extensions (pdo_mysql, intl, ...) are part of the base: prepare one with `docker-php-ext-install` now and \
         then, and name it under `base`"
            .to_owned(),
    );
    outline.notes.push(
        "migrations run before the services change: `deploy: {before: [{name: migrate, command: [php, artisan, migrate, \
         --force]}]}`"
            .to_owned(),
    );
    Ok(outline)
}

pub(super) fn php(project: &Project<'_>) -> Result<Outline, TreeError> {
    let mut outline = common(project)?;
    let public = project.has("public/index.php")?;
    assets(project, &mut outline.draft.layers, &mut outline.steps)?;
    outline.draft.layers.push(LayerDraft::of(".").saying("the code"));
    if public {
        outline.draft.layers.push(apache(false));
    }
    Ok(outline)
}

fn common(project: &Project<'_>) -> Result<Outline, TreeError> {
    let mut outline = Outline::default();
    let asked = php_range(project)?.and_then(|range| version(&range, 2));
    let php = asked.filter(|version| version.starts_with("8.")).unwrap_or_else(|| PHP.to_owned());
    let draft = &mut outline.draft;
    draft.base = Text::literal(&format!("docker.io/library/php:{php}-apache"));
    draft.config.working_dir = Some(Text::literal(ROOT));
    draft.config.cmd = Some(words(&["apache2-foreground"]));
    draft.config.ports = words(&["80"]);
    if project.has("composer.json")? {
        let step = "composer install --no-dev --optimize-autoloader --no-interaction";
        draft.layers.push(LayerDraft::of("vendor").saying(&format!("made by `{step}`")).split());
        outline.steps.push(step.to_owned());
    }
    outline.ignored.extend(IGNORED);
    Ok(outline)
}

/// Adds what Vite or Mix makes, if the project has one of them.
fn assets(project: &Project<'_>, layers: &mut Vec<LayerDraft>, steps: &mut Vec<String>) -> Result<(), TreeError> {
    let Some(package) = Package::read(project)? else { return Ok(()) };
    let mix = package.depends_on("laravel-mix");
    if package.script("build").is_none() && !mix {
        return Ok(());
    }
    steps.push(if mix { "npm ci && npm run production".to_owned() } else { "npm ci && npm run build".to_owned() });
    // Mix writes among the project's own files.
    if package.depends_on("vite") {
        layers.push(LayerDraft::of("public/build").saying("made by `npm run build`"));
    }
    Ok(())
}

/// Lets Apache serve `public`, as `a2ensite` and `a2enmod rewrite` would.
fn apache(rewrite: bool) -> LayerDraft {
    let site = format!(
        "<VirtualHost *:80>\n\
         \x20 DocumentRoot {ROOT}/public\n\
         \x20 <Directory {ROOT}/public>\n\
         \x20   AllowOverride All\n\
         \x20   Require all granted\n\
         \x20 </Directory>\n\
         \x20 ErrorLog /dev/stderr\n\
         \x20 CustomLog /dev/stdout combined\n\
         </VirtualHost>\n"
    );
    let mut files = vec![FileDraft::new("/etc/apache2/sites-available/000-default.conf", FileWhat::Content(site))];
    if rewrite {
        let target = FileWhat::Link(Text::literal("../mods-available/rewrite.load"));
        files.push(FileDraft::new("/etc/apache2/mods-enabled/rewrite.load", target).saying("RUN a2enmod rewrite"));
    }
    LayerDraft::of_files("apache", files).saying("what a Dockerfile says with RUN")
}
