//! `dockless inspect`.

use std::path::Path;

use dockless::pipeline;

use super::{Done, Failure, write_bytes, write_stdout};
use crate::cli::args::{Common, InspectArgs};
use crate::cli::places::{one_platform, place};
use crate::cli::settings::Tools;
use crate::cli::{exit, render};

/// Shows what an image is made of.
pub(super) async fn run(common: &Common, args: &InspectArgs) -> Result<Done, Failure> {
    let folder = std::path::absolute(Path::new(".")).unwrap_or_default();
    let place = place(&args.image, &folder)?;
    if matches!(place, pipeline::Place::OciArchive { path: None, .. }) {
        let hint = Some("save it to a file first".to_owned());
        return Err(Failure::Usage { message: "an archive is not read from stdin".to_owned(), hint });
    }
    let platform = one_platform(common)?;
    let tools = Tools::open(common).await?;
    let inspected = pipeline::inspect(&tools.copy_context(), &place, platform.as_ref()).await;
    tools.close().await;
    let inspected = inspected?;
    if args.raw {
        write_bytes(&inspected.raw)?;
    } else if common.json {
        write_stdout(&render::json::render(&inspected))?;
    } else {
        write_stdout(&render::image::render(&inspected))?;
    }
    Ok(Done { code: exit::DONE })
}
