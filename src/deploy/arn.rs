//! Amazon resource names: `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`.

/// Returns what follows the last slash of an ARN, or the whole of a plain name.
pub(super) fn last_part(arn: &str) -> &str {
    arn.rsplit_once('/').map_or(arn, |(_, last)| last)
}

/// Returns the account in an ARN.
pub(super) fn account(arn: &str) -> Option<&str> {
    arn.strip_prefix("arn:")?.split(':').nth(3).filter(|account| !account.is_empty())
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
}
