//! Scripted failures: which request goes wrong, and how.

use std::sync::Mutex;

use super::glob;

/// A rule by which requests fail.
///
/// A request is measured against the rules in the order they were scripted; the first that matches and is due acts.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    method: Option<String>,
    path: Option<String>,
    query: Option<String>,
    operation: Option<String>,
    skip: u32,
    times: Option<u32>,
    chance: Option<Chance>,
    action: Action,
}

/// A rule that acts by chance, the same for the same seed and the same order of requests.
#[derive(Clone, Debug, PartialEq)]
struct Chance {
    state: u64,
    /// Of a thousand requests, how many.
    per_mille: u64,
    actions: Vec<Action>,
}

impl Chance {
    /// Draws a number (splitmix64).
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn take(&mut self) -> Option<Action> {
        if self.draw() % 1000 >= self.per_mille || self.actions.is_empty() {
            return None;
        }
        let at = usize::try_from(self.draw() % self.actions.len() as u64).unwrap_or(0);
        self.actions.get(at).cloned()
    }
}

/// What happens to a request instead of, or on top of, its answer.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Action {
    /// An error in the shape of the API that was asked: `errors` under `/v2/`, `__type` for AWS operations.
    Status {
        /// The HTTP status.
        status: u16,
        /// The error code, such as `TOOMANYREQUESTS` or `ServerException`.
        code: String,
        /// The message.
        message: String,
        /// More headers, such as `Retry-After`.
        headers: Vec<(String, String)>,
    },
    /// Any answer at all: HTML from a proxy, XML from a store, a body of megabytes.
    Raw {
        /// The HTTP status.
        status: u16,
        /// The headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// The connection is reset.
    Reset(Reset),
    /// The answer's headers promise the whole body, of which this many bytes come.
    Truncate {
        /// The count of bytes that are sent.
        after: u64,
    },
    /// No answer comes, and the connection stays open until the sandbox stops.
    Stall,
    /// The head of the answer and this many bytes of its body come, and then nothing more.
    StallAfter {
        /// The count of bytes that are sent.
        after: u64,
    },
    /// An answer whose body has no end.
    Endless {
        /// The HTTP status.
        status: u16,
    },
    /// The request is answered as always, with other headers.
    Headers {
        /// Headers that are set.
        set: Vec<(String, String)>,
        /// Headers that are left out.
        remove: Vec<String>,
    },
    /// The caller lacks the right to an IAM action.
    AccessDenied {
        /// The action, such as `ecr:InitiateLayerUpload`.
        action: String,
    },
    /// The rate limit is exceeded: 429 `TOOMANYREQUESTS`, or AWS's `ThrottlingException`.
    Throttle,
}

/// When a connection is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reset {
    /// Before the request is looked at.
    Before,
    /// After this many bytes of the request's body; what came is kept by an upload session, as ECR keeps it.
    InBody(u64),
    /// After the request took effect: its answer is lost.
    AfterBody,
}

impl Fault {
    /// Makes a rule for requests with a method, and a path that matches a pattern (`*` stands for any run).
    pub fn on_request(method: &str, path: &str, action: Action) -> Self {
        let (method, path) = (Some(method.to_owned()), Some(path.to_owned()));
        Self { method, path, query: None, operation: None, skip: 0, times: Some(1), chance: None, action }
    }

    /// Makes a rule by which requests under `/v2/` fail by chance: of a thousand so many, each by one of the actions.
    pub fn at_random(seed: u64, per_mille: u64, actions: Vec<Action>) -> Self {
        let chance = Some(Chance { state: seed, per_mille, actions });
        let path = Some("/v2/*".to_owned());
        let action = Action::Stall;
        Self { method: None, path, query: None, operation: None, skip: 0, times: None, chance, action }
    }

    /// Narrows the rule to requests whose query matches a pattern; an empty pattern is no query.
    #[must_use]
    pub fn with_query(self, pattern: &str) -> Self {
        Self { query: Some(pattern.to_owned()), ..self }
    }

    /// Makes a rule for an AWS operation, by its name without the service's prefix.
    pub fn on_operation(operation: &str, action: Action) -> Self {
        let operation = Some(operation.to_owned());
        Self { method: None, path: None, query: None, operation, skip: 0, times: Some(1), chance: None, action }
    }

