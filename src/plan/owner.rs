//! Owners by name, looked up in the passwd and group of the tree below.

use super::PlanError;
use crate::ground::did_you_mean;
use crate::spec::{OwnerPart, OwnerSpec};

/// The numbers of an owner.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) uid: u64,
    pub(super) gid: u64,
}

/// The text of `/etc/passwd` and `/etc/group`, read only when a name is asked for.
#[derive(Debug, Default)]
pub(super) struct Names {
    pub(super) passwd: Vec<u8>,
    pub(super) group: Vec<u8>,
}

impl Names {
    /// Returns whether an owner needs no look-up.
    pub(super) fn is_numeric(owner: &OwnerSpec) -> bool {
        matches!(owner.user, OwnerPart::Id(_)) && !matches!(owner.group, Some(OwnerPart::Name(_)))
    }

    /// Returns the numbers of an owner. A name alone brings its primary group, a number alone is uid and gid.
    pub(super) fn resolve(&self, layer: &str, owner: &OwnerSpec) -> Result<Owner, PlanError> {
        let (uid, primary) = match &owner.user {
            OwnerPart::Id(id) => (*id, *id),
            OwnerPart::Name(name) => self.user(layer, name)?,
        };
        let gid = match &owner.group {
            None => primary,
            Some(OwnerPart::Id(id)) => *id,
            Some(OwnerPart::Name(name)) => self.group_id(layer, name)?,
        };
        Ok(Owner { uid, gid })
    }

    fn user(&self, layer: &str, name: &str) -> Result<(u64, u64), PlanError> {
        let numbers = records(&self.passwd)
            .find(|fields| fields[0] == name.as_bytes())
            .and_then(|fields| Some((number(fields.get(2)?)?, number(fields.get(3)?)?)));
        numbers.ok_or_else(|| PlanError::UnknownUser {
            layer: layer.to_owned(),
            name: name.to_owned(),
            near: near(&self.passwd, name),
        })
    }

    fn group_id(&self, layer: &str, name: &str) -> Result<u64, PlanError> {
        let found = records(&self.group).find(|fields| fields[0] == name.as_bytes());
        found.and_then(|fields| number(fields.get(2)?)).ok_or_else(|| PlanError::UnknownGroup {
            layer: layer.to_owned(),
            name: name.to_owned(),
            near: near(&self.group, name),
        })
    }
}

fn records(text: &[u8]) -> impl Iterator<Item = Vec<&[u8]>> {
    text.split(|byte| *byte == b'\n').map(|line| line.split(|byte| *byte == b':').collect())
}

fn number(field: &&[u8]) -> Option<u64> {
    std::str::from_utf8(field).ok()?.trim().parse().ok()
}

fn near(text: &[u8], name: &str) -> Option<String> {
    let names: Vec<String> = records(text)
        .map(|fields| String::from_utf8_lossy(fields[0]).into_owned())
        .filter(|it| !it.is_empty())
        .collect();
    did_you_mean(name, names.iter().map(String::as_str)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ground::Hint;

    fn resolve(user: OwnerPart, group: Option<OwnerPart>) -> Result<(u64, u64), PlanError> {
        let names = Names {
            passwd: b"root:x:0:0::/:/bin/sh\nwww-data:x:33:34:www:/var/www:/bin/sh\nbroken\n".to_vec(),
            group: b"root:x:0:\nadm:x:4:syslog\n".to_vec(),
        };
        names.resolve("app", &OwnerSpec { user, group }).map(|owner| (owner.uid, owner.gid))
    }

    fn name(text: &str) -> OwnerPart {
        OwnerPart::Name(text.to_owned())
    }

    #[test]
    fn names_and_numbers_mix() {
        assert_eq!(resolve(name("www-data"), None).unwrap(), (33, 34));
        assert_eq!(resolve(name("www-data"), Some(name("adm"))).unwrap(), (33, 4));
        assert_eq!(resolve(OwnerPart::Id(7), None).unwrap(), (7, 7));
        assert_eq!(resolve(OwnerPart::Id(7), Some(OwnerPart::Id(8))).unwrap(), (7, 8));
        assert_eq!(resolve(OwnerPart::Id(7), Some(name("adm"))).unwrap(), (7, 4));
    }

    #[test]
    fn an_unknown_name_offers_the_nearest() {
        let error = resolve(name("www-dta"), None).unwrap_err();
        assert!(error.hint().unwrap().contains("www-data"), "{error}");
        assert!(matches!(resolve(name("broken"), None), Err(PlanError::UnknownUser { .. })));
        assert!(matches!(resolve(OwnerPart::Id(1), Some(name("zz"))), Err(PlanError::UnknownGroup { near: None, .. })));
    }
}
