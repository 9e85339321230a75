//! From text to a tree: YAML 1.2 without what a build file never needs.
//!
//! Aliases are written out where they stand; merge keys, tags other than `!!str` and directives are refused; a key
//! twice in one map is an error. A file cannot ask for more memory than its size warrants: depth, and the size after
//! all aliases are written out, have a bound.

use std::borrow::Cow;
use std::collections::BTreeMap;

use granit_parser::{ErrorKind, Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::error::{Problem, SpecError};
use super::node::{Entry, Node, Scalar, Value};
use super::source::{Place, Source};

/// The largest file that is read, in bytes. Real build files have a few KiB.
pub(super) const SIZE_LIMIT: u64 = 1 << 20;
/// The deepest nesting; a build file of version 1 needs seven levels.
const DEPTH_LIMIT: usize = 64;
/// What all values may weigh, aliases written out: bytes of text, and [`NODE_WEIGHT`] for each value.
const WEIGHT_LIMIT: usize = 32 << 20;
/// The weight of a value beside its text, in bytes: near to what it takes in memory.
const NODE_WEIGHT: usize = 100;

/// Reads a text as one YAML document; `None` where there is nothing but comments.
pub(super) fn parse(source: &Source) -> Result<Option<Node>, SpecError> {
    let mut options = granit_parser::options! {
        disallow_directives: true,
        flow_nesting_limit: DEPTH_LIMIT,
        block_nesting_limit: DEPTH_LIMIT,
    };
    options.set_emit_comments(false);
    let events = Parser::new_from_str_with_options(source.text(), options);
    Builder { source, events, anchors: BTreeMap::new(), weight: 0 }.document()
}

type Item<'s> = (Event<'s>, Span);

struct Builder<'s> {
    source: &'s Source,
    events: Parser<'s, StrInput<'s>>,
    anchors: BTreeMap<usize, Anchored>,
    weight: usize,
}

/// A value that aliases can refer to.
struct Anchored {
    node: Node,
    weight: usize,
    height: usize,
}

