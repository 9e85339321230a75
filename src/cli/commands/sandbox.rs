//! `dockless sandbox`.

use std::sync::Arc;

use dockless::sandbox::{Link, Sandbox};

use serde_json::json;

use super::{Done, Failure, write_stdout};
use crate::cli::args::{Common, SandboxArgs};
use crate::cli::env::Environment;
use crate::cli::{exit, render, settings, standin, stderr};

/// Runs the stand-in of the project until it is interrupted.
pub(super) async fn run(common: &Common, args: &SandboxArgs) -> Result<Done, Failure> {
    let state = settings::sandbox_state(common, &Environment::read())?;
    if args.reset {
        Sandbox::reset(&state)?;
        stderr::tell("the sandbox of this project is empty again\n");
        if common.json {
            write_stdout(&render::json::render(&json!({ "schema": 1, "reset": true })))?;
        }
        return Ok(Done { code: exit::DONE });
    }
    let link = Link { latency: args.latency.unwrap_or_default(), rate: args.rate };
    let sandbox = standin::start(&[Arc::new(settings::load_spec(common)?)], state, args.port, link).await?;
    let endpoint = sandbox.endpoint();
    let text = match common.json {
        true => render::json::render(&json!({ "schema": 1, "endpoint": endpoint })),
        false => format!("{endpoint}\n"),
    };
    write_stdout(&text)?;
    stderr::tell(&format!("registry, ECR and ECS answer at {endpoint}; end with Ctrl-C\n"));
    stderr::tell(&format!(
        "AWS tools: AWS_ENDPOINT_URL={endpoint} AWS_ACCESS_KEY_ID=sandbox AWS_SECRET_ACCESS_KEY=sandbox\n"
    ));
    std::future::pending().await
}
