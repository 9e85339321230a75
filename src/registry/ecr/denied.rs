//! What AWS says to a principal without a right, and the IAM statement that gives it: pure.

/// A right that is missing, as AWS words it: `User: ARN is not authorized to perform: ACTION on resource: ARN because ...`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The ARN of the principal.
    pub principal: String,
    /// The IAM action, such as `ecr:InitiateLayerUpload`.
    pub action: String,
    /// The ARN of the resource, or `*`.
    pub resource: String,
    /// Whether a policy forbids it, so that no further statement can allow it.
    pub forbidden: bool,
}

impl Denied {
    /// Reads a message of AWS; `None` when it names no action.
    pub fn parse(message: &str) -> Option<Self> {
        let (before, after) = message.split_once("is not authorized to perform: ")?;
        let principal = before.split_once("User: ").map_or("", |(_, name)| name).trim();
        let action = word(after)?;
        if !action.contains(':') {
            return None;
        }
        let resource = after.split_once("on resource: ").and_then(|(_, rest)| word(rest));
        // A resource that is cut short would make a statement that allows nothing.
        let resource = resource.filter(|arn| *arn == "*" || arn.matches(':').count() >= 5);
        let forbidden = message.contains("explicit deny")
            || message.contains("permissions boundary")
            || message.contains("service control policy")
            || message.contains("resource control policy")
            || message.contains("session policy");
        let own = |text: &str| text.to_owned();
        Some(Self { principal: own(principal), action: own(action), resource: own(resource.unwrap_or("*")), forbidden })
    }

    /// Returns the statement to add to a policy, as JSON in one line.
    pub fn statement(&self) -> String {
        statement(&[&self.action], &self.resource)
    }

    /// Returns what to do about it.
    pub fn remedy(&self) -> String {
        let Self { principal, action, .. } = self;
        let who = if principal.is_empty() { "the principal".to_owned() } else { format!("`{principal}`") };
        match self.forbidden {
            true => format!(
                "a policy forbids {who} `{action}`: look for it in permissions boundaries, service control policies and \
                 explicit denies; then this statement suffices: {}",
                self.statement()
            ),
            false => format!("add this statement to a policy of {who}: {}", self.statement()),
        }
    }
}

/// Returns an IAM statement that allows actions on a resource.
pub(in crate::registry) fn statement(actions: &[&str], resource: &str) -> String {
    let actions = match actions {
        [one] => serde_json::json!(one),
        several => serde_json::json!(several),
    };
    // Written by hand for the order in which people write it.
    format!(r#"{{"Effect":"Allow","Action":{actions},"Resource":{}}}"#, serde_json::json!(resource))
}

/// Returns the first word, without the punctuation of the sentence.
fn word(text: &str) -> Option<&str> {
    text.split_whitespace().next().map(|word| word.trim_end_matches(['.', ',', ';'])).filter(|word| !word.is_empty())
}
