//! A build file before it is written: what recognition and import fill, each part with the comment that explains it.

use super::text::Text;

/// A build file under construction. What is empty is not written.
#[derive(Clone, Debug, Default)]
pub(super) struct Draft {
    /// Lines of comment at the top.
    pub(super) about: Vec<String>,
    pub(super) name: String,
    /// Whether `name` is only an example.
    pub(super) name_is_made_up: bool,
    pub(super) tags: Vec<String>,
    pub(super) base: Text,
    pub(super) base_comment: String,
    pub(super) platforms: Vec<String>,
    pub(super) layers: Vec<LayerDraft>,
    pub(super) config: ConfigDraft,
    pub(super) deploy: Option<DeployDraft>,
}

/// One layer.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct LayerDraft {
    /// Lines of comment above it.
    pub(super) comment: Vec<String>,
    pub(super) name: String,
    /// Another image that the files come from.
    pub(super) image: Option<Text>,
    pub(super) from: Option<Text>,
    pub(super) to: Option<Text>,
    pub(super) include: Vec<Text>,
    pub(super) exclude: Vec<Text>,
    pub(super) owner: Option<Text>,
    pub(super) mode: Option<String>,
    pub(super) split: Option<&'static str>,
    pub(super) paths: Vec<RuleDraft>,
    pub(super) files: Vec<FileDraft>,
}

/// One rule of `paths`.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct RuleDraft {
    pub(super) comment: String,
    pub(super) patterns: Vec<Text>,
    pub(super) owner: Option<Text>,
    pub(super) mode: Option<String>,
    pub(super) dir_mode: Option<String>,
    pub(super) file_mode: Option<String>,
}

/// One entry of `files`.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FileDraft {
    pub(super) comment: String,
    pub(super) path: Text,
    pub(super) what: FileWhat,
    pub(super) owner: Option<Text>,
    pub(super) mode: Option<String>,
}

/// What an entry of `files` is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FileWhat {
    Content(String),
    From(Text),
    Link(Text),
    Dir,
    Remove,
}

/// What is laid over the base's config. `None` leaves the base's.
#[derive(Clone, Debug, Default)]
pub(super) struct ConfigDraft {
    pub(super) env: Vec<(String, Text)>,
    pub(super) working_dir: Option<Text>,
    pub(super) user: Option<Text>,
    pub(super) entrypoint: Option<Vec<Text>>,
    pub(super) cmd: Option<Vec<Text>>,
    pub(super) ports: Vec<Text>,
    /// The comment behind `ports`.
    pub(super) ports_comment: &'static str,
    pub(super) volumes: Vec<Text>,
    pub(super) labels: Vec<(String, Text)>,
    pub(super) stop_signal: Option<Text>,
    pub(super) healthcheck: Option<HealthcheckDraft>,
}

/// A health check in Docker's terms; times as the build file writes them.
#[derive(Clone, Debug, Default)]
pub(super) struct HealthcheckDraft {
    pub(super) test: Vec<Text>,
    pub(super) interval: Option<String>,
    pub(super) timeout: Option<String>,
    pub(super) start_period: Option<String>,
    pub(super) retries: Option<u32>,
}

/// The `deploy` section.
#[derive(Clone, Debug, Default)]
pub(super) struct DeployDraft {
    pub(super) region: Option<String>,
    pub(super) cluster: String,
    pub(super) service: String,
    pub(super) containers: Vec<String>,
    /// Lines of comment above it.
    pub(super) comment: Vec<String>,
}

impl LayerDraft {
    /// Makes a layer of a file or folder of the project.
    pub(super) fn of(from: &str) -> Self {
        Self { from: Some(Text::literal(from)), ..Self::default() }
    }

    /// Makes a layer of entries that the build file writes.
    pub(super) fn of_files(name: &str, files: Vec<FileDraft>) -> Self {
        Self { name: name.to_owned(), files, ..Self::default() }
    }

    pub(super) fn to(mut self, to: &str) -> Self {
        self.to = Some(Text::literal(to));
        self
    }

    pub(super) fn saying(mut self, comment: &str) -> Self {
        self.comment.push(comment.to_owned());
        self
    }

    /// Cuts the layer where a small change moves little: for what package managers install.
    pub(super) fn split(mut self) -> Self {
        self.split = Some("64MiB");
        self
    }

    pub(super) fn mode(mut self, mode: &str) -> Self {
        self.mode = Some(mode.to_owned());
        self
    }

    pub(super) fn excluding(mut self, patterns: &[&str]) -> Self {
        self.exclude.extend(patterns.iter().map(|pattern| Text::literal(pattern)));
        self
    }

    pub(super) fn including(mut self, patterns: &[&str]) -> Self {
        self.include.extend(patterns.iter().map(|pattern| Text::literal(pattern)));
        self
    }

    pub(super) fn rule(mut self, rule: RuleDraft) -> Self {
        self.paths.push(rule);
        self
    }
}

impl FileDraft {
    pub(super) fn new(path: &str, what: FileWhat) -> Self {
        Self { comment: String::new(), path: Text::literal(path), what, owner: None, mode: None }
    }

    pub(super) fn saying(mut self, comment: &str) -> Self {
        comment.clone_into(&mut self.comment);
        self
    }
}

impl RuleDraft {
    /// Takes the patterns of another rule that says the same; returns whether it does.
    pub(super) fn take_in(&mut self, other: &mut Self) -> bool {
        let same = Self { patterns: other.patterns.clone(), ..self.clone() } == *other;
        if same {
            self.patterns.append(&mut other.patterns);
        }
        same
    }

    /// Lets a user write into folders of the project.
    pub(super) fn writable(patterns: &[&str], owner: &str) -> Self {
        Self {
            patterns: patterns.iter().map(|pattern| Text::literal(pattern)).collect(),
            owner: Some(Text::literal(owner)),
            dir_mode: Some("0775".to_owned()),
            file_mode: Some("0664".to_owned()),
            ..Self::default()
        }
    }
}

impl ConfigDraft {
    pub(super) fn set_env(&mut self, name: &str, value: Text) {
        match self.env.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.env.push((name.to_owned(), value)),
        }
    }

    pub(super) fn set_label(&mut self, name: &str, value: Text) {
        match self.labels.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.labels.push((name.to_owned(), value)),
        }
    }
}

/// Returns the words of a command line.
pub(super) fn words(words: &[&str]) -> Vec<Text> {
    words.iter().map(|word| Text::literal(word)).collect()
}
