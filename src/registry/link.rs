//! The `Link` header that leads to the next page of a list (distribution-spec, "Listing Tags"; RFC 8288), as a pure
//! parser.

/// Returns the target of the first link that is the next page; any other relation is none of ours.
pub(super) fn next(header: &str) -> Option<&str> {
    let mut rest = header;
    while let Some((_, after)) = rest.split_once('<') {
        let (target, after) = after.split_once('>')?;
        let (parameters, following) = match after.find(",<").or_else(|| after.find(", <")) {
            Some(at) => after.split_at(at),
            None => (after, ""),
        };
        if parameters.split(';').any(is_next) {
            return Some(target);
        }
        rest = following;
    }
    None
}

fn is_next(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let relations = value.trim().trim_matches('"');
    name.trim().eq_ignore_ascii_case("rel") && relations.split_whitespace().any(|rel| rel.eq_ignore_ascii_case("next"))
}

#[cfg(test)]
mod tests {
    use super::next;

    #[test]
    fn only_the_next_page_is_followed() {
        for (header, expect) in [
            (r#"</v2/a/tags/list?n=2&last=b>; rel="next""#, Some("/v2/a/tags/list?n=2&last=b")),
            (r#"</x>; rel=next"#, Some("/x")),
            (r#"</x>; title="a"; REL="prev next""#, Some("/x")),
            (r#"</p>; rel="prev", </n>; rel="next""#, Some("/n")),
            (r#"</p>; rel="prev""#, None),
            ("</p>", None),
            ("</p", None),
            ("", None),
        ] {
            assert_eq!(next(header), expect, "{header}");
        }
    }
}
