//! What would be done, for programs: plan schema 1.

use serde::Serialize;

use crate::deploy::DeployPlan;
use crate::oci::{DiffId, Digest};
use crate::pipeline::FormVersion;
use crate::registry::PushedBlob;

/// What a push, and a deployment where the build file has one, would change.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PlanReport {
    /// The version of this form.
    pub schema: FormVersion,
    /// Whether layers were left unpacked: then their digests are not known, nor those of the image.
    pub estimated: bool,
    /// `name:tag@digest` under the first tag; without a name, the digest.
    pub image: Option<String>,
    /// The digest of the manifest.
    pub digest: Option<Digest>,
    /// Whether anything would change at the registry or in ECS; `None` where an estimate cannot tell.
    pub changes: Option<bool>,
    /// The layers, base first.
    pub layers: Vec<PlannedLayer>,
    /// Bytes of blobs that would be sent; of an estimate, of those whose size is known.
    pub uploaded_bytes: u64,
    /// Blobs that would be sent.
    pub uploaded_blobs: u64,
    /// Blobs that would be mounted, if the registry grants it.
    pub mounted: u64,
    /// Blobs that are there already.
    pub existing: u64,
    /// Own layers that need no packing.
    pub reused_layers: u64,
    /// What is the matter with the repository, if it has to be made first.
    pub repository: Option<Making>,
    /// The tags.
    pub tags: Vec<PlannedTag>,
    /// What would be done in ECS, step by step, with what changes of a task definition field by field.
    pub steps: Vec<String>,
    /// The same, as it is carried out: one for each place that services are in.
    #[serde(skip)]
    pub deploys: Vec<DeployPlan>,
}

/// What becomes of a repository that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Making {
    /// The push makes it: the build file says so.
    Made,
    /// Nobody says so; only a template of the registry can.
    Missing,
}

/// One layer.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedLayer {
    /// Its platform, if the image has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Its name in the build file; the base's have none.
    pub name: Option<String>,
    /// `base` or `own`.
    pub origin: &'static str,
    /// The digest of its blob; of one that was left unpacked it is not known.
    pub digest: Option<Digest>,
    /// The digest of its tar.
    pub diff_id: Option<DiffId>,
    /// The size of its blob, in bytes.
    pub size: Option<u64>,
    /// The entries of a layer that was left unpacked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entries: Option<u64>,
    /// The bytes of its files.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file_bytes: Option<u64>,
    /// How the target would get it; without a target, `None`.
    pub way: Option<Way>,
    /// The repository that it would be mounted from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mounted_from: Option<String>,
}

/// How a target would get a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// It has it.
    Existing,
    /// From another of its repositories, if it grants that.
    Mounted,
    /// From here.
    Uploaded,
}

impl Way {
    pub(super) fn of(how: &PushedBlob) -> Self {
        match how {
            PushedBlob::Existing => Self::Existing,
            PushedBlob::Mounted { .. } => Self::Mounted,
            PushedBlob::Uploaded => Self::Uploaded,
        }
    }
}

/// One tag.
#[derive(Clone, Debug, Serialize)]
pub struct PlannedTag {
    /// The tag, with the repository.
    pub reference: String,
    /// What it stands for now.
    pub current: Option<Digest>,
    /// Whether it would be made or moved; `None` where an estimate cannot tell.
    pub changes: Option<bool>,
}

/// The plan of several builds: plan schema 1 with `builds`.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SeveralPlanReport {
    /// The version of this form.
    pub schema: FormVersion,
    /// Each build, in the order of the command line, without its services.
    pub builds: Vec<PlanReport>,
    /// Whether anything would change; `None` where an estimate cannot tell.
    pub changes: Option<bool>,
    /// What would be done in ECS after all pushes, step by step.
    pub steps: Vec<String>,
    /// The same, as it is carried out: one for each place that services are in.
    #[serde(skip)]
    pub deploys: Vec<DeployPlan>,
}

impl PlanReport {
    /// Takes note of one blob.
    pub(super) fn count(&mut self, how: &PushedBlob, size: u64) {
        match how {
            PushedBlob::Existing => self.existing += 1,
            PushedBlob::Mounted { .. } => self.mounted += 1,
            PushedBlob::Uploaded => {
                self.uploaded_blobs += 1;
                self.uploaded_bytes += size;
            }
        }
    }

    /// Whether the push would change anything.
    pub(super) fn judge(&mut self) {
        let tags = self.tags.iter().map(|tag| tag.changes);
        self.changes = either(tags.chain([Some(self.repository.is_some())]));
    }
}

/// Whether one of these is so: certain if one is for certain, unknown if one is unknown.
pub(super) fn either(each: impl IntoIterator<Item = Option<bool>>) -> Option<bool> {
    let mut whole = Some(false);
    for one in each {
        whole = match (whole, one) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        };
    }
    whole
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_certain_change_outweighs_what_is_unknown() {
        assert_eq!(either([]), Some(false));
        assert_eq!(either([Some(false), None]), None);
        assert_eq!(either([None, Some(true)]), Some(true));
        assert_eq!(either([Some(true), None, Some(false)]), Some(true));
    }
}
