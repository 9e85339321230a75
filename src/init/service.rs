//! A service that runs already, and the section `deploy` that it gives.

use super::draft::{DeployDraft, Draft};
use super::render;
use crate::oci::Reference;

/// A service of Amazon ECS as it stands, as far as `deploy` needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveService {
    /// The region it is in.
    pub region: Option<String>,
    /// The cluster's name or ARN, as it was asked for.
    pub cluster: String,
    /// The service's name.
    pub service: String,
    /// Family and revision of its task definition, `shop:12`.
    pub task_definition: String,
    /// Its containers, in order.
    pub containers: Vec<LiveContainer>,
    /// The processor it runs on, in ECS's words: `X86_64` or `ARM64`.
    pub architecture: Option<String>,
}

/// A container of a live service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LiveContainer {
    /// Its name.
    pub name: String,
    /// Its image, as the task definition writes it.
    pub image: String,
    /// Whether the task ends with it.
    pub essential: bool,
}

impl LiveContainer {
    fn repository(&self) -> Option<String> {
        self.image.parse::<Reference>().ok().map(|reference| reference.repository.to_string())
    }

    /// Whether the image stands in a registry of Amazon ECR that belongs to an account.
    fn is_of_ecr(&self) -> bool {
        self.image.split('/').next().is_some_and(|host| host.contains(".dkr.ecr.") || host.contains(".dkr-ecr."))
    }
}

impl LiveService {
    /// Returns the repository that the service's image is in, if there is one answer: that of the only essential
    /// container, else the only one in Amazon ECR.
    pub fn repository(&self) -> Option<String> {
        let essential: Vec<&LiveContainer> = self.containers.iter().filter(|container| container.essential).collect();
        let mut own: Vec<String> = match essential[..] {
            [only] => only.repository().into_iter().collect(),
            _ => self.containers.iter().filter(|c| c.is_of_ecr()).filter_map(LiveContainer::repository).collect(),
        };
        own.sort();
        own.dedup();
        own.pop().filter(|_| own.is_empty())
    }

    /// Returns the text of the section `deploy`, for a build file that there is already.
    ///
    /// ```
    /// use dockless::init::LiveService;
    /// let service = LiveService { cluster: "main".into(), service: "web".into(), ..LiveService::default() };
    /// assert!(service.section(None).ends_with("deploy:\n  cluster: main\n  services: [web]\n"));
    /// ```
    pub fn section(&self, name: Option<&str>) -> String {
        render::deploy_section(&self.draft(name))
    }

    /// Returns the section for an image of this repository.
    pub(super) fn draft(&self, name: Option<&str>) -> DeployDraft {
        let of_name = |container: &&LiveContainer| container.repository().as_deref() == name;
        let mut chosen: Vec<&LiveContainer> = self.containers.iter().filter(of_name).collect();
        let essential: Vec<&LiveContainer> = self.containers.iter().filter(|container| container.essential).collect();
        if let (true, [only]) = (chosen.is_empty(), &essential[..]) {
            chosen.push(only);
        }
        let mut comment = vec![format!("as it stands: {} of {}", self.task_definition, self.service)];
        if self.task_definition.is_empty() {
            comment.clear();
        }
        for container in &self.containers {
            let takes = if chosen.contains(&container) { "gets the new image" } else { "stays as it is" };
            comment.push(format!("container {}: {}, {takes}", container.name, container.image));
        }
        if chosen.is_empty() && !self.containers.is_empty() {
            // The image in a container that it was not made for would end the service.
            comment.push("say which of them gets the image: `containers: [NAME]`".to_owned());
        }
        DeployDraft {
            region: self.region.clone(),
            cluster: self.cluster.clone(),
            service: self.service.clone(),
            containers: chosen.iter().map(|container| container.name.clone()).collect(),
            comment,
        }
    }

    /// Lays what the service says over a draft.
    pub(super) fn lay_over(&self, draft: &mut Draft) {
        if draft.name_is_made_up
            && let Some(repository) = self.repository()
        {
            draft.name = repository;
            draft.name_is_made_up = false;
        }
        match self.architecture.as_deref() {
            Some("ARM64") => draft.platforms = vec!["linux/arm64".to_owned()],
            Some("X86_64") => draft.platforms = vec!["linux/amd64".to_owned()],
            _ => {}
        }
        draft.deploy = Some(self.draft(Some(&draft.name)));
    }
}
