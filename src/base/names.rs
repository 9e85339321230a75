//! The users and groups of `/etc/passwd` and `/etc/group`.

use crate::ground::did_you_mean;

/// The texts of passwd and group; either may be missing, and then it has no names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// The bytes of passwd.
    pub passwd: Option<Vec<u8>>,
    /// The bytes of group.
    pub group: Option<Vec<u8>>,
}

impl Names {
    /// Returns a user's number and primary group. Lines that are no records are passed over, as the C library does.
    pub fn user(&self, name: &str) -> Option<(u64, u64)> {
        let fields = records(&self.passwd).find(|fields| fields[0] == name.as_bytes())?;
        Some((number(fields.get(2)?)?, number(fields.get(3)?)?))
    }

    /// Returns a group's number.
    pub fn group(&self, name: &str) -> Option<u64> {
        let fields = records(&self.group).find(|fields| fields[0] == name.as_bytes())?;
        number(fields.get(2)?)
    }

    /// Returns the user whose name is most like this one, for messages.
    pub fn user_like(&self, name: &str) -> Option<String> {
        like(&self.passwd, name)
    }

    /// Returns the group whose name is most like this one, for messages.
    pub fn group_like(&self, name: &str) -> Option<String> {
        like(&self.group, name)
    }
}

fn records(text: &Option<Vec<u8>>) -> impl Iterator<Item = Vec<&[u8]>> {
    let lines = text.iter().flat_map(|text| text.split(|byte| *byte == b'\n'));
    lines.map(|line| line.split(|byte| *byte == b':').collect())
}

fn number(field: &[u8]) -> Option<u64> {
    std::str::from_utf8(field).ok()?.trim().parse().ok()
}

fn like(text: &Option<Vec<u8>>, name: &str) -> Option<String> {
    let names: Vec<String> = records(text)
        .map(|fields| String::from_utf8_lossy(fields[0]).into_owned())
        .filter(|it| !it.is_empty())
        .collect();
    did_you_mean(name, names.iter().map(String::as_str)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broken_lines_are_no_names() {
        let names = Names {
            passwd: Some(b"root:x:0:0::/:/bin/sh\nwww-data:x:33:34:www:/var/www:/bin/sh\nbroken\n".to_vec()),
            group: Some(b"root:x:0:\nadm:x:4:syslog\n".to_vec()),
        };
        assert_eq!((names.user("www-data"), names.user("broken"), names.user("")), (Some((33, 34)), None, None));
        assert_eq!((names.group("adm"), names.group("www-data")), (Some(4), None));
        assert_eq!(names.user_like("www-dta").as_deref(), Some("www-data"));
        assert_eq!(Names::default().user("root"), None);
    }
}
