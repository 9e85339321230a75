//! From a draft to the text of a build file.

use super::draft::{ConfigDraft, DeployDraft, Draft, FileDraft, FileWhat, HealthcheckDraft, LayerDraft, RuleDraft};
use super::text::Text;
use super::yaml::{Lines, list, quoted, scalar};
use crate::spec::SCHEMA_FILE;

/// Returns the text of the build file.
pub(super) fn render(draft: &Draft) -> String {
    let mut lines = Lines::default();
    head(&mut lines, draft);
    if !draft.layers.is_empty() {
        lines.line(0, "");
        lines.commented(0, "layers:", "bottom to top: what changes least comes first");
        draft.layers.iter().for_each(|layer| render_layer(&mut lines, layer));
    }
    config(&mut lines, &draft.config);
    deploy(&mut lines, draft.deploy.as_ref());
    lines.finish()
}

fn head(lines: &mut Lines, draft: &Draft) {
    // Editors look for it in the first lines; it makes them complete keys and underline what is wrong.
    lines.line(0, &format!("# yaml-language-server: $schema={SCHEMA_FILE}"));
    for line in &draft.about {
        match line.is_empty() {
            true => lines.line(0, "#"),
            false => lines.comment(0, line),
        }
    }
    if !draft.about.is_empty() {
        lines.line(0, "");
    }
    lines.line(0, "version: 1");
    let comment = if draft.name_is_made_up { "CHANGE THIS: registry/repository, no tag" } else { "" };
    lines.commented(0, &format!("name: {}", scalar(&draft.name)), comment);
    lines.commented(0, &format!("tags: {}", list(&draft.tags)), "the first is written to ECS, with its digest");
    lines.commented(0, &format!("base: {}", scalar(&draft.base.template())), &draft.base_comment);
    if !draft.platforms.is_empty() {
        let comment = match draft.platforms[..] == ["linux/amd64"] {
            true => "linux/arm64 for Graviton, both for an index",
            false => "what the tasks run on",
        };
        lines.commented(0, &format!("platforms: {}", list(&draft.platforms)), comment);
    }
}

fn render_layer(lines: &mut Lines, layer: &LayerDraft) {
    layer.comment.iter().for_each(|comment| lines.comment(2, comment));
    let mut item = Item { lines, first: true };
    item.text("name", &layer.name);
    item.value("image", layer.image.as_ref());
    item.value("from", layer.from.as_ref());
    item.value("to", layer.to.as_ref());
    item.list("include", &layer.include);
    item.list("exclude", &layer.exclude);
    item.value("owner", layer.owner.as_ref());
    item.mode("mode", layer.mode.as_deref());
    if let Some(split) = layer.split {
        item.line(&format!("split: {split}"));
    }
    if !layer.paths.is_empty() {
        item.line("paths:");
        layer.paths.iter().for_each(|rule| render_rule(lines, rule));
    }
    if !layer.files.is_empty() {
        let mut item = Item { lines, first: is_bare(layer) };
        item.line("files:");
        layer.files.iter().for_each(|file| render_file(lines, file));
    }
}

/// Returns whether nothing of a layer stands before its `files`.
fn is_bare(layer: &LayerDraft) -> bool {
    layer.name.is_empty() && layer.from.is_none() && layer.owner.is_none()
}

/// An item of the list `layers`, written key by key.
struct Item<'a> {
    lines: &'a mut Lines,
    first: bool,
}

impl Item<'_> {
    fn line(&mut self, text: &str) {
        let mark = if std::mem::take(&mut self.first) { "- " } else { "  " };
        self.lines.line(2, &format!("{mark}{text}"));
    }

    fn text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.line(&format!("{key}: {}", scalar(text)));
        }
    }

    fn value(&mut self, key: &str, value: Option<&Text>) {
        if let Some(value) = value {
            self.line(&format!("{key}: {}", scalar(&value.template())));
        }
    }

    fn mode(&mut self, key: &str, mode: Option<&str>) {
        if let Some(mode) = mode {
            self.line(&format!("{key}: {}", mode_scalar(mode)));
        }
    }

    fn list(&mut self, key: &str, items: &[Text]) {
        if !items.is_empty() {
            self.line(&format!("{key}: {}", templates(items)));
        }
    }
}

fn render_rule(lines: &mut Lines, rule: &RuleDraft) {
    lines.comment(6, &rule.comment);
    let mut parts = vec![format!("match: {}", templates(&rule.patterns))];
    parts.extend(rule.owner.iter().map(|owner| format!("owner: {}", scalar(&owner.template()))));
    let modes = [("mode", &rule.mode), ("dir_mode", &rule.dir_mode), ("file_mode", &rule.file_mode)];
    parts.extend(modes.iter().filter_map(|(key, mode)| mode.as_ref().map(|m| format!("{key}: {}", mode_scalar(m)))));
    lines.line(6, &format!("- {{{}}}", parts.join(", ")));
}

