//! What single words of a build file stand for: durations, sizes, modes, owners, ports.
//!
//! These readers know no place: whoever calls them adds where the word stands.

use std::time::Duration;

use super::build_spec::Compression;
use super::error::Problem;
use super::metadata_spec::{OwnerPart, OwnerSpec};
use crate::oci::{Platform, Reference, Repository, Tag};

/// Units of durations, in milliseconds.
const DURATION_UNITS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Units of sizes, in bytes.
const SIZE_UNITS: [(&str, u64); 9] = [
    ("B", 1),
    ("kB", 1000),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
];

/// The largest id of a user or group; the next one means "unchanged" to the kernel.
const MAX_ID: u64 = u32::MAX as u64 - 1;

/// Reads `20m`, `1h30m`, `500ms`.
pub(super) fn duration(text: &str) -> Result<Duration, Problem> {
    let problem = || {
        let hint = match text.bytes().all(|b| b.is_ascii_digit()) && !text.is_empty() {
            true => format!("add a unit: `{text}s`, `{text}m`"),
            false => "write it like `30s`, `20m`, `1h30m` or `500ms`".to_owned(),
        };
        Problem::new(format!("`{text}` is not a duration")).hint(hint)
    };
    let mut milliseconds: u64 = 0;
    let mut rest = text;
    while !rest.is_empty() {
        let (number, unit, after) = number_and_unit(rest).ok_or_else(problem)?;
        let (_, factor) = DURATION_UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(problem)?;
        milliseconds = number.checked_mul(factor).and_then(|n| milliseconds.checked_add(n)).ok_or_else(problem)?;
        rest = after;
    }
    if text.is_empty() { Err(problem()) } else { Ok(Duration::from_millis(milliseconds)) }
}

/// Reads `10GiB`, `500MB`, or a count of bytes.
pub(super) fn size(text: &str) -> Result<u64, Problem> {
    let problem =
        || Problem::new(format!("`{text}` is not a size")).hint("write it like `10GiB`, `500MB` or a count of bytes");
    if let Ok(bytes) = text.parse::<u64>()
        && !text.starts_with('+')
    {
        return Ok(bytes);
    }
    let (number, unit, rest) = number_and_unit(text).ok_or_else(problem)?;
    let (_, factor) = SIZE_UNITS.into_iter().find(|(name, _)| *name == unit).ok_or_else(problem)?;
    number.checked_mul(factor).filter(|_| rest.is_empty()).ok_or_else(problem)
}

/// Reads a size of the command line: `10GiB`, `500MB`, or a count of bytes.
///
/// # Errors
/// What is wrong with it, and how it is written, in words.
pub fn parse_size(text: &str) -> Result<u64, String> {
    size(text).map_err(|_| format!("`{text}` is not a size; write it like `10GiB`, `500MB` or a count of bytes"))
}

/// Reads a duration of the command line: `30ms`, `20m`, `1h30m`.
///
/// # Errors
/// What is wrong with it, and how it is written, in words.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    duration(text).map_err(|_| format!("`{text}` is not a duration; write it like `30ms`, `20s` or `1h30m`"))
}

/// Splits `1h30m` into 1, `h` and `30m`.
fn number_and_unit(text: &str) -> Option<(u64, &str, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
    let (unit, rest) = rest.split_at(letters);
    Some((number.parse().ok()?, unit, rest))
}

/// Reads an octal mode of three or four digits: `0755`, `644`, `1777`.
pub(super) fn octal(text: &str) -> Result<u32, Problem> {
    let good = matches!(text.len(), 3 | 4) && text.bytes().all(|b| (b'0'..=b'7').contains(&b));
    match u32::from_str_radix(text, 8) {
        Ok(mode) if good => Ok(mode),
        _ => Err(Problem::new(format!("`{text}` is not an octal mode")).hint("write it like `\"0755\"` or `\"0644\"`")),
    }
}

