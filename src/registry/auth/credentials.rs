//! Where credentials are looked for, and in which order (registry-protocol, "Files and order").

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::docker_config::{Credential, DOCKER_HUB_KEY, DockerConfig};
use super::ecr::{EcrHost, EcrToken, EcrTokens};
use super::helper;
use crate::ground::{Clock, FileError, Hint, Secret, files};
use crate::net::{AwsOptions, Connector};
use crate::oci::Repository;
use crate::registry::endpoint::DOCKER_HUB;

/// A file that may hold credentials.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialFile {
    /// In the form of Docker's `config.json` and of containers' `auth.json`.
    Docker(PathBuf),
    /// In the form of `.dockercfg`, without the `auths` wrapper.
    Legacy(PathBuf),
}

/// Where credentials are looked for. Private ECR hosts ask AWS first; what follows is in order, the first find wins.
#[derive(Clone, Debug, Default)]
pub struct CredentialSources {
    /// The text of `DOCKER_AUTH_CONFIG`.
    pub docker_auth_config: Option<Secret<String>>,
    /// Files; those that do not exist are passed over.
    pub files: Vec<CredentialFile>,
    /// The folders where credential helpers are (`PATH`).
    pub helper_path: OsString,
}

impl CredentialSources {
    /// Makes the sources that docker, podman and their kin use, from an environment that is handed in.
    pub fn of_environment(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let folder = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = folder("HOME");
        let docker = folder("DOCKER_CONFIG").or_else(|| home.as_ref().map(|home| home.join(".docker")));
        let settings = folder("XDG_CONFIG_HOME").or_else(|| home.as_ref().map(|home| home.join(".config")));
        let docker_form = [
            folder("REGISTRY_AUTH_FILE"),
            docker.map(|folder| folder.join("config.json")),
            folder("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
            settings.map(|folder| folder.join("containers/auth.json")),
        ];
        let legacy = home.map(|home| CredentialFile::Legacy(home.join(".dockercfg")));
        Self {
            docker_auth_config: variable("DOCKER_AUTH_CONFIG")
                .and_then(|text| text.into_string().ok())
                .filter(|text| !text.is_empty())
                .map(Secret::new),
            files: docker_form.into_iter().flatten().map(CredentialFile::Docker).chain(legacy).collect(),
            helper_path: variable("PATH").unwrap_or_default(),
        }
    }
}

/// Credentials that cannot be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialError {
    /// A file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// A file is no JSON of its form. The parser's own words may quote a secret, so only the place is told.
    #[error("{origin} is not in the form of Docker's `config.json`: line {line}, column {column}")]
    Malformed {
        /// The file or the variable.
        origin: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A configured helper is not installed.
    #[error("there is no program `docker-credential-{name}`")]
    HelperMissing {
        /// The helper's name, as the configuration has it.
        name: String,
    },
    /// A helper failed.
    #[error("`docker-credential-{name} get` gave no credentials for `{host}`: {cause}")]
    Helper {
        /// The helper's name, as the configuration has it.
        name: String,
        /// The host that was asked for.
        host: String,
        /// What went wrong.
        cause: String,
    },
    /// AWS gives no token, and no other source has an entry for the host.
    #[error("AWS gives no ECR token for region `{region}`: {cause}")]
    Ecr {
        /// The host that the token is for.
        host: String,
        /// The region of the host's name.
        region: String,
        /// What went wrong.
        cause: String,
        /// Whether there were AWS credentials to ask with.
        resolved: bool,
    },
}

impl Hint for CredentialError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::File(error) => return error.hint(),
            Self::Malformed { origin, .. } => format!("mend {origin}, or remove it and run `docker login` again"),
            Self::HelperMissing { name } => format!(
                "install `docker-credential-{name}` in a folder of PATH, or take it out of `credsStore` and \
                 `credHelpers` in Docker's config.json"
            ),
            Self::Helper { name, .. } => format!("run `docker-credential-{name} list` to see what it knows"),
            Self::Ecr { resolved: true, .. } => {
                "the principal needs `ecr:GetAuthorizationToken` on `*`; `aws sts get-caller-identity` shows who it is"
                    .to_owned()
            }
            Self::Ecr { resolved: false, host, region, .. } => format!(
                "give AWS credentials: AWS_PROFILE, `aws sso login`, or a role; or run `aws ecr get-login-password \
                 --region {region} | docker login --username AWS --password-stdin {host}`"
            ),
        })
    }
}

