//! Instructions that speak of the image's config.

use super::image::Image;
use super::instruction::{Command, Flags};
use super::scope::Spot;
use super::words::Reader;
use crate::init::draft::HealthcheckDraft;
use crate::init::text::{Text, joined};

/// The most ports that a range of EXPOSE is written out for.
const PORTS_OF_A_RANGE: u16 = 64;

pub(super) fn env(image: &mut Image<'_>, text: &str) {
    let pairs = Reader { scope: &mut image.scope, escape: image.escape, spot: Spot::Env }.pairs(text);
    for (name, value) in pairs {
        image.scope.set_env(&name, value.clone());
        image.draft.config.set_env(&name, value);
    }
}

pub(super) fn label(image: &mut Image<'_>, text: &str) {
    let pairs = Reader { scope: &mut image.scope, escape: image.escape, spot: Spot::Elsewhere }.pairs(text);
    for name in image.scope.missed() {
        image.find(format!("`${name}` is a variable of the base: write its value where it is missing now"));
    }
    pairs.into_iter().for_each(|(name, value)| image.draft.config.set_label(&name, value));
}

pub(super) fn working_dir(image: &mut Image<'_>, text: &str) {
    let word = image.word(text);
    if !word.plain().starts_with('/') && image.draft.config.working_dir.is_none() && image.folder.plain() == "/" {
        image
            .notes
            .push(format!("WORKDIR {} is relative: it is taken from `/`, the base may have another one", word.plain()));
    }
    let path = image.absolute(&word);
    let path = if path.template() == path.plain() { Text::literal(&joined("/", &path.plain())) } else { path };
    image.draft.config.working_dir = Some(path.clone());
    image.folder = path;
}

pub(super) fn user(image: &mut Image<'_>, text: &str) {
    let user = image.word(text);
    image.draft.config.user = Some(user.clone());
    image.user = Some(user);
}

pub(super) fn expose(image: &mut Image<'_>, words: &[String]) {
    for word in words {
        let text = image.word(word);
        let plain = text.plain();
        let (range, protocol) = plain.split_once('/').unwrap_or((&plain, "tcp"));
        let protocol = protocol.to_ascii_lowercase();
        let bounds = range.split_once('-').unwrap_or((range, range));
        let (Ok(first), Ok(last)) = (bounds.0.parse::<u16>(), bounds.1.parse::<u16>()) else {
            image.find(format!("`{plain}` is no port: write it under `config.ports`"));
            continue;
        };
        if text.template() != plain {
            push_port(image, text);
            continue;
        }
        if first == 0 || last < first || last - first >= PORTS_OF_A_RANGE {
            image.find(format!("`{plain}` is many ports: write those that count under `config.ports`"));
            continue;
        }
        for port in first..=last {
            push_port(
                image,
                Text::literal(&if protocol == "tcp" { port.to_string() } else { format!("{port}/{protocol}") }),
            );
        }
    }
}

fn push_port(image: &mut Image<'_>, port: Text) {
    if !image.draft.config.ports.iter().any(|known| known.plain() == port.plain()) {
        image.draft.config.ports.push(port);
    }
}

pub(super) fn volume(image: &mut Image<'_>, words: &[String]) {
    for word in words {
        let path = image.word(word);
        if path.plain().starts_with('/') {
            image.draft.config.volumes.push(path);
        } else {
            image.find(format!("the volume `{}` is no absolute path: write one under `config.volumes`", path.plain()));
        }
    }
}

/// Returns the words of CMD or ENTRYPOINT; a line goes to the shell.
pub(super) fn command(image: &Image<'_>, command: &Command) -> Vec<Text> {
    match command {
        Command::Exec(words) => words.iter().map(|word| Text::literal(word)).collect(),
        Command::Shell(line) if line.is_empty() => Vec::new(),
        Command::Shell(line) => image.shell.iter().chain([line]).map(|word| Text::literal(word)).collect(),
    }
}

pub(super) fn cmd(image: &mut Image<'_>, said: &Command) {
    image.has_cmd = true;
    image.draft.config.cmd = Some(command(image, said));
}

/// ENTRYPOINT forgets a CMD that was inherited, not one of its own stage.
pub(super) fn entrypoint(image: &mut Image<'_>, said: &Command) {
    image.draft.config.entrypoint = Some(command(image, said));
    if !image.has_cmd {
        image.draft.config.cmd = None;
    }
}

pub(super) fn stop_signal(image: &mut Image<'_>, text: &str) {
    let signal = image.word(text);
    let plain = signal.plain();
    let is_bare =
        plain.starts_with(|c: char| c.is_ascii_alphabetic()) && !plain.to_ascii_uppercase().starts_with("SIG");
    image.draft.config.stop_signal = Some(match (is_bare, signal.template() == plain) {
        (true, _) => Text::literal(&format!("SIG{}", plain.to_ascii_uppercase())),
        (false, true) => Text::literal(&plain.to_ascii_uppercase()),
        (false, false) => signal,
    });
}

pub(super) fn healthcheck(image: &mut Image<'_>, flags: &Flags, said: Option<&Command>) {
    let test = match said {
        None => vec![Text::literal("NONE")],
        Some(Command::Exec(words)) => {
            ["CMD"].into_iter().chain(words.iter().map(String::as_str)).map(Text::literal).collect()
        }
        Some(Command::Shell(line)) => vec![Text::literal("CMD-SHELL"), Text::literal(line)],
    };
    let mut check = HealthcheckDraft { test, ..HealthcheckDraft::default() };
    for (name, value) in flags {
        let value = value.as_deref().map(|value| image.word(value).plain()).unwrap_or_default();
        match name.as_str() {
            "retries" => check.retries = value.parse().ok(),
            "interval" => check.interval = duration(&value),
            "timeout" => check.timeout = duration(&value),
            "start-period" => check.start_period = duration(&value),
            _ => image.find(format!(
                "`--{name}` has no key: the task definition's own health check is the one that ECS looks at"
            )),
        }
    }
    image.draft.config.healthcheck = Some(check);
}

/// Returns a duration of Go as the build file writes it: `1m30s` as it is, `1.5s` in milliseconds. None for zero, which
/// stands for the default.
fn duration(text: &str) -> Option<String> {
    let mut millis = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let units = [("ms", 1.0), ("us", 0.001), ("ns", 0.000_001), ("s", 1000.0), ("m", 60_000.0), ("h", 3_600_000.0)];
        let (unit, factor) = units.into_iter().find(|(unit, _)| after.starts_with(unit))?;
        millis += number.parse::<f64>().ok()? * factor;
        rest = &after[unit.len()..];
    }
    // Durations of health checks are far below what a float counts exactly.
    let whole = format!("{millis:.0}");
    match () {
        () if whole == "0" => None,
        () if !text.contains('.') && !text.contains("us") && !text.contains("ns") => Some(text.to_owned()),
        () => Some(format!("{whole}ms")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_those_of_the_build_file() {
        for (text, expect) in [
            ("30s", Some("30s")),
            ("1m30s", Some("1m30s")),
            ("1.5s", Some("1500ms")),
            ("0s", None),
            ("x", None),
            ("5", None),
        ] {
            assert_eq!(duration(text).as_deref(), expect, "{text}");
        }
    }
}
