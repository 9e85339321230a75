//! The way of one blob into a registry, as a pure state machine: an answer in, the next step out.
//!
//! ```text
//! Head --absent--> Mount* --202--> Put --201--> Done
//!                   | 4xx           | broken, 5xx, session lost: after a pause Head --absent--> Cancel --> Start
//!                   v               | 413: Cancel --> Start, then in chunks
//!                 Start --202--> Put
//!                 Start --202--> Patch --202--> ... Patch --202--> Close --201--> Done
//!                                  | 416, broken: Status, and on from where the server is
//! ```
//! A session never gets a second whole body: ECR keeps what it has seen of the first and refuses byte 0 with 416. After
//! a lost answer the blob may be there, so it is looked for before it is sent again.

use std::collections::VecDeque;

use url::Url;

use super::chunking::Chunking;
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
    /// Send the whole blob into a session, and end it.
    Put(Url),
    /// Send a part of the blob.
    Patch {
        /// The session, as the newest answer named it.
        session: Url,
        /// Where the part begins.
        offset: u64,
        /// Its length.
        length: u64,
    },
    /// Ask how far a session is.
    Status(Url),
    /// End a session that has all parts.
    Close(Url),
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
    /// A good answer.
    Accepted {
        /// The status.
        status: u16,
        /// The session of the `Location`, if there is one that may be used.
        session: Option<Url>,
        /// How many bytes the server says it has (`Range`).
        reached: Option<u64>,
        /// The least length of a chunk that the server wants (`OCI-Chunk-Min-Length`).
        least: Option<u64>,
    },
    /// An error, by its class.
    Failed(Class),
    /// The body is longer than something on the way allows (413).
    TooLarge,
    /// The server has another position than we (416).
    Misplaced,
    /// The server says that the bytes are not those of the digest (`DIGEST_INVALID`).
    Corrupt,
    /// There is nothing to be learned, or no time left to learn it.
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

/// How many bodies are sent at most: a guard against servers that answer at once for ever. Time ends it earlier.
const BODIES: u32 = 40;
/// How often a body that was accepted and not confirmed (202) is looked for before it is sent again.
const LOOKS: u32 = 3;
/// How often a session is gone on with after a break, without any part accepted in between.
const RESUMES: u32 = 3;

/// One blob on its way.
#[derive(Clone, Debug)]
pub(super) struct Upload {
    size: u64,
    step: Step,
    mounts: VecDeque<String>,
    chunking: Chunking,
    in_chunks: bool,
    bodies: u32,
    resumes: u32,
    /// How often an accepted body may still be looked for.
    looks: u32,
    corrupt: bool,
    /// Where the part that is on its way begins.
    offset: u64,
    /// The session of a body that may or may not have arrived.
    doubtful: Option<Url>,
}

impl Upload {
    /// Begins with the repositories that the blob may be mounted from, best first.
    pub(super) fn new(size: u64, mounts: impl IntoIterator<Item = String>, chunking: Chunking) -> Self {
        Self {
            size,
            step: Step::Head,
            mounts: mounts.into_iter().collect(),
            in_chunks: chunking.is_needed(size),
            chunking,
            bodies: 0,
            resumes: 0,
            looks: 0,
            corrupt: false,
            offset: 0,
            doubtful: None,
        }
    }

    /// Takes the blob for absent: somebody just asked.
    pub(super) fn skip_head(&mut self) {
        if self.step == Step::Head {
            self.take(Outcome::Found(false));
        }
    }

    /// Returns what to do.
    pub(super) fn step(&self) -> &Step {
        &self.step
    }

    /// Returns the session that the server keeps for us, if there is one.
    pub(super) fn session(&self) -> Option<&Url> {
        match &self.step {
            Step::Put(session)
            | Step::Patch { session, .. }
            | Step::Status(session)
            | Step::Close(session)
            | Step::Cancel(session) => Some(session),
            Step::Done(_) => None,
            Step::Head | Step::Mount(_) | Step::Start => self.doubtful.as_ref(),
        }
    }

    /// Returns the lengths that parts have now.
    pub(super) fn chunking(&self) -> &Chunking {
        &self.chunking
    }

    /// Takes what came of the step.
    pub(super) fn take(&mut self, outcome: Outcome) -> Next {
        match self.step.clone() {
            Step::Head => self.looked(&outcome),
            Step::Mount(from) => self.mounted(from, outcome),
            Step::Start => self.started(outcome),
            Step::Put(session) => self.put(session, &outcome),
            Step::Patch { session, offset, length } => self.patched(session, offset + length, outcome),
            Step::Status(session) => self.told(session, outcome),
            Step::Close(session) => self.closed(session, &outcome),
            Step::Cancel(_) => self.go(Step::Start),
            Step::Done(_) => Next::Fail,
        }
    }

    fn looked(&mut self, outcome: &Outcome) -> Next {
        match outcome {
            Outcome::Found(true) if self.bodies > 0 => self.go(Step::Done(PushedBlob::Uploaded)),
            Outcome::Found(true) => self.go(Step::Done(PushedBlob::Existing)),
            Outcome::Failed(Class::Transient | Class::Unreached) => Next::Pause,
            Outcome::Found(false) if self.looks > 0 => {
                self.looks -= 1;
                Next::Pause
            }
            // What a HEAD cannot say (405, 403), an upload will.
            _ => self.begin(),
        }
    }

