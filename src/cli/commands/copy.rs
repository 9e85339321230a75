//! `dockless copy`.

use std::path::Path;

use dockless::pipeline::{self, CopyOptions, Place};

use super::{Done, Failure, finish};
use crate::cli::args::{Common, CopyArgs};
use crate::cli::places::{one_platform, place};
use crate::cli::settings::Tools;

/// Copies an image from one place to another.
pub(super) async fn run(common: &Common, args: &CopyArgs) -> Result<Done, Failure> {
    let folder = std::path::absolute(Path::new(".")).unwrap_or_default();
    let (from, to) = (place(&args.from, &folder)?, place(&args.to, &folder)?);
    check(&from, &to, args)?;
    let options = CopyOptions {
        platform: one_platform(common)?,
        referrers: args.referrers,
        create_repository: args.create_repository,
    };
    let to_stdout = matches!(to, Place::OciArchive { path: None, .. });
    let tools = Tools::open(common).await?;
    let copied = pipeline::copy(&tools.copy_context(), &from, &to, &options).await;
    tools.close().await;
    Ok(finish(common, &copied?, to_stdout))
}

fn check(from: &Place, to: &Place, args: &CopyArgs) -> Result<(), Failure> {
    let usage = |message: &str, hint: &str| Failure::Usage { message: message.to_owned(), hint: Some(hint.to_owned()) };
    if matches!(from, Place::OciArchive { path: None, .. }) {
        return Err(usage("an archive is not read from stdin", "save it to a file first"));
    }
    if args.referrers && !matches!((from, to), (Place::Registry(_), Place::Registry(_))) {
        let message = "referrers are copied from a registry to a registry";
        return Err(usage(message, "leave --referrers away, or copy between registries"));
    }
    if let Place::Registry(reference) = to
        && reference.digest.is_some()
    {
        return Err(usage(
            "the target is named by a digest, which the image itself decides",
            "write a tag, or nothing",
        ));
    }
    Ok(())
}
