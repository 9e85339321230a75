//! `dockless sandbox`.

use std::sync::Arc;

use dockless::sandbox::{Link, Sandbox};

use super::{Done, Failure};
use crate::cli::args::{Common, SandboxArgs};
use crate::cli::env::Environment;
use crate::cli::exit;
use crate::cli::{settings, standin};

/// Runs the stand-in of the project until it is interrupted.
pub(super) async fn run(common: &Common, args: &SandboxArgs) -> Result<Done, Failure> {
    let state = settings::sandbox_state(common, &Environment::read())?;
    if args.reset {
        Sandbox::reset(&state)?;
        eprintln!("the sandbox of this project is empty again");
        return Ok(Done { code: exit::DONE });
    }
    let link = Link { latency: args.latency.unwrap_or_default(), rate: args.rate };
    let sandbox = standin::start(&[Arc::new(settings::load_spec(common)?)], state, args.port, link).await?;
    let endpoint = sandbox.endpoint();
    println!("{endpoint}");
    eprintln!("registry, ECR and ECS answer at {endpoint}; end with Ctrl-C");
    eprintln!("AWS tools: AWS_ENDPOINT_URL={endpoint} AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox");
    std::future::pending().await
}
