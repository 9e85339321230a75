//! A plan in words: layers with their sizes and ways, tags, steps in ECS, and last the image.

use std::fmt::Write;

use dockless::pipeline::{Making, PlanReport, PlannedLayer, PlannedTag, SeveralPlanReport, Way};

use super::human::bytes;
use super::printable;

/// Returns the plan of one build.
pub(crate) fn render(plan: &PlanReport) -> String {
    let mut text = build(plan);
    text.push_str(&steps(&plan.steps));
    text + &conclusion(plan.changes) + &image(plan)
}

/// Returns the plan of several builds, each under its file.
pub(crate) fn render_all<'a>(plan: &SeveralPlanReport, files: impl Iterator<Item = &'a str>) -> String {
    let builds = plan.builds.iter().zip(files).map(|(plan, file)| format!("{file}:\n{}", build(plan)));
    let mut text: String = builds.collect();
    text.push_str(&steps(&plan.steps));
    text.push_str(&conclusion(plan.changes));
    plan.builds.iter().for_each(|plan| text.push_str(&image(plan)));
    text
}

fn build(plan: &PlanReport) -> String {
    let mut text = String::new();
    for same in base(&plan.layers) {
        let (first, size) = (&same[0], same.iter().filter_map(|layer| layer.size).sum());
        let count = if same.len() == 1 { "1 layer".to_owned() } else { format!("{} layers", same.len()) };
        line(&mut text, "base", &format!("{}{count}, {}{}", platform(first), bytes(size), way(first)));
    }
    for own in plan.layers.iter().filter(|layer| layer.origin == "own") {
        line(&mut text, "layer", &layer(own));
    }
    match plan.repository {
        Some(Making::Made) => line(&mut text, "make", "the repository, which does not exist yet"),
        Some(Making::Missing) => line(&mut text, "missing", "the repository does not exist"),
        None => {}
    }
    if !plan.tags.is_empty() {
        line(&mut text, "send", &sent(plan));
    }
    for planned in &plan.tags {
        line(&mut text, "tag", &tag(planned, plan));
    }
    text
}

/// Returns the layers of the base, those together that stand together and get to the target in one way.
fn base(layers: &[PlannedLayer]) -> impl Iterator<Item = &[PlannedLayer]> {
    let same = |one: &PlannedLayer, other: &PlannedLayer| {
        (one.origin, &one.platform, one.way, &one.mounted_from)
            == (other.origin, &other.platform, other.way, &other.mounted_from)
    };
    layers.chunk_by(same).filter(|layers| layers[0].origin == "base")
}

fn platform(layer: &PlannedLayer) -> String {
    layer.platform.as_ref().map_or_else(String::new, |platform| format!("{platform} "))
}

fn layer(layer: &PlannedLayer) -> String {
    // A layer may be called by the name of its folder, and that may be anything.
    let name = printable::line(layer.name.as_deref().unwrap_or_default());
    let name = format!("{}{name}", platform(layer));
    match (layer.digest, layer.size) {
        (Some(digest), Some(size)) => format!("{name}: {} ({}){}", bytes(size), digest.short(), way(layer)),
        _ => {
            let (entries, size) = (layer.entries.unwrap_or_default(), bytes(layer.file_bytes.unwrap_or_default()));
            format!("{name}: {entries} entries, {size} of files, not packed yet")
        }
    }
}

fn way(layer: &PlannedLayer) -> String {
    match (layer.way, &layer.mounted_from) {
        (None, _) => String::new(),
        (Some(Way::Existing), _) => ", there already".to_owned(),
        (Some(Way::Mounted), Some(from)) => format!(", to mount from `{from}`"),
        (Some(Way::Mounted | Way::Uploaded), _) => ", to send".to_owned(),
    }
}

fn sent(plan: &PlanReport) -> String {
    let PlanReport { uploaded_blobs, uploaded_bytes, mounted, existing, .. } = plan;
    let blobs = if *uploaded_blobs == 1 { "blob" } else { "blobs" };
    let (size, least) = (bytes(*uploaded_bytes), if plan.estimated { "at least " } else { "" });
    format!("{least}{size} in {uploaded_blobs} {blobs}, {mounted} to mount, {existing} there already")
}

fn tag(tag: &PlannedTag, plan: &PlanReport) -> String {
    let reference = &tag.reference;
    match (&tag.current, tag.changes, &plan.digest) {
        (Some(_), Some(false), _) => format!("{reference}: stands"),
        (Some(now), Some(true), Some(then)) => format!("{reference}: moves from {} to {}", now.short(), then.short()),
        (Some(now), ..) => format!("{reference}: stands for {}", now.short()),
        (None, ..) => format!("{reference}: new"),
    }
}

fn steps(steps: &[String]) -> String {
    steps.iter().map(|step| format!("{step}\n")).collect()
}

fn conclusion(changes: Option<bool>) -> String {
    match changes {
        Some(true) => String::new(),
        Some(false) => "nothing would change\n".to_owned(),
        None => "what else would change is known when all layers are packed: run it without --estimate\n".to_owned(),
    }
}

fn image(plan: &PlanReport) -> String {
    plan.image.as_ref().map_or_else(String::new, |image| format!("{image}\n"))
}

fn line(text: &mut String, name: &str, words: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{name:<9} {words}");
}
