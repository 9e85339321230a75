//! Reading values out of the tree, with an error at its place for everything that is not as it should be.

use super::env_value::EnvValue;
use super::error::{Problem, SpecError};
use super::interpolate::Interpolation;
use super::node::{Entry, Node, Scalar, Value};
use super::schema::Section;
use super::source::{Place, Source};
use super::variables::Variables;

/// What readers share.
pub(super) struct Reader<'a> {
    pub(super) source: &'a Source,
    /// Without variables texts are taken as they stand.
    pub(super) variables: Option<&'a Variables<'a>>,
}

/// A value and the key that it stands under.
#[derive(Clone, Copy)]
pub(super) struct Field<'a> {
    reader: &'a Reader<'a>,
    node: &'a Node,
    /// The key; for an entry of a list that of the list.
    name: &'a str,
    /// The key's place; none for an entry of a list.
    key: Option<Place>,
}

/// A scalar's value after interpolation.
pub(super) struct Text {
    pub(super) text: String,
    pub(super) written: Written,
}

/// How a scalar stands in the file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Written {
    Plain,
    Quoted,
    /// With variables in it: quotes say nothing about what is meant.
    Interpolated,
}

impl<'a> Field<'a> {
    /// Makes the field of a whole document.
    pub(super) fn root(reader: &'a Reader<'a>, node: &'a Node) -> Self {
        Self { reader, node, name: "the file", key: Some(Place::default()) }
    }

