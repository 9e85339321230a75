//! Owner, mode, time and capabilities, which layers, `paths` and `files` share.

use super::{Context, EPOCH, MAX_SECONDS};
use crate::ground::did_you_mean;
use crate::spec::Capabilities;
use crate::spec::error::{Problem, SpecError};
use crate::spec::field::{Field, Written};
use crate::spec::metadata_spec::{ModeRule, MtimeRule, OwnerSpec, PathRule};
use crate::spec::{project_path, schema, words};

/// Refuses a key that stands elsewhere in the file, and says where.
pub(super) fn not_here(field: Field<'_>, key: &str, hint: &str) -> Result<(), SpecError> {
    match field.any_map()?.get(key) {
        None => Ok(()),
        Some(field) => Err(field.key_flaw(Problem::new(format!("unknown key `{key}`")).hint(hint))),
    }
}

pub(super) fn owner(field: Field<'_>) -> Result<OwnerSpec, SpecError> {
    if !field.is_scalar() {
        return Err(field.wrong("an owner such as `www-data` or `33:33`", None));
    }
    field.parse(words::owner)
}

/// Reads `normal`, `keep` or an octal mode.
pub(super) fn mode(field: Field<'_>) -> Result<ModeRule, SpecError> {
    let text = mode_text(field, "`normal`, `keep` or an octal mode such as `\"0755\"`")?;
    match text.as_str() {
        "normal" => Ok(ModeRule::Normal),
        "keep" => Ok(ModeRule::Keep),
        word if word.starts_with(|c: char| c.is_ascii_alphabetic()) => {
            let problem = Problem::new(format!("`{word}` is no mode"));
            let near = problem.near(word, &["normal", "keep"]);
            let hint = near
                .hint
                .clone()
                .unwrap_or_else(|| "write `normal`, `keep` or an octal mode such as `\"0755\"`".into());
            Err(field.flaw(near.hint(hint)))
        }
        octal => words::octal(octal).map(ModeRule::Fixed).map_err(|problem| field.flaw(problem)),
    }
}

/// Reads an octal mode.
pub(super) fn octal(field: Field<'_>) -> Result<u32, SpecError> {
    let text = mode_text(field, "an octal mode such as `\"0755\"`")?;
    words::octal(&text).map_err(|problem| field.flaw(problem))
}

fn mode_text(field: Field<'_>, wanted: &str) -> Result<String, SpecError> {
    let text = field.scalar(wanted)?;
    if text.written == Written::Plain && text.text.starts_with(|c: char| c.is_ascii_digit()) {
        let name = field.name();
        // 0755 is 493 to a reader of YAML 1.1 and 755 to one of 1.2: quotes leave no doubt.
        let octal = if text.text.len() == 3 { format!("0{}", text.text) } else { text.text.clone() };
        let hint = match words::octal(&octal) {
            Ok(_) => format!("write `{name}: \"{octal}\"`"),
            Err(_) => format!("write it like `{name}: \"0755\"`"),
        };
        let message = format!("`{name}` must be in quotes: YAML readers differ on what the number {} is", text.text);
        return Err(field.flaw(Problem::new(message).hint(hint)));
    }
    Ok(text.text)
}

/// Reads `content`, `keep`, `source_date_epoch` or seconds.
pub(super) fn mtime(field: Field<'_>, context: &Context<'_>) -> Result<MtimeRule, SpecError> {
    const WORDS: [&str; 3] = ["content", "source_date_epoch", "keep"];
    let text = field.scalar("`content`, `keep`, `source_date_epoch` or seconds since 1970")?.text;
    match text.as_str() {
        "content" => Ok(MtimeRule::Content),
        "keep" => Ok(MtimeRule::Keep),
        "source_date_epoch" => context.source_date_epoch.map(MtimeRule::Seconds).ok_or_else(|| {
            let problem = Problem::new(format!("`{EPOCH}` is not set in the environment"));
            field.flaw(problem.hint(format!("set it, such as `{EPOCH}=1700000000`, or write `mtime: content`")))
        }),
        number if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
            number.parse().ok().filter(|seconds| *seconds <= MAX_SECONDS).map(MtimeRule::Seconds).ok_or_else(|| {
                let problem = Problem::new(format!("`{number}` seconds are beyond the year 9999"));
                field.flaw(problem.hint("write seconds, not milliseconds"))
            })
        }
        word => {
            let problem = Problem::new(format!("`{word}` is no time")).near(word, &WORDS);
            let hint = problem.hint.clone();
            let words = "write `content`, `keep`, `source_date_epoch` or seconds since 1970";
            Err(field.flaw(problem.hint(hint.unwrap_or_else(|| words.to_owned()))))
        }
    }
}

/// Reads a list of capabilities; an empty one stands for none.
pub(super) fn capabilities(field: Field<'_>) -> Result<Capabilities, SpecError> {
    let mut set = Capabilities::default();
    for entry in field.list()? {
        entry.parse(|name| if set.insert(name) { Ok(()) } else { Err(no_capability(name)) })?;
    }
    Ok(set)
}

fn no_capability(name: &str) -> Problem {
    // What all have in common would make any two of them near.
    const PREFIX: &str = "cap_";
    let lower = name.to_ascii_lowercase();
    let bare = lower.strip_prefix(PREFIX).unwrap_or(&lower);
    let near = did_you_mean(bare, Capabilities::names().iter().filter_map(|known| known.strip_prefix(PREFIX)));
    Problem::new(format!("`{name}` is no capability")).hint(match near {
        Some(near) => format!("did you mean `{PREFIX}{near}`?"),
        None => "name each one, such as `cap_net_bind_service`".to_owned(),
    })
}

/// Reads an entry of `paths`.
pub(super) fn path_rule(field: Field<'_>, context: &Context<'_>) -> Result<PathRule, SpecError> {
    let map = field.map(&schema::PATH_RULE)?;
    let Some(patterns) = map.read("match", project_path::one_or_more_patterns)? else {
        let problem = Problem::new("`match` is missing").hint("say which paths are meant: `match: [storage]`");
        return Err(field.flaw(problem));
    };
    let rule = PathRule {
        patterns,
        owner: map.read("owner", owner)?,
        mode: map.read("mode", mode)?,
        dir_mode: map.read("dir_mode", octal)?,
        file_mode: map.read("file_mode", octal)?,
        mtime: map.read("mtime", |field| mtime(field, context))?,
        capabilities: map.read("capabilities", capabilities)?,
    };
    if map.first_of(&schema::PATH_RULE.names()[1..]).is_none() {
        let hint = "add `owner`, `mode`, `dir_mode`, `file_mode`, `mtime` or `capabilities`";
        return Err(field.flaw(Problem::new("the rule says nothing about the paths it matches").hint(hint)));
    }
    Ok(rule)
}