/// Reads `name`, `name:group`, `33` or `33:33`.
pub(super) fn owner(text: &str) -> Result<OwnerSpec, Problem> {
    let (user, group) = match text.split_once(':') {
        Some((user, group)) => (user, Some(group)),
        None => (text, None),
    };
    Ok(OwnerSpec { user: owner_part(user, text)?, group: group.map(|group| owner_part(group, text)).transpose()? })
}

fn owner_part(part: &str, whole: &str) -> Result<OwnerPart, Problem> {
    let problem = || {
        Problem::new(format!("`{whole}` is not an owner"))
            .hint("write it like `www-data`, `www-data:www-data`, `33` or `33:33`")
    };
    if !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) {
        return part.parse().ok().filter(|id| *id <= MAX_ID).map(OwnerPart::Id).ok_or_else(problem);
    }
    let bad = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ':' | '/' | ',');
    if part.is_empty() || part.starts_with(['-', '+']) || part.contains(bad) {
        return Err(problem());
    }
    Ok(OwnerPart::Name(part.to_owned()))
}

/// Reads `80`, `80/tcp` or `53/udp`, and returns it with its protocol.
pub(super) fn port(text: &str) -> Result<String, Problem> {
    let problem = || Problem::new(format!("`{text}` is not a port"));
    if text.contains(':') {
        return Err(problem().hint("name the container's port only; the task definition maps ports of the host"));
    }
    let (number, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
    if !matches!(protocol, "tcp" | "udp" | "sctp") {
        return Err(problem().hint(format!("write it like `{number}/tcp` or `{number}/udp`")));
    }
    let digits = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
    match number.parse::<u16>() {
        Ok(number) if digits && number > 0 => Ok(format!("{number}/{protocol}")),
        _ => Err(problem().hint("a port is a number from 1 to 65535, such as `80` or `53/udp`")),
    }
}

/// Reads `gzip`, `gzip:9`, `zstd`, `zstd:19` or `none`.
pub(super) fn compression(text: &str) -> Result<Compression, Problem> {
    let (codec, level) = match text.split_once(':') {
        Some((codec, level)) => (codec, Some(level)),
        None => (text, None),
    };
    let in_range = |highest: u32, default: u32| match level {
        None => Ok(default),
        Some(level) => level.parse().ok().filter(|level| (1..=highest).contains(level)).ok_or_else(|| {
            Problem::new(format!("`{level}` is not a level of {codec}"))
                .hint(format!("levels go from `{codec}:1` to `{codec}:{highest}`"))
        }),
    };
    match (codec, level) {
        ("gzip", _) => in_range(9, 6).map(Compression::Gzip),
        ("zstd", _) => in_range(19, 3).map(|level| Compression::Zstd(i32::try_from(level).unwrap_or(3))),
        ("none", None) => Ok(Compression::None),
        ("none", Some(_)) => Err(Problem::new("`none` has no level").hint("write `none`")),
        _ => Err(Problem::new(format!("`{text}` is no compression")).one_of(codec, &["gzip", "zstd", "none"])),
    }
}

/// Reads `linux/amd64`, `linux/arm64/v8`.
pub(super) fn platform(text: &str) -> Result<Platform, Problem> {
    let known = ["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/386", "linux/ppc64le", "linux/s390x"];
    text.parse().map_err(|error: crate::oci::PlatformError| {
        let near = Problem::new(error.to_string()).near(text, &known);
        match text {
            _ if near.hint.is_some() => near,
            "amd64" | "x86_64" => near.hint("write `linux/amd64`"),
            "arm64" | "aarch64" => near.hint("write `linux/arm64`"),
            _ => near,
        }
    })
}

/// Reads a tag.
pub(super) fn tag(text: &str) -> Result<Tag, Problem> {
    text.parse().map_err(|error: crate::oci::TagError| {
        let problem = Problem::new(error.to_string());
        if text.contains('/') {
            problem.hint("a tag has no `/`; use `${git.commit}` for one that always fits")
        } else {
            problem
        }
    })
}

/// Reads `registry/repository`.
pub(super) fn repository(text: &str) -> Result<Repository, Problem> {
    if text.contains("://") {
        let bare = text.split_once("://").map_or(text, |(_, bare)| bare);
        return Err(
            Problem::new(format!("`{text}` is a URL, not `registry/repository`")).hint(format!("write `{bare}`"))
        );
    }
    text.parse().map_err(|error: crate::oci::ReferenceError| {
        let problem = Problem::new(error.to_string());
        match error {
            crate::oci::ReferenceError::NotBare(_) => problem.hint("put tags under `tags`"),
            _ if text.bytes().any(|b| b.is_ascii_uppercase()) => {
                problem.hint(format!("write `{}`", text.to_ascii_lowercase()))
            }
            _ => problem.hint("write it like `registry.example.com/team/app`"),
        }
    })
}

/// Reads `registry/repository:tag`, also with a digest.
pub(super) fn reference(text: &str) -> Result<Reference, Problem> {
    let hint = "write it like `registry.example.com/team/app:tag`";
    text.parse().map_err(|error: crate::oci::ReferenceError| Problem::new(error.to_string()).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_add_up() {
        for (text, milliseconds) in
            [("20m", 1_200_000), ("30s", 30_000), ("1h30m", 5_400_000), ("500ms", 500), ("0s", 0), ("1d", 86_400_000)]
        {
            assert_eq!(duration(text), Ok(Duration::from_millis(milliseconds)), "{text}");
        }
        for text in ["", "30", "m", "1x", "-1s", "1.5s", "1 s", "99999999999999999999s", "9999999999999999h"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes_have_units() {
        for (text, bytes) in [("10GiB", 10 << 30), ("500MB", 500_000_000), ("1024", 1024), ("1KiB", 1024)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "GiB", "1 GiB", "1gib", "1GiBx", "-1", "+1", "99999999999GiB"] {
            assert!(size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn modes_are_octal() {
        assert_eq!((octal("0755"), octal("644"), octal("1777")), (Ok(0o755), Ok(0o644), Ok(0o1777)));
        for text in ["", "7", "0o755", "0888", "00755", "+755", "rwx"] {
            assert!(octal(text).is_err(), "{text}");
        }
    }

    #[test]
    fn owners_are_names_or_numbers() {
        let name = |text: &str| OwnerPart::Name(text.to_owned());
        assert_eq!(owner("www-data"), Ok(OwnerSpec { user: name("www-data"), group: None }));
        assert_eq!(owner("33:adm"), Ok(OwnerSpec { user: OwnerPart::Id(33), group: Some(name("adm")) }));
        for text in ["", ":", "a:", ":a", "a:b:c", "a b", "-1", "4294967295", "99999999999999999999999"] {
            assert!(owner(text).is_err(), "{text}");
        }
    }

    #[test]
    fn ports_have_a_protocol() {
        assert_eq!((port("80"), port("53/udp")), (Ok("80/tcp".to_owned()), Ok("53/udp".to_owned())));
        for text in ["", "0", "65536", "+80", "80/icmp", "8080:80", "80-90", "http"] {
            assert!(port(text).is_err(), "{text}");
        }
    }

    #[test]
    fn compression_has_levels() {
        for (text, expect) in [
            ("gzip", Compression::Gzip(6)),
            ("gzip:1", Compression::Gzip(1)),
            ("zstd", Compression::Zstd(3)),
            ("zstd:19", Compression::Zstd(19)),
            ("none", Compression::None),
        ] {
            assert_eq!(compression(text), Ok(expect), "{text}");
        }
        for text in ["", "gzip:0", "gzip:10", "zstd:20", "zstd:", "none:1", "xz"] {
            assert!(compression(text).is_err(), "{text}");
        }
    }
}
