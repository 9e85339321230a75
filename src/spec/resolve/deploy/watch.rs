//! `on_active_deployment`, `wait`, `give_up`, `dossier`: how a deployment is watched.

use super::word;
use crate::spec::deploy_spec::{ActiveDeployment, DossierSpec, GiveUp, GiveUpSpec, WaitTimeout};
use crate::spec::error::{Problem, SpecError};
use crate::spec::field::Field;
use crate::spec::schema;
use crate::spec::words;

/// The most log lines of a container: one answer of CloudWatch Logs has at most 10,000 events.
const MOST_LOGS: u64 = 10_000;

pub(super) fn on_active_deployment(field: Field<'_>) -> Result<ActiveDeployment, SpecError> {
    let words = [
        ("wait", ActiveDeployment::Wait),
        ("fail", ActiveDeployment::Fail),
        ("supersede", ActiveDeployment::Supersede),
    ];
    word(field, &words)
}

pub(super) fn wait(field: Field<'_>) -> Result<WaitTimeout, SpecError> {
    if field.is_scalar() {
        return Err(field.wrong("a map", Some(&format!("write `wait: {{timeout: {}}}`", field.untouched()?))));
    }
    let map = field.map(&schema::WAIT)?;
    let timeout = map.read("timeout", |field| {
        field.parse(|text| match text {
            "auto" => Ok(WaitTimeout::Auto),
            text => match words::duration(text)? {
                zero if zero.is_zero() => Err(Problem::new("`timeout` is zero").hint("use `--no-wait` not to wait")),
                duration => Ok(WaitTimeout::After(duration)),
            },
        })
    })?;
    Ok(timeout.unwrap_or(WaitTimeout::Auto))
}

pub(super) fn give_up(field: Field<'_>) -> Result<GiveUpSpec, SpecError> {
    let map = field.map(&schema::GIVE_UP)?;
    let failed = map.read("failed_tasks", |field| field.number(1, 10_000))?;
    let words = [("rollback", GiveUp::Rollback), ("report", GiveUp::Report), ("off", GiveUp::Off)];
    let default = GiveUpSpec::default();
    Ok(GiveUpSpec {
        failed_tasks: failed.and_then(|count| u32::try_from(count).ok()).unwrap_or(default.failed_tasks),
        then: map.read("then", |field| word(field, &words))?,
    })
}

pub(super) fn dossier(field: Field<'_>) -> Result<DossierSpec, SpecError> {
    let map = field.map(&schema::DOSSIER)?;
    let logs = map.read("logs", |field| field.number(0, MOST_LOGS))?;
    Ok(logs.and_then(|count| u32::try_from(count).ok()).map_or_else(DossierSpec::default, |logs| DossierSpec { logs }))
}
