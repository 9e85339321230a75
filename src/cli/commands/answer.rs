//! `dockless continue`.

use dockless::deploy::Answer;
use dockless::pipeline;

use super::{Done, Failure, finish};
use crate::cli::args::{Common, ContinueArgs};
use crate::cli::settings::Session;

/// Answers deployments that wait at a hook.
pub(super) async fn run(common: &Common, args: &ContinueArgs) -> Result<Done, Failure> {
    let session = Session::open(common, &[]).await?;
    let deploy = session.deploy_context(!args.no_wait).await;
    let answer = if args.rollback { Answer::Rollback } else { Answer::Continue };
    let report = pipeline::answer(&session.context, &deploy, &args.services, answer).await;
    session.close().await;
    Ok(finish(common, &report?, false))
}