    /// Lets the rule act first on the `n`th request that matches, counted from 1.
    #[must_use]
    pub fn nth(self, n: u32) -> Self {
        Self { skip: n.saturating_sub(1), ..self }
    }

    /// Lets the rule act on this many requests; a new rule acts once.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// Lets the rule act on every request.
    #[must_use]
    pub fn always(self) -> Self {
        Self { times: None, ..self }
    }

    fn matches(&self, method: &str, (path, query): (&str, &str), operation: Option<&str>) -> bool {
        self.query.as_deref().is_none_or(|pattern| glob::matches(pattern, query))
            && self.method.as_deref().is_none_or(|wanted| wanted == method)
            && self.path.as_deref().is_none_or(|pattern| glob::matches(pattern, path))
            && self.operation.as_deref().is_none_or(|wanted| Some(wanted) == operation)
    }

    /// Takes note of a request that matches, and returns what happens to it, if the rule acts.
    fn act(&mut self) -> Option<Action> {
        match &mut self.chance {
            Some(chance) => chance.take(),
            None => self.is_due().then(|| self.action.clone()),
        }
    }

    /// Counts a request that matches, and returns whether the rule acts on it.
    fn is_due(&mut self) -> bool {
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        match &mut self.times {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        }
    }
}

impl Action {
    /// Makes an error answer without further headers.
    pub fn status(status: u16, code: &str, message: &str) -> Self {
        Self::Status { status, code: code.to_owned(), message: message.to_owned(), headers: Vec::new() }
    }
}

/// The rules that are still in force.
#[derive(Debug, Default)]
pub(super) struct FaultScript(Mutex<Vec<Fault>>);

impl FaultScript {
    /// Adds a rule.
    pub(super) fn add(&self, fault: Fault) {
        self.lock().push(fault);
    }

    /// Drops all rules.
    pub(super) fn clear(&self) {
        self.lock().clear();
    }

    /// Returns what a request has to suffer, if anything.
    pub(super) fn take(&self, method: &str, target: (&str, &str), operation: Option<&str>) -> Option<Action> {
        let mut faults = self.lock();
        let due =
            faults.iter_mut().filter(|fault| fault.matches(method, target, operation)).find(|f| f.times != Some(0));
        due.and_then(Fault::act)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Fault>> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_acts_from_its_nth_match_as_often_as_it_says() {
        let script = FaultScript::default();
        script.add(Fault::on_request("PUT", "/v2/*", Action::Throttle).nth(2).times(2));
        let acted: Vec<bool> = (0..5).map(|_| script.take("PUT", ("/v2/a", ""), None).is_some()).collect();
        assert_eq!(acted, [false, true, true, false, false]);
        assert_eq!(script.take("GET", ("/v2/a", ""), None), None);
    }

    #[test]
    fn the_next_rule_acts_when_the_first_is_spent() {
        let script = FaultScript::default();
        script.add(Fault::on_operation("UpdateService", Action::Throttle));
        script.add(Fault::on_operation("UpdateService", Action::Stall).always());
        let take = || script.take("POST", ("/", ""), Some("UpdateService"));
        assert_eq!([take(), take(), take()], [Some(Action::Throttle), Some(Action::Stall), Some(Action::Stall)]);
    }

    #[test]
    fn a_rule_of_chance_acts_on_its_share_and_alike_for_one_seed() {
        let acted = |seed| {
            let script = FaultScript::default();
            script.add(Fault::at_random(seed, 120, vec![Action::Throttle, Action::Stall]));
            (0..1000).map(|_| script.take("PUT", ("/v2/a", ""), None)).collect::<Vec<_>>()
        };
        let count = acted(7).iter().flatten().count();
        assert!((80..160).contains(&count), "{count}");
        assert_eq!(acted(7), acted(7));
        assert_ne!(acted(7), acted(8));
    }

    #[test]
    fn a_query_tells_a_mount_from_a_start() {
        let script = FaultScript::default();
        script.add(Fault::on_request("POST", "/v2/*", Action::Throttle).with_query("mount=*").always());
        script.add(Fault::on_request("POST", "/v2/*", Action::Stall).with_query("").always());
        assert_eq!(script.take("POST", ("/v2/a", "mount=x&from=y"), None), Some(Action::Throttle));
        assert_eq!(script.take("POST", ("/v2/a", ""), None), Some(Action::Stall));
    }
}