/// Who we are to one repository, and who said so.
#[derive(Clone, Debug)]
pub(in crate::registry) struct Identity {
    /// The credential; `None` for nobody.
    pub(super) who: Option<Who>,
    /// Where it came from, in words for messages.
    pub(super) origin: String,
}

/// A credential by how long it may be kept.
#[derive(Clone, Debug)]
pub(super) enum Who {
    /// One that holds for the whole run.
    Stored(Credential),
    /// One of ECR, which runs out.
    Ecr(EcrToken),
}

/// Looks credentials up in all sources.
pub(in crate::registry) struct Credentials {
    sources: CredentialSources,
    ecr: Option<EcrTokens>,
}

impl Credentials {
    /// Makes the look-up; without `aws`, ECR hosts have no more than the other sources say.
    pub(in crate::registry) fn new(
        sources: CredentialSources,
        aws: Option<AwsOptions>,
        connector: &Connector,
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let ecr = aws.map(|aws| EcrTokens::new(aws, connector.clone(), Arc::clone(clock)));
        Self { sources, ecr }
    }

    /// Returns who we are to a repository. `refused` is an ECR token that the registry takes no more.
    ///
    /// # Errors
    /// When a source that should know cannot be asked.
    pub(super) async fn resolve(
        &self,
        repository: &Repository,
        host: Option<&EcrHost>,
        refused: Option<&Secret<String>>,
    ) -> Result<Identity, CredentialError> {
        let minted = match (&self.ecr, host) {
            (Some(tokens), Some(host)) => Some(tokens.token(host, refused).await),
            _ => None,
        };
        if let Some(Ok(token)) = minted {
            return Ok(Identity { who: Some(Who::Ecr(token)), origin: "AWS (an ECR token)".to_owned() });
        }
        if let Some((credential, origin)) = self.look_up(repository, host.is_some()).await? {
            return Ok(Identity { who: Some(Who::Stored(credential)), origin });
        }
        match minted {
            Some(Err(error)) => Err(error),
            _ => Ok(Identity { who: None, origin: "nowhere (no source has an entry)".to_owned() }),
        }
    }

    async fn look_up(
        &self,
        repository: &Repository,
        is_ecr: bool,
    ) -> Result<Option<(Credential, String)>, CredentialError> {
        if let Some(text) = &self.sources.docker_auth_config {
            let origin = "DOCKER_AUTH_CONFIG".to_owned();
            let config = DockerConfig::parse(text.reveal().as_bytes()).map_err(malformed(&origin))?;
            if let Some(found) = self.ask(&config, &origin, repository, is_ecr).await? {
                return Ok(Some(found));
            }
        }
        for file in &self.sources.files {
            let (CredentialFile::Docker(path) | CredentialFile::Legacy(path)) = file;
            let Some(bytes) = files::read_if_present(path)? else { continue };
            let origin = format!("`{}`", path.display());
            let config = match file {
                CredentialFile::Docker(_) => DockerConfig::parse(&bytes),
                CredentialFile::Legacy(_) => DockerConfig::parse_legacy(&bytes),
            };
            let config = config.map_err(malformed(&origin))?;
            if let Some(found) = self.ask(&config, &origin, repository, is_ecr).await? {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    async fn ask(
        &self,
        config: &DockerConfig,
        origin: &str,
        repository: &Repository,
        is_ecr: bool,
    ) -> Result<Option<(Credential, String)>, CredentialError> {
        let found = config.find(repository);
        // `ecr-login` does what we did ourselves before we came here.
        if let Some(name) = found.helper.filter(|name| name != "ecr-login" || !(is_ecr && self.ecr.is_some())) {
            let host = if repository.host() == DOCKER_HUB { DOCKER_HUB_KEY } else { repository.host() };
            if let Some(credential) = helper::ask(&name, &self.sources.helper_path, host).await? {
                return Ok(Some((credential, format!("`docker-credential-{name}` (named in {origin})"))));
            }
        }
        Ok(found.entry.map(|credential| (credential, origin.to_owned())))
    }
}

fn malformed(origin: &str) -> impl FnOnce(serde_json::Error) -> CredentialError {
    let origin = origin.to_owned();
    move |error| CredentialError::Malformed { origin, line: error.line(), column: error.column() }
}