fn render_file(lines: &mut Lines, file: &FileDraft) {
    lines.comment(6, &file.comment);
    let mut parts = vec![format!("path: {}", scalar(&file.path.template()))];
    let (mut block, mut meta) = (None, Vec::new());
    match &file.what {
        FileWhat::Content(text) if text.lines().count() > 1 => block = Some(text),
        FileWhat::Content(text) => parts.push(format!("content: {}", quoted(text))),
        FileWhat::From(from) => parts.push(format!("from: {}", scalar(&from.template()))),
        FileWhat::Link(target) => parts.push(format!("link: {}", scalar(&target.template()))),
        FileWhat::Dir => parts.push("dir: true".to_owned()),
        FileWhat::Remove => parts.push("remove: true".to_owned()),
    }
    meta.extend(file.owner.iter().map(|owner| format!("owner: {}", scalar(&owner.template()))));
    meta.extend(file.mode.iter().map(|mode| format!("mode: {}", mode_scalar(mode))));
    parts.extend(meta);
    let Some(content) = block else { return lines.line(6, &format!("- {{{}}}", parts.join(", "))) };
    for (index, part) in parts.iter().enumerate() {
        lines.line(6, &format!("{} {part}", if index == 0 { "-" } else { " " }));
    }
    lines.content(8, "content", content);
}

/// Modes of digits are quoted, because readers of YAML differ on what such a number is.
fn mode_scalar(mode: &str) -> String {
    if mode == "keep" { mode.to_owned() } else { quoted(mode) }
}

fn templates(texts: &[Text]) -> String {
    list(texts.iter().map(Text::template))
}

fn config(lines: &mut Lines, config: &ConfigDraft) {
    let mut body = Lines::default();
    env(&mut body, "env", &config.env);
    value(&mut body, "working_dir", config.working_dir.as_ref());
    value(&mut body, "user", config.user.as_ref());
    command(&mut body, "entrypoint", config.entrypoint.as_deref());
    command(&mut body, "cmd", config.cmd.as_deref());
    if !config.ports.is_empty() {
        // Ports are numbers: `80` needs no quotes, `53/udp` is a plain text.
        let ports: Vec<String> = config.ports.iter().map(port).collect();
        body.commented(2, &format!("ports: [{}]", ports.join(", ")), config.ports_comment);
    }
    if !config.volumes.is_empty() {
        body.line(2, &format!("volumes: {}", templates(&config.volumes)));
    }
    env(&mut body, "labels", &config.labels);
    value(&mut body, "stop_signal", config.stop_signal.as_ref());
    healthcheck(&mut body, config.healthcheck.as_ref());
    let body = body.finish();
    if !body.is_empty() {
        lines.line(0, "");
        lines.line(0, "config:");
        body.lines().for_each(|line| lines.line(0, line));
    }
}

fn port(port: &Text) -> String {
    let text = port.template();
    match text.bytes().all(|b| b.is_ascii_digit()) {
        true => text,
        false => scalar(&text),
    }
}

fn env(lines: &mut Lines, key: &str, entries: &[(String, Text)]) {
    if entries.is_empty() {
        return;
    }
    lines.line(2, &format!("{key}:"));
    for (name, value) in entries {
        lines.line(4, &format!("{}: {}", scalar(name), scalar(&value.template())));
    }
}

fn value(lines: &mut Lines, key: &str, value: Option<&Text>) {
    if let Some(value) = value {
        lines.line(2, &format!("{key}: {}", scalar(&value.template())));
    }
}

fn command(lines: &mut Lines, key: &str, words: Option<&[Text]>) {
    if let Some(words) = words {
        lines.line(2, &format!("{key}: {}", templates(words)));
    }
}

fn healthcheck(lines: &mut Lines, check: Option<&HealthcheckDraft>) {
    let Some(check) = check else { return };
    lines.line(2, "healthcheck:");
    lines.line(4, &format!("test: {}", templates(&check.test)));
    let times = [("interval", &check.interval), ("timeout", &check.timeout), ("start_period", &check.start_period)];
    for (key, time) in times {
        if let Some(time) = time {
            lines.line(4, &format!("{key}: {time}"));
        }
    }
    if let Some(retries) = check.retries {
        lines.line(4, &format!("retries: {retries}"));
    }
}

/// Returns the section `deploy` alone.
pub(super) fn deploy_section(deploy: &DeployDraft) -> String {
    let mut lines = Lines::default();
    section(&mut lines, deploy);
    lines.finish()
}

fn deploy(lines: &mut Lines, deploy: Option<&DeployDraft>) {
    lines.line(0, "");
    let Some(deploy) = deploy else {
        lines.comment(0, "To have `dockless ship` deploy the image to Amazon ECS, say where, or run");
        lines.comment(0, "`dockless init --from-ecs CLUSTER/SERVICE`, which asks the service itself:");
        return ["deploy:", "  cluster: CLUSTER", "  services: [SERVICE]"]
            .iter()
            .for_each(|line| lines.comment(0, line));
    };
    section(lines, deploy);
}

fn section(lines: &mut Lines, deploy: &DeployDraft) {
    deploy.comment.iter().for_each(|comment| lines.comment(0, comment));
    lines.line(0, "deploy:");
    if let Some(region) = &deploy.region {
        lines.line(2, &format!("region: {}", scalar(region)));
    }
    lines.line(2, &format!("cluster: {}", scalar(&deploy.cluster)));
    lines.line(2, &format!("services: {}", list([&deploy.service])));
    if !deploy.containers.is_empty() {
        lines.line(2, &format!("containers: {}", list(&deploy.containers)));
    }
}
