//! Registering a revision: again while another client does, and without tags where they may not be set.

use super::api_error::ApiError;
use super::aws::Ecs;
use super::error::DeployError;
use super::options::DeployOptions;
use super::order::ORDER_TAG;
use super::task_definition::TaskDefinition;
use super::timing::Pauses;
use crate::event::Event;

/// Attempts to register while another client registers revisions of the same family.
const ATTEMPTS: u32 = 6;

/// Registers a revision and returns its ARN.
///
/// # Errors
/// [`DeployError::Register`].
pub(super) async fn register(
    ecs: &Ecs,
    definition: &TaskDefinition,
    options: &DeployOptions,
) -> Result<String, DeployError> {
    let own = definition.without_tag(ORDER_TAG);
    // A policy may allow some tags, or none at all.
    let mut forms = vec![definition.clone(), own.clone(), own.without_tags()];
    forms.dedup();
    let mut forms = forms.into_iter();
    let mut form = forms.next().unwrap_or_else(|| definition.clone());
    loop {
        let error = match attempt(ecs, &form, options).await {
            Ok(arn) => break Ok(arn),
            Err(error) => error,
        };
        match forms.next().filter(|_| is_about_tags(&error)) {
            Some(next) => {
                if !next.has_tags() {
                    tell(options, definition, &error);
                }
                form = next;
            }
            None => {
                let family = definition.family().to_owned();
                break Err(DeployError::Register { family, source: error.into() });
            }
        }
    }
}

fn is_about_tags(error: &ApiError) -> bool {
    error.is_denied() && error.message.contains("ecs:TagResource")
}

fn tell(options: &DeployOptions, definition: &TaskDefinition, error: &ApiError) {
    let family = definition.family();
    options.warn(
        format!("the revision of `{family}` is registered without tags: {error}"),
        Some("allow `ecs:TagResource` on task definitions: tags also keep deployments in order".to_owned()),
    );
}

async fn attempt(ecs: &Ecs, definition: &TaskDefinition, options: &DeployOptions) -> Result<String, ApiError> {
    let mut pauses = Pauses::new(options.jitter_seed);
    let mut attempt = 1;
    loop {
        match ecs.register_raw(definition.document()).await {
            Err(error) if error.is_concurrent_register() && attempt < ATTEMPTS => {
                let pause = pauses.next_pause();
                options.observer.observe(Event::Retrying {
                    what: format!("registering a revision of `{}`", definition.family()),
                    why: error.to_string(),
                    pause_ms: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                });
                options.clock.sleep(pause).await;
                attempt += 1;
            }
            other => return other,
        }
    }
}
