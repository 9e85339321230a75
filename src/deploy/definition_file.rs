//! Task definitions in files: JSON or YAML, the input of RegisterTaskDefinition or what `describe-task-definition`
//! prints, with `${VAR}` in its texts.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::model;
use super::task_definition::{TaskDefinition, TaskDefinitionError};
use crate::ground::{FileError, Hint, files};

/// What a variable's expression in a text is replaced by: the text without expressions, or why there is none.
#[derive(Clone)]
pub struct FillIn(Arc<Replace>);

type Replace = dyn Fn(&str) -> Result<String, Unfilled> + Send + Sync;

impl FillIn {
    /// Makes one of a function of the whole text.
    pub fn new(replace: impl Fn(&str) -> Result<String, Unfilled> + Send + Sync + 'static) -> Self {
        Self(Arc::new(replace))
    }

    /// Leaves every text as it is.
    pub fn nothing() -> Self {
        Self::new(|text| Ok(text.to_owned()))
    }
}

/// A text whose variables have no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unfilled {
    /// Which variable, and why not.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl TaskDefinition {
    /// Reads a JSON or YAML file.
    ///
    /// # Errors
    /// When the file cannot be read, is neither JSON nor YAML, names a variable without value, or is no task definition.
    pub fn read(path: &Path, fill_in: &FillIn) -> Result<Self, TaskDefinitionFileError> {
        let text = files::read_to_string(path)?;
        Self::parse(&text, fill_in).map_err(|source| TaskDefinitionFileError::Content { path: path.to_owned(), source })
    }

    /// Reads JSON or YAML. JSON is told by its first character, and read as JSON for the better message.
    ///
    /// Variables are replaced in texts after parsing, so that no value can change the document's structure.
    ///
    /// # Errors
    /// When the text is neither, names a variable without value, or is no task definition.
    pub fn parse(text: &str, fill_in: &FillIn) -> Result<Self, TaskDefinitionError> {
        let text = text.trim_start_matches('\u{feff}');
        let mut value: Value = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(|error| TaskDefinitionError::Syntax(error.to_string()))
        } else {
            serde_saphyr::from_str(text).map_err(|error| TaskDefinitionError::Syntax(first_line(&error.to_string())))
        }?;
        replace(&mut value, fill_in).map_err(TaskDefinitionError::Variable)?;
        let definition = match value.get_mut("taskDefinition") {
            Some(inner) => inner,
            None => &mut value,
        };
        model::settle(definition).map_err(TaskDefinitionError::Fraction)?;
        Self::from_value(value)
    }
}

fn replace(value: &mut Value, fill_in: &FillIn) -> Result<(), Unfilled> {
    match value {
        Value::String(text) if text.contains('$') => {
            *text = (fill_in.0)(text)?;
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| replace(item, fill_in)),
        Value::Object(members) => members.values_mut().try_for_each(|member| replace(member, fill_in)),
        _ => Ok(()),
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}

/// A task definition file that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskDefinitionFileError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is read and is no task definition.
    #[error("`{}` is not a task definition", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: TaskDefinitionError,
    },
}

impl Hint for TaskDefinitionFileError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File(error) if error.is_not_found() => {
                Some("give `deploy.task_definition` a path in the project, or `live` to copy what runs".to_owned())
            }
            Self::File(error) => error.hint(),
            Self::Content { source: TaskDefinitionError::Variable(unfilled), .. } => unfilled
                .hint
                .clone()
                .or_else(|| Some("set the variable, or write `$$` for a dollar sign that is meant".to_owned())),
            Self::Content { source: TaskDefinitionError::Fraction(_), .. } => Some("write it in quotes".to_owned()),
            Self::Content { .. } => Some(
                "write what `aws ecs register-task-definition --cli-input-json` takes, or save what \
                 `aws ecs describe-task-definition` prints"
                    .to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(text: &str) -> Result<TaskDefinition, TaskDefinitionError> {
        TaskDefinition::parse(text, &FillIn::nothing())
    }

    #[test]
    fn files_are_json_or_yaml_wrapped_or_not() {
        let plain = r#"{"family": "f", "containerDefinitions": [{"name": "a", "image": "x"}]}"#;
        let wrapped = format!(r#"{{"taskDefinition": {plain}, "tags": [{{"key": "k", "value": "v"}}]}}"#);
        let yaml = "family: f\ncontainerDefinitions:\n  - {name: a, image: x}\n";
        let expect = parse(plain).expect("JSON");
        assert_eq!(parse(yaml).expect("YAML"), expect);
        let wrapped = parse(&wrapped).expect("wrapped JSON");
        assert_eq!((wrapped.family(), wrapped.containers()), (expect.family(), expect.containers()));
        assert_eq!(wrapped.document()["tags"], json!([{"key": "k", "value": "v"}]));
    }

    #[test]
    fn yaml_scalars_become_the_texts_that_ecs_takes() {
        let yaml = "family: f\ncpu: 256\ncontainerDefinitions:\n  - {name: a, cpu: 1, command: [sleep, 10], \
                    dockerLabels: {n: 1}, environment: [{name: A, value: true}]}\n";
        let definition = parse(yaml).expect("YAML");
        let container = &definition.document()["containerDefinitions"][0];
        assert_eq!((&definition.document()["cpu"], &container["cpu"]), (&json!("256"), &json!(1)));
        assert_eq!(container["environment"][0]["value"], "true");
        assert_eq!((&container["command"], &container["dockerLabels"]["n"]), (&json!(["sleep", "10"]), &json!("1")));
    }

    #[test]
    fn variables_are_replaced_in_texts_alone_and_take_the_form_of_their_place() {
        let fill_in = FillIn::new(|text| match text {
            "${IMAGE}" => Ok("a\": {".to_owned()),
            "${PORT}" => Ok("80".to_owned()),
            other => Err(Unfilled { message: format!("`{other}` is not set"), hint: None }),
        });
        let text = r#"{"family": "f", "containerDefinitions":
            [{"name": "a", "image": "${IMAGE}", "memory": "${PORT}", "portMappings": [{"containerPort": "${PORT}"}]}]}"#;
        let definition = TaskDefinition::parse(text, &fill_in).expect("a task definition");
        let container = &definition.document()["containerDefinitions"][0];
        assert_eq!((&container["image"], &container["memory"]), (&json!("a\": {"), &json!(80)));
        assert_eq!(container["portMappings"][0]["containerPort"], 80);
        let error = TaskDefinition::parse(r#"{"family": "${NOPE}"}"#, &fill_in).expect_err("not set");
        assert_eq!(error.to_string(), "`${NOPE}` is not set");
    }

    #[test]
    fn what_is_no_task_definition_says_why() {
        let rows = [
            ("[]", "a task definition is a map of members"),
            ("family: f", "there is no `containerDefinitions`"),
            ("containerDefinitions: [{name: a}]", "there is no `family`"),
            (
                "{\"family\": \"f\", \"containerDefinitions\": [{}]}",
                "there is no `name` of a container in `containerDefinitions`",
            ),
            ("{\"family\": }", "expected value at line 1 column 12"),
            ("family: f\ncpu: 1.10\n", "`cpu` is a text, and a number with a fraction stands there"),
        ];
        for (text, words) in rows {
            assert_eq!(parse(text).expect_err("no task definition").to_string(), words, "{text}");
        }
    }
}
