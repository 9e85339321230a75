//! The table as a page of the documents.

use super::{BUILD_FILE, Key, Needs, Section, Shape, USER_CONFIG};

const HEAD: &str = "# The build file

`build.yaml` beside the project. Unknown keys, wrong types and contradictions are errors with the line that is wrong.
Variables (`${NAME}`, `${NAME:-default}`, `${NAME:?message}`) are replaced in every value but `files[].content`.

This page and the JSON Schema come from one table, the one that the reader itself checks keys against:

```sh
dockless schema > build.schema.json
```

An editor with YAML support completes keys and shows these words after this first line:

```yaml
# yaml-language-server: $schema=build.schema.json
version: 1
base: scratch
```
";

const USER: &str = "
# The user configuration

`~/.config/dockless/config.yaml`, or the file that `DOCKLESS_CONFIG` names. Its schema is `dockless schema --user-config`.
";

/// Returns the reference page of the build file and the user configuration, in Markdown.
#[must_use]
pub fn build_file_page() -> String {
    let mut page = HEAD.to_owned();
    for (head, root) in [("", &BUILD_FILE), (USER, &USER_CONFIG)] {
        page.push_str(head);
        let mut sections = vec![root];
        let mut at = 0;
        while let Some(section) = sections.get(at).copied() {
            page.push_str(&table(section));
            for key in section.keys {
                within(&key.shape, &mut sections);
            }
            at += 1;
        }
    }
    page
}

/// Adds the sections of a value that are not there yet.
fn within(shape: &Shape, sections: &mut Vec<&'static Section>) {
    match shape {
        Shape::List(of) | Shape::Some(of) | Shape::By(of) | Shape::OrNull(of) => within(of, sections),
        Shape::Either(of) => of.iter().for_each(|shape| within(shape, sections)),
        Shape::Section(section) if !sections.iter().any(|other| other.name == section.name) => sections.push(section),
        _ => {}
    }
}

fn table(section: &Section) -> String {
    let Section { name, about, keys, needs } = section;
    let mut text =
        format!("\n## {name}\n\n{about}{}\n\n| key | value | what it is for |\n| --- | --- | --- |\n", needed(needs));
    for key in *keys {
        text.push_str(&row(key));
    }
    text
}

fn needed(needs: &Needs) -> String {
    let list = |names: &[&str], word: &str| {
        names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(&format!(" {word} "))
    };
    match needs {
        Needs::Nothing => String::new(),
        Needs::All(names) => format!(" Needs {}.", list(names, "and")),
        Needs::AnyOf(names) => format!(" Needs {}, or both.", list(names, "or")),
        Needs::OneOf(names) => format!(" Needs one of {}.", list(names, "or")),
        Needs::And(name, names) => format!(" Needs `{name}`, and one of {}.", list(names, "or")),
    }
}

fn row(key: &Key) -> String {
    let examples: Vec<String> =
        key.examples.iter().map(|example| format!("`{}`", example.replace('|', "\\|"))).collect();
    let examples = match examples.is_empty() {
        true => String::new(),
        false => format!(" Such as {}.", examples.join(", ")),
    };
    format!("| `{}` | {} | {}{examples} |\n", key.name, kind(&key.shape), key.about.replace('|', "\\|"))
}

fn kind(shape: &Shape) -> String {
    match shape {
        Shape::Text | Shape::Form(_) => "text".to_owned(),
        Shape::Scalar => "any scalar".to_owned(),
        Shape::Boolean => "`true` or `false`".to_owned(),
        Shape::True => "`true`".to_owned(),
        Shape::Number(low, high) if low == high => format!("{low}"),
        Shape::Number(..) => "whole number".to_owned(),
        Shape::Word(words) => words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "),
        Shape::List(of) | Shape::Some(of) => format!("list of {}", kind(of)),
        Shape::By(of) => format!("map by name of {}", kind(of)),
        Shape::OrNull(of) => format!("{} or null", kind(of)),
        Shape::Either(of) => of.iter().map(kind).collect::<Vec<_>>().join(", or "),
        Shape::Section(section) => format!("[{0}](#{0})", section.name),
    }
}
