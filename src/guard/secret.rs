//! The kinds of secrets, in words.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What was found. It never holds the secret, nor a part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Secret {
    /// The secret half of an AWS access key.
    AwsSecretKey,
    /// A key of an Azure storage account or service bus.
    AzureKey,
    /// A login that Composer uses.
    ComposerLogin,
    /// A registry login in a Docker configuration.
    DockerLogin,
    /// An environment file with values.
    EnvironmentFile,
    /// A Google Cloud service account with its key.
    GcpServiceAccount,
    /// Logins that git stored.
    GitCredentials,
    /// A GitHub token.
    GithubToken,
    /// A GitLab token.
    GitlabToken,
    /// A key store (PKCS #12, JKS, JCEKS) that holds a private key.
    KeyStore,
    /// A token, password or key of a Kubernetes user.
    Kubeconfig,
    /// A password in a `.netrc`.
    NetrcPassword,
    /// A registry login in an `.npmrc`.
    NpmLogin,
    /// An npm token.
    NpmToken,
    /// A PGP private key.
    PgpPrivateKey,
    /// A private key: PEM, OpenSSH, also as base64 of it.
    PrivateKey,
    /// A PuTTY private key.
    PuttyKey,
    /// A password in a `.pypirc`.
    PypiPassword,
    /// A PyPI token.
    PypiToken,
    /// A Slack token.
    SlackToken,
    /// A live key of Stripe.
    StripeKey,
    /// The state of Terraform, which holds the attributes of all resources in the clear.
    TerraformState,
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AwsSecretKey => "an AWS secret access key",
            Self::AzureKey => "an Azure account key",
            Self::ComposerLogin => "a login of Composer",
            Self::DockerLogin => "a registry login of Docker",
            Self::EnvironmentFile => "an environment file with values",
            Self::GcpServiceAccount => "a Google Cloud service account key",
            Self::GitCredentials => "a stored git login",
            Self::GithubToken => "a GitHub token",
            Self::GitlabToken => "a GitLab token",
            Self::KeyStore => "a key store with a private key",
            Self::Kubeconfig => "a Kubernetes login",
            Self::NetrcPassword => "a password of a `.netrc`",
            Self::NpmLogin => "a registry login of npm",
            Self::NpmToken => "an npm token",
            Self::PgpPrivateKey => "a PGP private key",
            Self::PrivateKey => "a private key",
            Self::PuttyKey => "a PuTTY private key",
            Self::PypiPassword => "a package index password",
            Self::PypiToken => "a PyPI token",
            Self::SlackToken => "a Slack token",
            Self::StripeKey => "a live Stripe key",
            Self::TerraformState => "Terraform state",
        })
    }
}
