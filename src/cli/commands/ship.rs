//! `dockless ship`.

use dockless::pipeline;

use super::{Done, Failure, finish};
use crate::cli::args::{Common, ShipArgs};
use crate::cli::settings::Session;

/// Builds, pushes and deploys.
pub(super) async fn run(common: &Common, args: &ShipArgs) -> Result<Done, Failure> {
    let session = Session::open(common, &[]).await?;
    let deploy = session.deploy_context(!args.no_wait).await;
    let report = pipeline::ship(&session.context, &deploy).await;
    session.close().await;
    Ok(finish(common, &report?, false))
}
