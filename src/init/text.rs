//! Texts on their way into a build file: with variables where the file may have them, and as they stand by default.

/// A text in both forms that a build file needs.
///
/// Most keys take variables (`${VERSION:-1.4}`); the content of files does not, and whoever compares paths needs the
/// plain one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Text(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(String),
    /// A variable as the build file writes it, and its value by default.
    Variable {
        expression: String,
        default: String,
    },
}

impl Text {
    /// Makes a text without variables.
    pub(super) fn literal(text: &str) -> Self {
        let mut made = Self::default();
        text.chars().for_each(|character| made.push_char(character));
        made
    }

    /// Makes a variable with its default, which the environment overrides. A default that would end the expression too
    /// early stands alone.
    pub(super) fn variable(name: &str, default: &str) -> Self {
        match default.contains(['}', '$']) {
            true => Self::literal(default),
            false => Self::expression(&format!("${{{name}:-{default}}}"), default),
        }
    }

    /// Makes a variable of the build file's own, such as `${base.PATH}`.
    pub(super) fn expression(expression: &str, default: &str) -> Self {
        Self(vec![Piece::Variable { expression: expression.to_owned(), default: default.to_owned() }])
    }

    pub(super) fn push(&mut self, other: &Self) {
        for piece in &other.0 {
            match piece {
                Piece::Literal(text) => text.chars().for_each(|character| self.push_char(character)),
                variable => self.0.push(variable.clone()),
            }
        }
    }

    pub(super) fn push_char(&mut self, character: char) {
        match self.0.last_mut() {
            Some(Piece::Literal(text)) => text.push(character),
            _ => self.0.push(Piece::Literal(character.to_string())),
        }
    }

    /// Returns the name of the variable that is the whole text, if there is one with a default.
    pub(super) fn only_variable(&self) -> Option<String> {
        match &self.0[..] {
            [Piece::Variable { expression, .. }] => {
                let (name, _) = expression.strip_prefix("${")?.split_once(":-")?;
                (!name.contains('.')).then(|| name.to_owned())
            }
            _ => None,
        }
    }

    /// Returns the text as a key with interpolation takes it.
    pub(super) fn template(&self) -> String {
        let mut out = String::new();
        for piece in &self.0 {
            match piece {
                Piece::Literal(text) => out.push_str(&escaped(text)),
                Piece::Variable { expression, .. } => {
                    // A dollar sign before a variable would make it none.
                    if out.ends_with('$') {
                        out.push('$');
                    }
                    out.push_str(expression);
                }
            }
        }
        out
    }

    /// Returns the text with every variable at its default.
    pub(super) fn plain(&self) -> String {
        let part = |piece: &Piece| match piece {
            Piece::Literal(text) => text.clone(),
            Piece::Variable { default, .. } => default.clone(),
        };
        self.0.iter().map(part).collect()
    }
}

/// Returns a text that interpolation gives back as it is: a dollar sign before a brace or another one is doubled.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        out.push(character);
        if character == '$' && matches!(rest.peek(), Some('{' | '$')) {
            out.push('$');
        }
    }
    out
}

/// Joins an absolute path and one that may be relative to it, without `.` and `..`.
pub(super) fn joined(folder: &str, path: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    let start = if path.starts_with('/') { "" } else { folder };
    for name in start.split('/').chain(path.split('/')) {
        match name {
            "" | "." => {}
            ".." => {
                names.pop();
            }
            name => names.push(name),
        }
    }
    format!("/{}", names.join("/"))
}

/// Returns what of `path` lies below `folder`, both absolute; the empty text for the folder itself.
pub(super) fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    if folder == "/" {
        return path.strip_prefix('/');
    }
    match path.strip_prefix(folder)? {
        "" => Some(""),
        rest => rest.strip_prefix('/'),
    }
}

/// Returns a name that a repository may have, made of the name of a folder (distribution-spec, `name`).
pub(super) fn repository_name(name: &str) -> String {
    let mut out = String::new();
    for character in name.chars().flat_map(char::to_lowercase) {
        match character {
            c if c.is_ascii_alphanumeric() => out.push(c),
            _ if out.is_empty() || out.ends_with('-') => {}
            _ => out.push('-'),
        }
    }
    let out = out.trim_end_matches('-');
    if out.is_empty() { "app".to_owned() } else { out.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_as_a_shell_would() {
        for (folder, path, expect) in [
            ("/app", "x", "/app/x"),
            ("/app", "./x/", "/app/x"),
            ("/app", "../etc", "/etc"),
            ("/app", "/etc/", "/etc"),
            ("/", ".", "/"),
            ("/", "../..", "/"),
        ] {
            assert_eq!(joined(folder, path), expect);
        }
        assert_eq!(below("/app/x/y", "/app"), Some("x/y"));
        assert_eq!((below("/app", "/app"), below("/apple", "/app"), below("/x", "/")), (Some(""), None, Some("x")));
    }

    #[test]
    fn only_dollar_signs_that_would_be_read_are_doubled() {
        for (text, expect) in [("$HOME", "$HOME"), ("${A}", "$${A}"), ("a$$b", "a$$$b"), ("$", "$")] {
            assert_eq!(escaped(text), expect);
        }
    }

    #[test]
    fn variables_keep_their_default_and_literals_stay_literal() {
        let mut text = Text::literal("a$");
        text.push(&Text::variable("V", "1"));
        text.push(&Text::literal("${x}"));
        assert_eq!((text.template().as_str(), text.plain().as_str()), ("a$$${V:-1}$${x}", "a$1${x}"));
        assert_eq!(Text::variable("V", "a}b").template(), "a}b");
    }

    #[test]
    fn any_folder_gives_a_repository() {
        for (name, expect) in [("My Shop", "my-shop"), ("_x_", "x"), ("", "app"), ("日本", "app"), ("a.b", "a-b")] {
            assert_eq!(repository_name(name), expect);
        }
    }
}
