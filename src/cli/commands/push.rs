//! `dockless push`.

use dockless::pipeline;

use super::{Done, Failure, finish};
use crate::cli::args::Common;
use crate::cli::settings::Session;

/// Builds the image and pushes it under every tag.
pub(super) async fn run(common: &Common) -> Result<Done, Failure> {
    let session = Session::open(common, &[]).await?;
    let report = pipeline::push(&session.context).await;
    session.close().await;
    Ok(finish(common, &report?.report, false))
}
