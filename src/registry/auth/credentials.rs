//! Where credentials are looked for, and in which order (registry-protocol, "Files and order").

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::docker_config::{Credential, DOCKER_HUB_KEY, DockerConfig};
use super::helper;
use crate::ground::{FileError, Hint, Secret, files};
use crate::oci::Repository;
use crate::registry::ecr::{EcrClients, EcrError, EcrHost, EcrToken, is_public};
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
    /// An entry has an `auth` that cannot be decoded. It is not shown: most of it may be right.
    #[error("the entry for `{host}` in {origin} has an `auth` that is no base64 of `USER:PASSWORD`")]
    Entry {
        /// The host.
        host: String,
        /// The file or the variable.
        origin: String,
    },
    /// AWS gives no token, and no other source has an entry for the host.
    #[error("AWS gives no token for `{host}`, and no other source has an entry for it")]
    Ecr {
        /// The host that the token is for.
        host: String,
        /// The region of the host's name; none for ECR Public.
        region: Option<String>,
        /// What went wrong.
        source: EcrError,
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
            Self::Entry { host, .. } => format!("run `docker login {host}` again"),
            Self::Ecr { source: EcrError::Unanswered { resolved: false, .. }, host, region } => {
                let login = match region {
                    Some(region) => format!("aws ecr get-login-password --region {region}"),
                    None => "aws ecr-public get-login-password --region us-east-1".to_owned(),
                };
                format!(
                    "give AWS credentials: AWS_PROFILE, `aws sso login`, or a role; or run `{login} | docker login \
                     --username AWS --password-stdin {host}`"
                )
            }
            Self::Ecr { source, .. } => return source.hint(),
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

/// Where the tokens of AWS came from, in words.
pub(super) const PRIVATE: &str = "AWS (an ECR token)";
const PUBLIC: &str = "AWS (an ECR Public token)";
/// The helper of AWS, which we answer for ourselves.
const ECR_LOGIN: &str = "ecr-login";

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
    ecr: Option<Arc<EcrClients>>,
}

impl Credentials {
    /// Makes the look-up; without `ecr`, ECR's hosts have no more than the other sources say.
    pub(in crate::registry) fn new(sources: CredentialSources, ecr: Option<Arc<EcrClients>>) -> Self {
        Self { sources, ecr }
    }

    /// Returns who we are to a repository. `refused` is an ECR token that the registry takes no more.
    ///
    /// A private registry of ECR asks AWS first: a login of yesterday in a docker configuration has run out. ECR Public
    /// gives its images to everybody, so that AWS is asked for pushes alone, or where `ecr-login` is configured.
    ///
    /// # Errors
    /// When a source that should know cannot be asked.
    pub(super) async fn resolve(
        &self,
        repository: &Repository,
        host: Option<&EcrHost>,
        push: bool,
        refused: Option<&Secret<String>>,
    ) -> Result<Identity, CredentialError> {
        let minted = match (&self.ecr, host) {
            (Some(ecr), Some(host)) => Some((ecr.token(host, refused).await, PRIVATE)),
            (Some(ecr), None) if push && is_public(repository.host()) => Some((ecr.public_token().await, PUBLIC)),
            _ => None,
        };
        let failure = match minted {
            Some((Ok(token), origin)) => {
                return Ok(Identity { who: Some(Who::Ecr(token)), origin: origin.to_owned() });
            }
            Some((Err(error), _)) => Some(error),
            None => None,
        };
        match (self.look_up(repository, host.is_some()).await?, failure) {
            (Some((who, origin)), None) => Ok(Identity { who: Some(who), origin }),
            (Some((who, origin)), Some(failure)) => {
                Ok(Identity { who: Some(who), origin: format!("{origin}, since AWS gave no token: {failure}") })
            }
            (None, Some(source)) => {
                let (name, region) = (repository.host().to_owned(), host.map(|host| host.region.clone()));
                Err(CredentialError::Ecr { host: name, region, source })
            }
            (None, None) => Ok(Identity { who: None, origin: "nowhere (no source has an entry)".to_owned() }),
        }
    }

    async fn look_up(&self, repository: &Repository, is_ecr: bool) -> Result<Option<(Who, String)>, CredentialError> {
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
    ) -> Result<Option<(Who, String)>, CredentialError> {
        let found = config.find(repository);
        match (found.helper.as_deref(), &self.ecr) {
            (Some(ECR_LOGIN), Some(ecr)) => {
                // A private host was asked for before we came here, and other hosts that helper does not know.
                if !is_ecr && is_public(repository.host()) {
                    let failed =
                        |source| CredentialError::Ecr { host: repository.host().to_owned(), region: None, source };
                    let token = ecr.public_token().await.map_err(failed)?;
                    return Ok(Some((Who::Ecr(token), PUBLIC.to_owned())));
                }
            }
            (Some(name), _) => {
                let host = if repository.host() == DOCKER_HUB { DOCKER_HUB_KEY } else { repository.host() };
                if let Some(credential) = helper::ask(name, &self.sources.helper_path, host).await? {
                    let origin = format!("`docker-credential-{name}` (named in {origin})");
                    return Ok(Some((Who::Stored(credential), origin)));
                }
            }
            (None, _) => {}
        }
        if found.broken {
            let (host, origin) = (repository.host().to_owned(), origin.to_owned());
            return Err(CredentialError::Entry { host, origin });
        }
        Ok(found.entry.map(|credential| (Who::Stored(credential), origin.to_owned())))
    }
}

fn malformed(origin: &str) -> impl FnOnce(serde_json::Error) -> CredentialError {
    let origin = origin.to_owned();
    move |error| CredentialError::Malformed { origin, line: error.line(), column: error.column() }
}
