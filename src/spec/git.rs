//! What git says about the project, read without a git program.
//!
//! Only the repository itself is read: no configuration of the user or the machine, and no variables.

use std::error::Error;
use std::path::Path;

use super::error::Problem;

/// The names that git answers.
pub(super) const NAMES: [&str; 4] = ["git.commit", "git.short", "git.branch", "git.time"];
/// How many hexadecimal digits `git.short` has: a fixed count, so that the same commit gives the same name everywhere.
const SHORT: usize = 12;

/// The commit that is checked out.
#[derive(Clone, Debug)]
pub(super) struct Head {
    commit: String,
    branch: Option<String>,
    /// The committer's time in seconds since 1970.
    seconds: i64,
}

/// Why git does not answer.
#[derive(Debug)]
pub(super) enum NoHead {
    /// There is nothing to answer, as in an unpacked archive: a default may count.
    Absent(Problem),
    /// The repository cannot be read.
    Broken(Box<dyn Error + Send + Sync>),
}

impl Head {
    /// Reads the head of the repository that holds the project.
    pub(super) fn read(project: &Path) -> Result<Self, NoHead> {
        let isolated = gix::open::Options::isolated();
        if gix::discover::upwards(project).is_err() {
            let problem = Problem::new("the project is in no git repository")
                .hint("check the project out with git, give a default with `:-`, or use a variable of your CI");
            return Err(NoHead::Absent(problem));
        }
        let repository =
            gix::discover_opts(project, gix::discover::upwards::Options::default(), isolated).map_err(broken)?;
        let head = repository.head().map_err(broken)?;
        if head.is_unborn() {
            let problem = Problem::new("the git repository has no commit yet").hint("commit something first");
            return Err(NoHead::Absent(problem));
        }
        let branch = head.referent_name().map(|name| name.shorten().to_string());
        let commit = repository.head_commit().map_err(broken)?;
        let seconds = commit.time().map_err(broken)?.seconds;
        Ok(Self { commit: commit.id.to_string(), branch, seconds })
    }

    /// Returns the answer to one of [`NAMES`].
    pub(super) fn answer(&self, name: &str) -> Result<String, Problem> {
        match name {
            "git.commit" => Ok(self.commit.clone()),
            "git.short" => Ok(self.commit.chars().take(SHORT).collect()),
            "git.time" => Ok(self.seconds.to_string()),
            _ => self.branch.clone().ok_or_else(|| {
                Problem::new("no branch is checked out, only a commit").hint(
                    "use the variable of your CI, such as `${GITHUB_REF_NAME}` or `${CI_COMMIT_REF_SLUG}`, \
                     or give a default: `${git.branch:-main}`",
                )
            }),
        }
    }
}

fn broken(error: gix::Error) -> NoHead {
    NoHead::Broken(Box::new(error))
}
