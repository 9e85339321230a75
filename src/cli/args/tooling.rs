//! Options of the commands that are about dockless itself: its cache, its stand-in, what it tells of itself.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Options of `cache`.
#[derive(Debug, Args)]
pub(crate) struct CacheArgs {
    #[command(subcommand)]
    pub(crate) action: Option<CacheAction>,
}

/// What can be done to the cache.
#[derive(Debug, Subcommand)]
pub(crate) enum CacheAction {
    /// Remove what was used longest ago, and what killed runs left
    Prune(PruneArgs),
}

/// Options of `cache prune`.
#[derive(Debug, Args)]
pub(crate) struct PruneArgs {
    /// Remove all that no running process uses, also the state of sandboxes
    #[arg(long, conflicts_with = "max_size")]
    pub(crate) all: bool,
    /// Keep at most this, such as 2GiB [default: `cache.max_size` of the user configuration, else 10GiB]
    #[arg(long, value_name = "SIZE", value_parser = dockless::spec::parse_size)]
    pub(crate) max_size: Option<u64>,
    /// Show what would be removed, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// Options of `sandbox`.
#[derive(Debug, Args)]
pub(crate) struct SandboxArgs {
    /// The loopback port to listen on [default: a free one]
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port: u16,
    /// Let each request wait this long, such as 30ms, as a registry far away does
    #[arg(long, value_name = "TIME", value_parser = dockless::spec::parse_duration)]
    pub(crate) latency: Option<std::time::Duration>,
    /// Let each connection carry so many bytes a second, such as 25MB/s
    #[arg(long, value_name = "RATE", value_parser = rate)]
    pub(crate) rate: Option<u64>,
    /// Forget all that the project's sandbox holds, and end
    #[arg(long)]
    pub(crate) reset: bool,
}

/// Options of `schema`.
#[derive(Debug, Args)]
pub(crate) struct SchemaArgs {
    /// That of the user configuration instead
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) user_config: bool,
    /// Print the reference page of the documents
    #[arg(long)]
    pub(crate) markdown: bool,
}

/// Options of `completions`.
#[derive(Debug, Args)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: clap_complete::Shell,
}

/// Options of `man`.
#[derive(Debug, Args)]
pub(crate) struct ManArgs {
    /// Write a page for each command into this folder
    #[arg(long, value_name = "DIR", conflicts_with = "markdown")]
    pub(crate) dir: Option<PathBuf>,
    /// Print the reference page of the documents
    #[arg(long)]
    pub(crate) markdown: bool,
}

fn rate(text: &str) -> Result<u64, String> {
    match dockless::spec::parse_size(text.strip_suffix("/s").unwrap_or(text)) {
        Ok(rate) if rate > 0 => Ok(rate),
        _ => Err(format!("`{text}` is not a rate; write it like `25MB/s`")),
    }
}
