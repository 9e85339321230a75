//! The outcome of a deployment as Markdown, for the page that a CI system shows.

use std::fmt::{self, Write};

use super::arn::last_part;
use super::report::ServiceReport;

/// Returns the outcome as Markdown: a table of the services, and the dossier of each that went wrong.
pub fn summary(image: Option<&str>, services: &[ServiceReport]) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, image, services);
    text
}

fn write(out: &mut String, image: Option<&str>, services: &[ServiceReport]) -> fmt::Result {
    writeln!(out, "### Deployment\n")?;
    image.iter().try_for_each(|image| writeln!(out, "`{image}`\n"))?;
    writeln!(out, "| service | verdict | exit code | task definition | digest |\n| --- | --- | --- | --- | --- |")?;
    for service in services {
        let digest = service.digest.map_or_else(|| "not reported".to_owned(), |digest| format!("`{}`", digest.short()));
        let (name, verdict) = (&service.name, service.verdict);
        let revision = last_part(&service.task_definition_arn);
        writeln!(out, "| {name} | {} | {} | `{revision}` | {digest} |", verdict.as_str(), verdict.exit_code())?;
    }
    writeln!(out)?;
    for service in services {
        if let Some(reason) = &service.reason {
            writeln!(out, "**{}:** {}\n", service.name, super::dossier::plain(reason))?;
        }
        service.dossier.iter().try_for_each(|dossier| dossier.write_markdown(out))?;
    }
    Ok(())
}
