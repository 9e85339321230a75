//! The `.dockerignore` that is written where there is none.

/// What no image needs, whatever the project is.
const ALWAYS: [&str; 13] = [
    ".git",
    ".github",
    ".gitlab-ci.yml",
    ".gitignore",
    ".dockerignore",
    "Dockerfile*",
    "docker-compose*.yml",
    "compose*.yaml",
    ".idea",
    ".vscode",
    ".DS_Store",
    "**/*.log",
    "**/*.swp",
];

/// What must not get into one.
const SECRET: [&str; 5] = [".env", ".env.*", "!.env.example", "**/*.pem", "**/.aws"];

/// Returns the text of a `.dockerignore` with these further patterns.
pub(super) fn document(further: &[&str]) -> String {
    let mut text =
        String::from("# What no layer takes. A layer whose own `from` is named here is taken all the same.\n");
    let sections =
        [("", &ALWAYS[..]), ("# secrets", &SECRET[..]), ("# made or installed, or for tests alone", further)];
    for (title, patterns) in sections {
        if patterns.is_empty() {
            continue;
        }
        if !title.is_empty() {
            text.push_str(&format!("\n{title}\n"));
        }
        patterns.iter().for_each(|pattern| text.push_str(&format!("{pattern}\n")));
    }
    text
}
