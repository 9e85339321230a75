//! What ECR says, and what it means.

use super::denied::statement;
use super::{Denied, Mutability};

#[test]
fn a_missing_right_becomes_the_statement_that_gives_it() {
    let message = "User: arn:aws:sts::123456789012:assumed-role/ci/1 is not authorized to perform: \
                   ecr:InitiateLayerUpload on resource: arn:aws:ecr:eu-west-1:123456789012:repository/shop because no \
                   identity-based policy allows the ecr:InitiateLayerUpload action";
    let denied = Denied::parse(message).expect("a right");
    assert_eq!(denied.principal, "arn:aws:sts::123456789012:assumed-role/ci/1");
    let expect = r#"{"Effect":"Allow","Action":"ecr:InitiateLayerUpload","Resource":"arn:aws:ecr:eu-west-1:123456789012:repository/shop"}"#;
    assert_eq!(denied.statement(), expect);
    assert!(denied.remedy().starts_with("add this statement to a policy of `arn:aws:sts::123456789012"));
    let forbidden = message.replace("no identity-based policy allows the", "with an explicit deny in a");
    assert!(Denied::parse(&forbidden).expect("a right").remedy().starts_with("a policy forbids"));
}

#[test]
fn a_message_that_is_cut_short_gives_no_statement_that_allows_nothing() {
    for (message, resource) in [
        ("User: x is not authorized to perform: ecr:PutImage", "*"),
        ("User: x is not authorized to perform: ecr:PutImage on resource: *", "*"),
        ("User: x is not authorized to perform: ecr:PutImage on resource: arn:aws:ec", "*"),
        (
            "x is not authorized to perform: ecr:PutImage on resource: arn:aws-cn:ecr:a:1:repository/b.",
            "arn:aws-cn:ecr:a:1:repository/b",
        ),
    ] {
        assert_eq!(Denied::parse(message).map(|denied| denied.resource).as_deref(), Some(resource), "{message}");
    }
    for message in ["", "Not Authorized", "is not authorized to perform: ", "is not authorized to perform: it"] {
        assert_eq!(Denied::parse(message), None, "{message}");
    }
}

#[test]
fn statements_of_several_actions_are_lists() {
    let expect = r#"{"Effect":"Allow","Action":["a:B","a:C"],"Resource":"*"}"#;
    assert_eq!(statement(&["a:B", "a:C"], "*"), expect);
}

#[test]
fn exclusions_turn_the_rule_around() {
    let patterns = || vec!["latest".to_owned(), "dev-*-x".to_owned()];
    for (rule, tag, expect) in [
        (Mutability::Mutable, "1.0", Some(true)),
        (Mutability::Immutable, "latest", Some(false)),
        (Mutability::ImmutableExcept(patterns()), "latest", Some(true)),
        (Mutability::ImmutableExcept(patterns()), "latest-1", Some(false)),
        (Mutability::ImmutableExcept(patterns()), "dev-1-2-x", Some(true)),
        (Mutability::ImmutableExcept(patterns()), "dev-x", Some(false)),
        (Mutability::MutableExcept(patterns()), "latest", Some(false)),
        (Mutability::MutableExcept(patterns()), "1.0", Some(true)),
        (Mutability::Unknown, "1.0", None),
    ] {
        assert_eq!(rule.may_move(tag), expect, "{rule:?} {tag}");
    }
}