impl<'s> Builder<'s> {
    fn document(mut self) -> Result<Option<Node>, SpecError> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => return Ok(root),
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                _ if root.is_some() => {
                    let problem = Problem::new("the file holds a second document")
                        .hint("remove the line `---` and what follows it");
                    return Err(self.flaw(place(&span), problem));
                }
                event => root = Some(self.node((event, span), 1)?),
            }
        }
    }

    fn next(&mut self) -> Result<Item<'s>, SpecError> {
        match self.events.next() {
            Some(Ok(item)) => Ok(item),
            Some(Err(error)) => Err(self.syntax(&error)),
            // After an error or the end nothing follows; both have returned by then.
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn node(&mut self, (event, span): Item<'s>, depth: usize) -> Result<Node, SpecError> {
        let place = place(&span);
        if depth > DEPTH_LIMIT {
            return Err(self.too_deep(place));
        }
        self.charge(NODE_WEIGHT, place)?;
        let (value, anchor) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                self.charge(text.len(), place)?;
                (self.scalar(text, style, tag, place)?, anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.refuse_tag(tag, place)?;
                (self.list(depth)?, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.refuse_tag(tag, place)?;
                (self.map(depth)?, anchor)
            }
            Event::Alias(id) => return self.alias(id, place, depth),
            _ => return Err(self.flaw(place, Problem::new("a value is missing"))),
        };
        let node = Node { place, value };
        if anchor != 0 {
            let (weight, height) = (weigh(&node), measure(&node));
            self.charge(weight, place)?;
            self.anchors.insert(anchor, Anchored { node: node.clone(), weight, height });
        }
        Ok(node)
    }

    fn scalar(
        &self,
        text: Cow<'s, str>,
        style: ScalarStyle,
        tag: Option<Cow<'s, Tag>>,
        place: Place,
    ) -> Result<Value, SpecError> {
        let string = tag.as_deref().is_some_and(|tag| tag.core_suffix() == Some("str"));
        if !string {
            self.refuse_tag(tag, place)?;
        }
        let plain = style == ScalarStyle::Plain && !string;
        if plain && matches!(text.as_ref(), "" | "~" | "null" | "Null" | "NULL") {
            return Ok(Value::Null);
        }
        Ok(Value::Scalar(Scalar { text: text.into_owned(), plain }))
    }

    fn list(&mut self, depth: usize) -> Result<Value, SpecError> {
        let mut nodes = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Value::List(nodes)),
                item => nodes.push(self.node(item, depth + 1)?),
            }
        }
    }

    fn map(&mut self, depth: usize) -> Result<Value, SpecError> {
        let mut entries = Vec::new();
        let mut first_places: BTreeMap<String, Place> = BTreeMap::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok(Value::Map(entries));
            }
            let key_place = place(&span);
            let key = self.key(event, key_place)?;
            if let Some(first) = first_places.insert(key.clone(), key_place) {
                let hint = format!("the first is on line {}; keep one of them", self.source.line_number(first));
                return Err(self.flaw(key_place, Problem::new(format!("`{key}` is given twice")).hint(hint)));
            }
            self.charge(2 * key.len(), key_place)?;
            let item = self.next()?;
            entries.push(Entry { key, key_place, node: self.node(item, depth + 1)? });
        }
    }

    fn key(&self, event: Event<'s>, place: Place) -> Result<String, SpecError> {
        match event {
            Event::Scalar(text, ScalarStyle::Plain, 0, None) if text == "<<" => {
                let problem = Problem::new("merge keys (`<<`) are not supported")
                    .hint("repeat the keys, or use an alias for a whole value: `key: *name`");
                Err(self.flaw(place, problem))
            }
            Event::Scalar(text, style, _, None) if !text.is_empty() || style != ScalarStyle::Plain => {
                Ok(text.into_owned())
            }
            Event::Scalar(_, _, _, None) => Err(self.flaw(place, Problem::new("a key is missing before `:`"))),
            _ => Err(self.flaw(place, self.interpolated(place, Problem::new("a key must be a plain text")))),
        }
    }

    fn alias(&mut self, id: usize, place: Place, depth: usize) -> Result<Node, SpecError> {
        let Some(Anchored { node, weight, height }) = self.anchors.get(&id) else {
            return Err(self.flaw(place, Problem::new("an alias stands inside the value that it names")));
        };
        let (mut node, weight, height) = (node.clone(), *weight, *height);
        if depth + height > DEPTH_LIMIT {
            return Err(self.too_deep(place));
        }
        self.charge(weight, place)?;
        node.place = place;
        Ok(node)
    }

    fn charge(&mut self, weight: usize, place: Place) -> Result<(), SpecError> {
        self.weight += weight;
        if self.weight <= WEIGHT_LIMIT {
            return Ok(());
        }
        let problem = Problem::new("the file is too large once its aliases are written out")
            .hint("use fewer aliases inside of values that are aliased themselves");
        Err(self.flaw(place, problem))
    }

    fn refuse_tag(&self, tag: Option<Cow<'s, Tag>>, place: Place) -> Result<(), SpecError> {
        let Some(tag) = tag else { return Ok(()) };
        let problem = Problem::new(format!("the YAML tag `{}` is not supported", tag.original()))
            .hint("remove it; put quotes around what begins with `!`");
        Err(self.flaw(place, problem))
    }

    fn syntax(&self, error: &ScanError) -> SpecError {
        let marker = error.marker();
        let start = marker.byte_offset().unwrap_or(self.source.text().len());
        let place = Place { start, end: start };
        if *error.kind() == ErrorKind::RecursionLimitExceeded {
            return self.too_deep(place);
        }
        if *error.kind() == ErrorKind::UnknownAnchor {
            let problem = Problem::new("the alias names no anchor that stands before it");
            return self
                .flaw(place, problem.hint("mark the value with `&name`, or put quotes around what begins with `*`"));
        }
        let problem = Problem::new(format!("this is not YAML: {}", error.info()));
        let problem = match error.kind() {
            ErrorKind::TabInBlockIndentation | ErrorKind::TabInIndentation | ErrorKind::TabNotAllowed => {
                problem.hint("indent with spaces")
            }
            ErrorKind::UnclosedQuotedScalar => problem.hint("close the quote that begins here"),
            ErrorKind::SimpleKeyExpected => problem.hint("write `key: value`, with a space after the colon"),
            ErrorKind::ExpectedBlockMappingKey | ErrorKind::InvalidIndentation => {
                problem.hint("indent this line like the other keys of its map")
            }
            ErrorKind::UnexpectedCharacter { character } => {
                problem.hint(format!("put quotes around a text that begins with `{character}`"))
            }
            ErrorKind::DirectiveDisallowed => problem.hint("remove the line that begins with `%`"),
            ErrorKind::MappingValueNotAllowed => {
                problem.hint("put quotes around a text with `: ` in it, and look at the indentation")
            }
            _ => problem,
        };
        self.flaw(place, self.interpolated(place, problem))
    }

    /// Adds the most likely reason for a surprise near `${`: in `[${X}]` YAML reads a map after a dollar sign.
    fn interpolated(&self, place: Place, problem: Problem) -> Problem {
        let line = self.source.line(place);
        let bare = line.match_indices("${").map(|(at, _)| at).find(|at| !line[..*at].ends_with(['"', '\'']));
        let Some(start) = bare else { return problem };
        let end = line[start..].find('}').map_or(line.len(), |end| start + end + 1);
        problem.hint(format!("inside of brackets put quotes around it: `\"{}\"`", &line[start..end]))
    }

    fn too_deep(&self, place: Place) -> SpecError {
        self.flaw(place, Problem::new(format!("values are nested more than {DEPTH_LIMIT} deep")))
    }

    fn flaw(&self, place: Place, problem: Problem) -> SpecError {
        self.source.flaw(place, problem).into()
    }
}

fn place(span: &Span) -> Place {
    let range = span.byte_range().unwrap_or_default();
    Place { start: range.start, end: range.end }
}

fn weigh(node: &Node) -> usize {
    NODE_WEIGHT
        + match &node.value {
            Value::Null => 0,
            Value::Scalar(scalar) => scalar.text.len(),
            Value::List(nodes) => nodes.iter().map(weigh).sum(),
            Value::Map(entries) => entries.iter().map(|entry| 2 * entry.key.len() + weigh(&entry.node)).sum(),
        }
}

/// Returns how many levels there are below a value.
fn measure(node: &Node) -> usize {
    match &node.value {
        Value::Null | Value::Scalar(_) => 0,
        Value::List(nodes) => nodes.iter().map(measure).max().map_or(0, |height| height + 1),
        Value::Map(entries) => entries.iter().map(|entry| measure(&entry.node)).max().map_or(0, |height| height + 1),
    }
}
