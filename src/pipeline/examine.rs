//! What layers were seen to hold while they were packed, and whether the images can start.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::base::FactsError;
use crate::event::Event;
use crate::guard::{Guard, Inspected, Inspection, InspectionOptions, Refused, RefusedVariable};
use crate::image::{StartError, check_start, settings};
use crate::oci::{ImagePath, Platform};
use crate::plan::{Placement, PlanError};
use crate::spec::FileWhat;

use super::base::ResolvedBase;
use super::bridge::blocking;
use super::placed::Placed;
use super::{Context, Error};

/// The environment that a build file gives an image, every variable replaced; `None` removes an inherited one.
pub(crate) type Env = Vec<(String, Option<String>)>;

/// Returns the environment of one platform's image.
pub(crate) fn environment(context: &Context, number: usize, base: &ResolvedBase) -> Result<Env, Error> {
    let inherited = base.image.config.env();
    let resolved = context.spec.images[number].config.env.iter().map(|(name, value)| {
        let value = value.as_ref().map(|value| value.resolve(&inherited)).transpose()?;
        Ok((name.clone(), value))
    });
    resolved.collect()
}

/// Says what the build file removes, and that removing hides and does not delete.
pub(crate) fn tell_removed(context: &Context, images: &[Placed]) {
    let layers: BTreeSet<(&str, String)> = images
        .iter()
        .flat_map(|image| &image.spec(context).layers)
        .map(|layer| {
            let removed = layer.files.iter().filter(|file| file.what == FileWhat::Remove);
            let paths: Vec<String> = removed.map(|file| format!("`{}`", file.path)).collect();
            (layer.name.as_str(), paths.join(", "))
        })
        .collect();
    for (layer, paths) in layers.iter().filter(|(_, paths)| !paths.is_empty()) {
        context.note(format!("layer `{layer}` hides {paths}: the bytes stay in the layers below"));
    }
}

/// Makes what looks at all layers of a build.
pub(crate) fn inspection(context: &Context, images: &[Placed]) -> Result<Arc<Inspection>, Error> {
    let guard = Arc::new(Guard::new(&context.spec.secrets_allow).map_err(|source| Error::Allow { source })?);
    let platforms: Vec<Platform> = images.iter().map(|image| image.base.image.config.platform()).collect();
    let machine_paths = context.machine_paths.clone();
    let options = InspectionOptions { guard, platforms, machine_paths, asked: Default::default() };
    Ok(Arc::new(Inspection::new(options)))
}

/// Refuses what may not leave this machine: every secret of all layers and environments in one error.
pub(crate) fn refuse_secrets(context: &Context, images: &[Placed], seen: &Inspected) -> Result<(), Error> {
    let guard = Guard::new(&context.spec.secrets_allow).map_err(|source| Error::Allow { source })?;
    let mut variables = BTreeSet::new();
    for image in images {
        for (name, value) in environment(context, image.number, &image.base)? {
            if let Some(what) = value.and_then(|value| guard.variable(&name, &value)) {
                variables.insert(RefusedVariable { name, what });
            }
        }
    }
    match Refused::of(seen, variables.into_iter().collect()) {
        Some(refused) => Err(Error::Secrets(refused)),
        None => Ok(()),
    }
}

/// Tells of secrets in published packages.
pub(crate) fn tell_secrets(context: &Context, seen: &Inspected) {
    for finding in &seen.warned.kept {
        warn(
            context,
            format!("{finding}"),
            "leave it out by `exclude` or `.dockerignore` if the image does not need it",
        );
    }
    if seen.warned.more > 0 {
        context.note(format!("and {} more in published packages", seen.warned.more));
    }
}

/// Checks that an image can start, and warns of what runs only on the machine that builds. What was `told` of another
/// platform already is not said again.
pub(crate) async fn check(
    context: &Context,
    image: &mut Placed,
    seen: Inspected,
    told: &mut BTreeSet<String>,
) -> Result<(), Error> {
    let env = environment(context, image.number, &image.base)?;
    let config = settings(&image.base.image.config, &image.spec(context).config, &env);
    let platform = image.base.image.config.platform();
    loop {
        let (placement, config) = (Arc::clone(&image.placement), config.clone());
        let (seen, platform) = (seen.clone(), platform.clone());
        let checked = blocking(move || {
            let mut warnings: Vec<_> =
                check_start(&config, &platform, &placement)?.iter().map(|it| it.words()).collect();
            warnings.extend(strangers(&placement, &platform, &seen)?);
            Ok::<_, StartError>(warnings)
        });
        match checked.await {
            Ok(warnings) => {
                for (message, hint) in warnings {
                    if told.insert(message.clone()) {
                        warn(context, message, &hint);
                    }
                }
                return Ok(());
            }
            Err(StartError::Plan(error)) if image.read_base(context, &error).await? => {}
            Err(error) => return Err(Error::Start(error)),
        }
    }
}

/// Returns what will not work in the image, with its remedy: programs for other machines, and paths of this machine.
fn strangers(
    placement: &Placement,
    platform: &Platform,
    seen: &Inspected,
) -> Result<Vec<(String, String)>, StartError> {
    let mut warnings = Vec::new();
    let others: Vec<_> = seen.other_machines.kept.iter().filter(|other| !other.machine.fits(platform)).collect();
    if let Some(first) = others.first() {
        let more = more(others.len() as u64 - 1 + seen.other_machines.more);
        let message = format!("`{}` is for {}{more}, and the image is for {platform}", first.path, first.machine);
        warnings.push((message, format!("build it for {platform}, or leave it out by `exclude`")));
    }
    for link in &seen.machine_links.kept {
        let found = ImagePath::parse(&link.target).map_or(Ok(None), |target| placement.find(&target));
        // A warning is no reason to read a base whose lock does not say: homes differ from machine to machine.
        let found = match found {
            Err(PlanError::Base(FactsError::Unanswered { .. })) => None,
            found => found?,
        };
        if found.is_none() {
            let target = String::from_utf8_lossy(&link.target);
            let message = format!("`{}` leads to `{target}`, which is on this machine and not in the image", link.path);
            warnings.push((message, "copy the file itself, or make the link relative".to_owned()));
        }
    }
    if let Some(first) = seen.machine_scripts.kept.first() {
        let (more, line) = (more(seen.machine_scripts.count() - 1), String::from_utf8_lossy(&first.interpreter));
        let message = format!("`{}`{more} is run by `{line}`, which is on this machine", first.path);
        let hint = "make the environment where the image has it, such as `python -m venv /opt/venv`, or let the first \
            line be `#!/usr/bin/env python3`";
        warnings.push((message, hint.to_owned()));
    }
    Ok(warnings)
}

fn more(count: u64) -> String {
    if count == 0 { String::new() } else { format!(" (and {count} more)") }
}

fn warn(context: &Context, message: String, hint: &str) {
    context.observer.observe(Event::Warning { message, hint: Some(hint.to_owned()) });
}
