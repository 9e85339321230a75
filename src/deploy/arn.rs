//! Amazon resource names: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.

/// Returns what follows the last slash of an ARN, or the whole of a plain name.
pub(super) fn last_part(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, last)| last)
}

/// Returns the account in an ARN.
pub(super) fn account(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(3).filter(|account| !account.is_empty())
}

/// Returns the region in an ARN.
pub(super) fn region(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(2).filter(|region| !region.is_empty())
}

/// Returns the family in the name of a task definition: `shop` of `.../shop:3`, `shop:3` or `shop`.
pub(super) fn family(task_definition: &str) -> &str {
    let name = last_part(task_definition);
    name.split_once(':').map_or(name, |(family, _)| family)
}

/// Returns whether the name of a task definition has a revision.
pub(super) fn is_pinned(task_definition: &str) -> bool {
    last_part(task_definition).contains(':')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found_in_arns_and_in_plain_names() {
        let arn = "arn:aws-cn:ecs:cn-north-1:123456789012:service/shop/web";
        assert_eq!((last_part(arn), account(arn)), ("web", Some("123456789012")));
        assert_eq!((last_part("web"), account("web")), ("web", None));
    }

    #[test]
    fn a_family_is_what_stands_before_the_revision() {
        let arn = "arn:aws:ecs:eu-west-1:123456789012:task-definition/shop:3";
        assert_eq!((family(arn), family("shop:3"), family("shop")), ("shop", "shop", "shop"));
        assert_eq!((is_pinned(arn), is_pinned("arn:aws:ecs:r:1:task-definition/shop")), (true, false));
    }
}
