//! Floor 2: the build file, from text to a [`BuildSpec`] without open questions.
//!
//! [`load`] finds the file, `parse` makes a tree in which every key and value knows its place, and
//! `resolve` reads the tree key by key: variables are replaced where a value is read, so that
//! what is not read (comments, `x-*`) needs no variable. [`load_user_config`] does the same for the user's own file.

mod base_source;
mod before_spec;
mod build_spec;
mod capabilities;
mod config_spec;
mod deploy_spec;
mod env_value;
mod environments;
mod error;
mod field;
mod file_spec;
mod fill_in;
mod git;
mod interpolate;
mod layer_spec;
mod load;
mod load_user_config;
mod metadata_spec;
mod node;
mod parse;
mod project_path;
mod repository_spec;
mod resolve;
mod schema;
mod source;
mod template;
mod user_config;
mod variables;
mod words;

pub use before_spec::{BeforeSpec, CapacitySpec, NetworkSpec};
pub use build_spec::{BaseSource, BuildSpec, Compression, Format, ImageSpec};
pub use capabilities::Capabilities;
pub use config_spec::{ConfigSpec, HealthcheckSpec};
pub use deploy_spec::{
    ActiveDeployment, ContainerChoice, ContainerSpec, DeploySpec, DossierSpec, GiveUp, GiveUpSpec, ScheduleSpec,
    ServiceOrder, ServiceSpec, TaskDefinitionSource, WaitTimeout,
};
pub use env_value::EnvValue;
pub use error::{Flaw, SpecError};
pub use file_spec::{FileContent, FileSpec, FileWhat};
pub use fill_in::{NotFilledIn, fill_in};
pub use layer_spec::{Destination, IgnoreFile, LayerOrigin, LayerSource, LayerSpec, Split};
pub use load::{Inputs, Overrides, load, load_text};
pub use load_user_config::load_user_config;
pub use metadata_spec::{ModeRule, MtimeRule, OwnerPart, OwnerSpec, PathRule};
pub use repository_spec::{ImmutableTags, RepositorySpec};
pub use schema::{SCHEMA_FILE, build_file_page, build_file_schema, user_config_schema};
pub use user_config::{HostConfig, Scheme, UserConfig};
pub use words::{parse_duration, parse_size};

#[cfg(test)]
mod tests;
