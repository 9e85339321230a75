//! Floor 5: the one connector: HTTP clients for registries, and the same client under the AWS SDK.
//!
//! Whatever dockless says over the network goes through a [`Connector`], so that certificate authorities, client
//! certificates, proxies and time-outs hold for registries and for AWS alike.
//!
//! Two libraries under it read the environment by themselves, by design: `reqwest` the proxy variables
//! (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`) and `SSL_CERT_FILE`/`SSL_CERT_DIR` through the system's
//! certificate store, and the AWS SDK its own credential and configuration chain. They are the sole exceptions to
//! the rule that the library reads nothing that is not handed to it.

pub mod aws;
mod connector;
mod error;
mod guard;
mod reach;
mod signed;

pub use aws::{AwsOptions, load_aws};
pub use connector::{Connector, HttpOptions, Proxies, is_link_local, is_loopback};
pub use error::{NetError, describe, is_untrusted};
pub use guard::{PrivateName, private_name};
pub use reach::Reach;
pub use signed::{AwsCall, AwsCalls, AwsFailure, AwsService, element};
