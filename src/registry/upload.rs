//! The way of one blob into a registry, as a pure state machine: an answer in, the next step out.
//!
//! ```text
//! Head --absent--> Mount* --202--> Put --201--> Done
//!                   | 4xx           | broken, 5xx, session lost
//!                   v               v
//!                 Start --202--> Put, and after a pause: Head --absent--> Cancel --> Start
//! ```
//! A session never gets a second body: ECR keeps what it has seen of the first and refuses byte 0 with 416. After a
//! lost answer the blob may be there, so it is looked for before it is sent again.

use std::collections::VecDeque;

use url::Url;

use super::retry::Class;

/// How a blob got to be where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PushedBlob {
    /// It was there already.
    Existing,
    /// It was mounted from another repository of the registry, named here.
    Mounted {
        /// The repository's name.
        from: String,
    },
    /// It was sent.
    Uploaded,
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Ask whether the blob is there.
    Head,
    /// Ask for it to be mounted from a repository.
    Mount(String),
    /// Ask for an upload session.
    Start,
    /// Send the blob into a session.
    Put(Url),
    /// Give a session up. The answer does not matter.
    Cancel(Url),
    /// It is there.
    Done(PushedBlob),
}

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// Of `Head`: whether the blob is there.
    Found(bool),
    /// A good answer, with the session that it names.
    Accepted {
        /// The status.
        status: u16,
        /// The session of the `Location`, if there is one that may be used.
        session: Option<Url>,
    },
    /// An error, by its class.
    Failed(Class),
    /// Of `Cancel`: whatever it was.
    Ignored,
}

/// What the driver does before the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Goes on at once.
    Go,
    /// Asks the retry policy for a pause.
    Pause,
    /// Ends with the error it has.
    Fail,
}

/// How often a mount is tried that fails for a reason which may pass; then the blob is sent.
const MOUNT_TRIES: u32 = 3;
/// How many bodies are sent at most. The retry policy usually ends it earlier.
const BODIES: u32 = 10;

/// One blob on its way.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    step: Step,
    mounts: VecDeque<String>,
    mount_tries: u32,
    bodies: u32,
    /// The session of a body that may or may not have arrived.
    doubtful: Option<Url>,
}

impl Upload {
    /// Begins with the repositories that the blob may be mounted from, best first.
    pub(super) fn new(mounts: impl IntoIterator<Item = String>) -> Self {
        let mounts = mounts.into_iter().collect();
        Self { step: Step::Head, mounts, mount_tries: 0, bodies: 0, doubtful: None }
    }

    /// Returns what to do.
    pub(super) fn step(&self) -> &Step {
        &self.step
    }

    /// Takes what came of the step.
    pub(super) fn take(&mut self, outcome: Outcome) -> Next {
        let step = self.step.clone();
        match (step, outcome) {
            (Step::Head, Outcome::Found(true)) => {
                self.done(if self.bodies > 0 { PushedBlob::Uploaded } else { PushedBlob::Existing })
            }
            (Step::Head, Outcome::Failed(Class::Transient | Class::Unreached)) => Next::Pause,
            // What a HEAD cannot say (405, 403), an upload will.
            (Step::Head, _) => self.begin(),
            (Step::Mount(from), Outcome::Accepted { status: 201, .. }) => self.done(PushedBlob::Mounted { from }),
            (Step::Mount(_), Outcome::Accepted { session: Some(session), .. }) => self.go(Step::Put(session)),
            (Step::Mount(_), Outcome::Failed(Class::Transient | Class::Unreached))
                if self.mount_tries + 1 < MOUNT_TRIES =>
            {
                self.mount_tries += 1;
                Next::Pause
            }
            (Step::Mount(_), _) => self.begin(),
            (Step::Start, Outcome::Accepted { session: Some(session), .. }) => self.go(Step::Put(session)),
            (Step::Start, Outcome::Failed(Class::Transient | Class::Unreached | Class::Session)) => Next::Pause,
            (Step::Put(_), Outcome::Accepted { status: 200 | 201 | 204, .. }) => self.done(PushedBlob::Uploaded),
            (Step::Put(session), Outcome::Accepted { .. }) => self.doubt(session, Next::Go),
            (Step::Put(session), Outcome::Failed(Class::Transient | Class::Unreached | Class::Session)) => {
                self.doubt(session, Next::Pause)
            }
            (Step::Cancel(_), _) => self.go(Step::Start),
            (Step::Start | Step::Put(_) | Step::Done(_), _) => Next::Fail,
        }
    }

    /// The blob is not there: gives up the session of a body that did not arrive, tries the next mount, or starts.
    fn begin(&mut self) -> Next {
        self.mount_tries = 0;
        if let Some(session) = self.doubtful.take() {
            return self.go(Step::Cancel(session));
        }
        match self.mounts.pop_front() {
            Some(from) => self.go(Step::Mount(from)),
            None => self.go(Step::Start),
        }
    }

    /// A body went, and nobody knows whether it arrived.
    fn doubt(&mut self, session: Url, next: Next) -> Next {
        self.bodies += 1;
        self.doubtful = Some(session);
        self.step = Step::Head;
        if self.bodies >= BODIES { Next::Fail } else { next }
    }

    fn done(&mut self, how: PushedBlob) -> Next {
        self.go(Step::Done(how))
    }

    fn go(&mut self, step: Step) -> Next {
        self.step = step;
        Next::Go
    }
}
