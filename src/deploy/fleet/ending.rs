//! What comes after the services: the way back of all or nothing, schedules, and where they answer.

use std::collections::BTreeSet;

use super::Fleet;
use crate::deploy::error::DeployError;
use crate::deploy::schedules;
use crate::deploy::verdict::Verdict;
use crate::deploy::{arn, going_back, preflight_run};

impl Fleet<'_> {
    /// Finds out where the services answer that run the image. It only serves the report.
    pub(super) async fn find_urls(&mut self) {
        for report in &mut self.reports {
            let good = matches!(report.verdict, Verdict::Successful | Verdict::NoChange);
            let state = self.deployment.services.iter().find(|state| state.spec.name == report.name);
            let Some(state) = state.filter(|_| good) else { continue };
            match self.ecs.url(&state.service.target_groups).await {
                Ok(url) => report.url = url,
                Err(error) => {
                    return preflight_run::tell(
                        &error,
                        &format!("where service `{}` answers", report.name),
                        self.options,
                    );
                }
            }
        }
    }

    /// Says of services that succeeded that they stay so, although another one has not: how that ends is not known.
    pub(super) fn tell_what_stays(&self) {
        let open = self.reports.iter().find(|report| matches!(report.verdict.exit_code(), 8..=10));
        let Some(open) = open else { return };
        for done in self.reports.iter().filter(|report| report.verdict == Verdict::Successful) {
            let (name, open) = (&done.name, &open.name);
            self.options.warn(
                format!("service `{name}` keeps the new revision: how `{open}` ends is not known yet"),
                Some(format!("once that is known, `dockless rollback --service {name}` takes it back")),
            );
        }
    }

    /// Brings the services back that got the new revision, the last one first.
    pub(super) async fn go_back(&mut self) {
        for report in self.reports.iter_mut().rev().filter(|report| report.verdict == Verdict::Successful) {
            let Some(state) = self.deployment.services.iter().find(|state| state.spec.name == report.name) else {
                continue;
            };
            if state.live_arn == report.task_definition_arn {
                continue;
            }
            let (name, old) = (&report.name, arn::last_part(&state.live_arn));
            self.options.note(format!("service `{name}` goes back to `{old}`: another one did not get the image"));
            let back = going_back::GoingBack { deployment: self.deployment, ecs: self.ecs, options: self.options };
            let (verdict, reason) = match back.to(state, &state.live_arn, None).await {
                Ok(done) if done.verdict.exit_code() == 0 => {
                    report.deployment_arn = done.deployment_arn;
                    (Verdict::RolledBack, format!("it went back to `{old}`: all or nothing"))
                }
                Ok(done) => {
                    let reason = done.reason.unwrap_or_else(|| done.verdict.as_str().to_owned());
                    (Verdict::RollbackFailed, format!("it did not go back to `{old}`: {reason}"))
                }
                Err(error) => (Verdict::RollbackFailed, format!("it did not go back to `{old}`: {}", chain(&error))),
            };
            (report.verdict, report.reason) = (verdict, Some(reason));
        }
    }

    pub(super) async fn move_schedules(&mut self) -> Result<(), DeployError> {
        let mut done = BTreeSet::new();
        for planned in &self.plan.schedules {
            let Some(to) = self.arn_of(&planned.revision) else { continue };
            if !done.insert((schedules::named(&planned.schedule), to.clone())) {
                continue;
            }
            match schedules::move_to(self.ecs, &planned.schedule, &to).await {
                Ok(moved) => {
                    if moved.is_some() {
                        let name = schedules::named(&planned.schedule);
                        self.options.note(format!("{name} starts `{}` from now on", arn::last_part(&to)));
                    }
                    self.schedules.extend(moved);
                }
                Err(error) => return Err(DeployError::ScheduleLeft(error)),
            }
        }
        Ok(())
    }
}

/// Returns an error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    std::iter::once(error.to_string()).chain(causes.map(ToString::to_string)).collect::<Vec<_>>().join(": ")
}
