//! Tables of tests in the documentation: made of the rows that are tested, and compared with what stands there.

use std::path::Path;

use super::phase::Phase;
use super::{Row, Want};

/// Returns the matrix as a table in Markdown.
pub(super) fn render(rows: &[Row]) -> String {
    let mut text = String::from("| fault |");
    Phase::ALL.iter().for_each(|phase| text.push_str(&format!(" {} |", phase.title())));
    text.push_str("\n| --- |");
    Phase::ALL.iter().for_each(|_| text.push_str(" --- |"));
    for row in rows {
        text.push_str(&format!("\n| {} |", row.name));
        for phase in Phase::ALL {
            let wants = row.cells.iter().find(|(own, _)| *own == phase).map(|(_, want)| *want);
            text.push_str(&format!(" {} |", wants.map_or_else(|| "-".to_owned(), cell)));
        }
    }
    text.push('\n');
    text
}

fn cell(want: Want) -> String {
    match want {
        Want::Done { more, bodies, left } => {
            let mut text = format!("done +{more}");
            if bodies > 1 {
                text.push_str(&format!(", {bodies}x"));
            }
            if left > 0 {
                text.push_str(&format!(", {left} left"));
            }
            text
        }
        Want::Stop { more, left: 0, .. } => format!("**stops** +{more}"),
        Want::Stop { more, left, .. } => format!("**stops** +{more}, {left} left"),
    }
}

/// Fails unless `docs/registry.md` holds a table between its marks.
#[track_caller]
pub(crate) fn check(name: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/registry.md");
    let document = std::fs::read_to_string(path).expect("docs/registry.md");
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->"));
    let held = document.split_once(&begin).and_then(|(_, rest)| rest.split_once(&end)).map(|(held, _)| held);
    assert_eq!(held, Some(table), "put this between the marks of `{name}` in docs/registry.md:\n{table}");
}