    fn mounted(&mut self, from: String, outcome: Outcome) -> Next {
        match outcome {
            Outcome::Accepted { status: 201, .. } => self.go(Step::Done(PushedBlob::Mounted { from })),
            Outcome::Accepted { session: Some(session), least, .. } => self.send(session, least),
            Outcome::Failed(Class::Transient | Class::Unreached) => Next::Pause,
            _ => self.begin(),
        }
    }

    fn started(&mut self, outcome: Outcome) -> Next {
        match outcome {
            Outcome::Accepted { session: Some(session), least, .. } => self.send(session, least),
            Outcome::Failed(Class::Transient | Class::Unreached | Class::Session | Class::Suspect) => Next::Pause,
            _ => Next::Fail,
        }
    }

    fn put(&mut self, session: Url, outcome: &Outcome) -> Next {
        match outcome {
            Outcome::Accepted { status: 200 | 201 | 204, .. } => self.go(Step::Done(PushedBlob::Uploaded)),
            Outcome::Accepted { .. } => self.unconfirmed(session),
            // A proxy that refuses a body may cut it off without an answer that gets through.
            Outcome::Failed(Class::Transient) => {
                self.in_chunks |= self.bodies >= 2 && self.chunking.may_help(self.size);
                self.doubt(session)
            }
            Outcome::Failed(Class::Unreached | Class::Session | Class::Suspect) | Outcome::Misplaced => {
                self.doubt(session)
            }
            Outcome::TooLarge if self.chunking.narrow(self.size) => {
                self.in_chunks = true;
                self.go(Step::Cancel(session))
            }
            Outcome::Corrupt => self.corrupted(session),
            _ => Next::Fail,
        }
    }

    fn patched(&mut self, session: Url, end: u64, outcome: Outcome) -> Next {
        match outcome {
            // The newest Location counts; how far the server says it is does not (ECR's `Range` stays at the first
            // chunk): a server that is elsewhere refuses the next one.
            Outcome::Accepted { session: next, .. } => {
                self.resumes = 0;
                self.go_on(next.unwrap_or(session), end)
            }
            Outcome::Failed(Class::Transient | Class::Unreached) => {
                self.step = Step::Status(session);
                Next::Pause
            }
            Outcome::Misplaced => self.go(Step::Status(session)),
            Outcome::TooLarge if self.chunking.narrow(self.chunking.length) => {
                let offset = self.offset;
                self.go_on(session, offset)
            }
            Outcome::Failed(Class::Session | Class::Suspect) => self.doubt(session),
            _ => Next::Fail,
        }
    }

    fn told(&mut self, session: Url, outcome: Outcome) -> Next {
        match outcome {
            Outcome::Accepted { session: next, reached: Some(reached), .. }
                // `0-0` is said of one byte and of none.
                if reached > 1 && reached >= self.offset && reached <= self.size && self.resumes < RESUMES =>
            {
                self.resumes += 1;
                self.go_on(next.unwrap_or(session), reached)
            }
            Outcome::Failed(Class::Transient | Class::Unreached) => Next::Pause,
            // ECR and others do not say (404): the session is of no use any more.
            _ => {
                self.bodies += 1;
                self.doubtful = Some(session);
                if self.bodies >= BODIES { Next::Fail } else { self.begin() }
            }
        }
    }

    fn closed(&mut self, session: Url, outcome: &Outcome) -> Next {
        match outcome {
            Outcome::Accepted { status: 200 | 201 | 204, .. } => self.go(Step::Done(PushedBlob::Uploaded)),
            Outcome::Accepted { .. } => self.unconfirmed(session),
            Outcome::Failed(Class::Transient | Class::Unreached | Class::Session | Class::Suspect)
            | Outcome::Misplaced => self.doubt(session),
            Outcome::Corrupt => self.corrupted(session),
            _ => Next::Fail,
        }
    }

    /// The blob is not there: gives up the session of a body that did not arrive, tries the next mount, or starts.
    fn begin(&mut self) -> Next {
        if let Some(session) = self.doubtful.take() {
            return self.go(Step::Cancel(session));
        }
        match self.mounts.pop_front() {
            Some(from) => self.go(Step::Mount(from)),
            None => self.go(Step::Start),
        }
    }

    /// There is a session: the blob goes into it.
    fn send(&mut self, session: Url, least: Option<u64>) -> Next {
        if !self.in_chunks {
            return self.go(Step::Put(session));
        }
        self.chunking.respect(least);
        self.resumes = 0;
        self.go_on(session, 0)
    }

    fn go_on(&mut self, session: Url, offset: u64) -> Next {
        self.offset = offset;
        let length = self.chunking.length.min(self.size - offset);
        self.go(if length == 0 { Step::Close(session) } else { Step::Patch { session, offset, length } })
    }

    /// A body was taken without saying that it is kept.
    fn unconfirmed(&mut self, session: Url) -> Next {
        self.looks = LOOKS;
        match self.doubt(session) {
            Next::Pause => Next::Go,
            other => other,
        }
    }

    /// The bytes were ours when they left. Seen with distribution when two clients push one blob at a time, so one new
    /// session is worth it.
    fn corrupted(&mut self, session: Url) -> Next {
        if std::mem::replace(&mut self.corrupt, true) { Next::Fail } else { self.doubt(session) }
    }

    /// A body went, and nobody knows whether it arrived.
    fn doubt(&mut self, session: Url) -> Next {
        self.bodies += 1;
        self.doubtful = Some(session);
        self.step = Step::Head;
        if self.bodies >= BODIES { Next::Fail } else { Next::Pause }
    }

    fn go(&mut self, step: Step) -> Next {
        self.step = step;
        Next::Go
    }
}
