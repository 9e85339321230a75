//! Variables of a Dockerfile: ARG, ENV, and what is known of the base's own.

use std::collections::{BTreeMap, BTreeSet};

use crate::init::text::Text;

/// Where a value stands, which decides what the build file can leave open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spot {
    /// In `config.env`, where the base's variables are known.
    Env,
    /// Anywhere else.
    Elsewhere,
}

/// The variables of one stage.
#[derive(Clone, Debug, Default)]
pub(super) struct Scope {
    env: BTreeMap<String, Text>,
    args: BTreeMap<String, Text>,
    /// The image that the stage is built on, which tells of variables that it surely sets.
    image: String,
    /// Names that nothing is known of.
    unknown: BTreeSet<String>,
}

/// Names that a machine's environment has anyway: what it says must not get into an image by accident.
const COMMON_NAMES: [&str; 12] =
    ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "HOSTNAME", "PWD", "LANG", "TERM", "TZ", "UID", "GID"];

/// Variables that official images set, by the beginning of the image's name.
const OF_IMAGES: [(&str, &str, &str); 11] = [
    ("php", "PHP_INI_DIR", "/usr/local/etc/php"),
    ("php", "APACHE_CONFDIR", "/etc/apache2"),
    ("php", "APACHE_ENVVARS", "/etc/apache2/envvars"),
    ("tomcat", "CATALINA_HOME", "/usr/local/tomcat"),
    ("golang", "GOPATH", "/go"),
    ("ruby", "GEM_HOME", "/usr/local/bundle"),
    ("ruby", "BUNDLE_APP_CONFIG", "/usr/local/bundle"),
    ("rust", "CARGO_HOME", "/usr/local/cargo"),
    ("eclipse-temurin", "JAVA_HOME", "/opt/java/openjdk"),
    ("httpd", "HTTPD_PREFIX", "/usr/local/apache2"),
    ("bitnami", "BITNAMI_ROOT_DIR", "/opt/bitnami"),
];

impl Scope {
    /// Makes the scope of a stage that is built on an image.
    pub(super) fn of(image: &str) -> Self {
        Self { image: image.to_owned(), ..Self::default() }
    }

    /// Takes an ARG: with its default, else with the one that it has before the first FROM, else open.
    pub(super) fn argument(&mut self, name: &str, default: Option<&Text>, global: Option<&Text>) {
        let value = platform(name).unwrap_or_else(|| match (default, global) {
            (Some(default), _) => Self::open(name, &default.plain()),
            (None, Some(global)) => global.clone(),
            (None, None) => Self::open(name, ""),
        });
        self.args.insert(name.to_owned(), value);
    }

    fn open(name: &str, default: &str) -> Text {
        match COMMON_NAMES.contains(&name) {
            true => Text::literal(default),
            false => Text::variable(name, default),
        }
    }

    pub(super) fn set_env(&mut self, name: &str, value: Text) {
        self.env.insert(name.to_owned(), value);
    }

    /// Begins a stage that is built on this one: ARGs end with their stage, ENVs do not.
    pub(super) fn end_of_stage(&mut self) {
        self.args.clear();
    }

    pub(super) fn arguments(&self) -> &BTreeMap<String, Text> {
        &self.args
    }

    /// Returns the value of a variable; ENV counts before ARG. `None` where nothing is known of it.
    pub(super) fn value(&self, name: &str, spot: Spot) -> Option<Text> {
        if let Some(own) = self.env.get(name).or_else(|| self.args.get(name)) {
            return Some(match spot == Spot::Elsewhere && own.template().contains("${base.") {
                true => Text::literal(&own.plain()),
                false => own.clone(),
            });
        }
        let known = self.of_base(name);
        match spot {
            Spot::Env => Some(Text::expression(&format!("${{base.{name}:-}}"), known.unwrap_or_default())),
            Spot::Elsewhere => known.map(Text::literal),
        }
    }

    fn of_base(&self, name: &str) -> Option<&'static str> {
        let image = self.image.strip_prefix("docker.io/library/").unwrap_or(&self.image);
        let of_image = OF_IMAGES.iter().find(|(prefix, known, _)| *known == name && image.starts_with(prefix));
        of_image.map(|(_, _, value)| *value).or(match name {
            "HOME" => Some("/root"),
            "PATH" => Some("/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"),
            _ => None,
        })
    }

    /// Notes a variable that nothing is known of.
    pub(super) fn miss(&mut self, name: &str) {
        self.unknown.insert(name.to_owned());
    }

    /// Takes the names that were missed since the last time.
    pub(super) fn missed(&mut self) -> Vec<String> {
        std::mem::take(&mut self.unknown).into_iter().collect()
    }
}

/// Returns what BuildKit itself gives an ARG: the platform, in the build file's own words.
fn platform(name: &str) -> Option<Text> {
    let mut both = Text::expression("${TARGETOS}", "linux");
    Some(match name {
        "TARGETARCH" => Text::expression("${TARGETARCH}", "amd64"),
        "TARGETOS" => both,
        "TARGETVARIANT" => Text::expression("${TARGETVARIANT:-}", ""),
        "TARGETPLATFORM" => {
            both.push_char('/');
            both.push(&Text::expression("${TARGETARCH}", "amd64"));
            both
        }
        "BUILDPLATFORM" => Text::literal("linux/amd64"),
        "BUILDOS" => Text::literal("linux"),
        "BUILDARCH" => Text::literal("amd64"),
        _ => return None,
    })
}