    /// Returns the key that this stands under.
    pub(super) fn name(&self) -> &'a str {
        self.name
    }

    pub(super) fn is_null(&self) -> bool {
        matches!(self.node.value, Value::Null)
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.node.value, Value::List(_))
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self.node.value, Value::Map(_))
    }

    pub(super) fn is_scalar(&self) -> bool {
        matches!(self.node.value, Value::Scalar(_))
    }

    /// Returns an error at the value.
    pub(super) fn flaw(&self, problem: Problem) -> SpecError {
        self.reader.source.flaw(self.node.place, problem).into()
    }

    /// Returns an error at the key, or at the value where there is no key.
    pub(super) fn key_flaw(&self, problem: Problem) -> SpecError {
        self.reader.source.flaw(self.key.unwrap_or(self.node.place), problem).into()
    }

    /// Returns an error for a value of the wrong kind.
    pub(super) fn wrong(&self, wanted: &str, hint: Option<&str>) -> SpecError {
        let what = self.what();
        let problem = match &self.node.value {
            Value::Null => Problem::new(format!("{what} has no value")),
            other => Problem::new(format!("{what} must be {wanted}, not {}", other.kind())),
        };
        let null_hint = || format!("give it a value ({wanted}), or remove it");
        let problem = match hint {
            Some(hint) => problem.hint(hint),
            None if self.is_null() => problem.hint(null_hint()),
            None => problem,
        };
        if self.is_null() { self.key_flaw(problem) } else { self.flaw(problem) }
    }

    fn what(&self) -> String {
        match self.key {
            Some(place) if place == Place::default() && self.name == "the file" => self.name.to_owned(),
            Some(_) => format!("`{}`", self.name),
            None => format!("an entry of `{}`", self.name),
        }
    }

    /// Returns the text of a scalar of any kind.
    pub(super) fn scalar(&self, wanted: &str) -> Result<Text, SpecError> {
        let Value::Scalar(Scalar { text, plain }) = &self.node.value else {
            return Err(self.wrong(wanted, None));
        };
        let plain_or_quoted = if *plain { Written::Plain } else { Written::Quoted };
        let Some(interpolation) = self.interpolation() else {
            return Ok(Text { text: text.clone(), written: plain_or_quoted });
        };
        let written = if text.contains("${") { Written::Interpolated } else { plain_or_quoted };
        Ok(Text { text: interpolation.text(text)?, written })
    }

    fn interpolation(&self) -> Option<Interpolation<'a>> {
        let Reader { source, variables } = self.reader;
        variables.map(|variables| Interpolation { source, place: self.node.place, variables })
    }

    /// Returns the text of a scalar of any kind, `true` and numbers as they are written.
    pub(super) fn verbatim(&self) -> Result<String, SpecError> {
        self.scalar("a text").map(|text| text.text)
    }

    /// Returns the text of a scalar of any kind as the file has it, without interpolation.
    pub(super) fn untouched(&self) -> Result<String, SpecError> {
        match &self.node.value {
            Value::Scalar(scalar) => Ok(scalar.text.clone()),
            _ => Err(self.wrong("a text", None)),
        }
    }

    /// Returns a text. A number counts as written; a boolean is refused.
    pub(super) fn text(&self) -> Result<String, SpecError> {
        match &self.node.value {
            Value::Scalar(scalar) if scalar.is_boolean() => {
                Err(self.wrong("a text", Some("put quotes around it if it is meant as a text")))
            }
            _ => self.verbatim(),
        }
    }

    /// Returns what a text stands for.
    pub(super) fn parse<T>(&self, read: impl FnOnce(&str) -> Result<T, Problem>) -> Result<T, SpecError> {
        read(&self.text()?).map_err(|problem| self.flaw(problem))
    }

    /// Returns a value of `config.env`.
    pub(super) fn env_value(&self) -> Result<EnvValue, SpecError> {
        match (&self.node.value, self.interpolation()) {
            (Value::Scalar(scalar), Some(interpolation)) => interpolation.env_value(&scalar.text),
            _ => self.verbatim().map(EnvValue::literal),
        }
    }

    /// Returns a boolean.
    pub(super) fn boolean(&self) -> Result<bool, SpecError> {
        let wrong = || self.wrong("`true` or `false`", Some("write `true` or `false`, without quotes"));
        let text = self.scalar("`true` or `false`")?;
        match text.text.as_str() {
            _ if text.written == Written::Quoted => Err(wrong()),
            "true" | "True" | "TRUE" => Ok(true),
            "false" | "False" | "FALSE" => Ok(false),
            _ => Err(wrong()),
        }
    }

    /// Returns a whole number of a range.
    pub(super) fn number(&self, low: u64, high: u64) -> Result<u64, SpecError> {
        let wanted = format!("a whole number from {low} to {high}");
        let text = self.scalar(&wanted)?;
        let digits = !text.text.is_empty() && text.text.bytes().all(|b| b.is_ascii_digit());
        let number = text.text.parse::<u64>().ok().filter(|number| digits && (low..=high).contains(number));
        match number {
            Some(_) if text.written == Written::Quoted => Err(self.wrong(&wanted, Some("remove the quotes"))),
            Some(number) => Ok(number),
            None => Err(self.flaw(Problem::new(format!("{} must be {wanted}, not `{}`", self.what(), text.text)))),
        }
    }

    /// Returns the entries of a list.
    pub(super) fn list(&self) -> Result<Vec<Self>, SpecError> {
        let Value::List(nodes) = &self.node.value else {
            let hint = match &self.node.value {
                Value::Scalar(scalar) if !scalar.is_boolean() => {
                    let name = self.name;
                    Some(format!(
                        "write `{name}: [{}]`",
                        if scalar.plain { scalar.text.clone() } else { format!("{:?}", scalar.text) }
                    ))
                }
                Value::Null => Some("write `[]` for an empty list, or remove the key".to_owned()),
                _ => None,
            };
            return Err(self.wrong("a list", hint.as_deref()));
        };
        Ok(nodes.iter().map(|node| Self { reader: self.reader, node, name: self.name, key: None }).collect())
    }

    /// Returns the entries of a map whose keys are the user's own words.
    pub(super) fn entries(&self) -> Result<Vec<Self>, SpecError> {
        Ok(self.map_entries()?.iter().map(|entry| self.at(entry)).collect())
    }

    /// Returns a map whose keys are the build file's words.
    pub(super) fn map(&self, section: &Section) -> Result<Map<'a>, SpecError> {
        let map = self.any_map()?;
        for entry in map.entries {
            self.check_key(entry, section)?;
        }
        Ok(map)
    }

    /// Returns a map without a look at its keys.
    pub(super) fn any_map(&self) -> Result<Map<'a>, SpecError> {
        Ok(Map { field: *self, entries: self.map_entries()? })
    }

    fn map_entries(&self) -> Result<&'a [Entry], SpecError> {
        match &self.node.value {
            Value::Map(entries) => Ok(entries),
            Value::Null => Err(self.wrong("a map", Some("write `{}` for an empty map, or remove the key"))),
            _ => Err(self.wrong("a map", None)),
        }
    }

    fn check_key(&self, entry: &Entry, section: &Section) -> Result<(), SpecError> {
        let key = entry.key.as_str();
        if section.knows(key) {
            return Ok(());
        }
        let problem = Problem::new(format!("unknown key `{key}`")).one_of(key, &section.names());
        Err(self.at(entry).key_flaw(problem))
    }

    fn at(&self, entry: &'a Entry) -> Self {
        Self { reader: self.reader, node: &entry.node, name: &entry.key, key: Some(entry.key_place) }
    }
}

/// A map whose keys are the build file's words.
pub(super) struct Map<'a> {
    field: Field<'a>,
    entries: &'a [Entry],
}

impl<'a> Map<'a> {
    /// Returns the field of this map.
    pub(super) fn field(&self) -> Field<'a> {
        self.field
    }

    /// Returns the value under a key.
    pub(super) fn get(&self, key: &str) -> Option<Field<'a>> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| self.field.at(entry))
    }

    /// Returns what is read from the value under a key, if the key is there.
    pub(super) fn read<T>(
        &self,
        key: &str,
        read: impl FnOnce(Field<'a>) -> Result<T, SpecError>,
    ) -> Result<Option<T>, SpecError> {
        self.get(key).map(read).transpose()
    }

    /// Returns the first of these keys that is there.
    pub(super) fn first_of(&self, keys: &[&str]) -> Option<Field<'a>> {
        self.entries.iter().find(|entry| keys.contains(&entry.key.as_str())).map(|entry| self.field.at(entry))
    }

    /// Returns all of these keys that are there, in the order of the file.
    pub(super) fn all_of(&self, keys: &[&str]) -> Vec<Field<'a>> {
        let there = self.entries.iter().filter(|entry| keys.contains(&entry.key.as_str()));
        there.map(|entry| self.field.at(entry)).collect()
    }
}
