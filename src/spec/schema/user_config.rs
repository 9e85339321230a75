//! The user configuration.

use super::Shape::{By, Either, Form, List, Number, Text, Word};
use super::{Needs, Section, Shape, key};

/// The whole file.
pub(in crate::spec) static USER_CONFIG: Section = Section {
    name: "user_config",
    about: "How this machine reaches registries, and how large its cache may be.",
    needs: Needs::Nothing,
    keys: &[
        key("hosts", "How a registry is reached, by its name in references.", By(&Shape::Section(&HOST)), &[]),
        key("cache", "The cache.", Shape::Section(&CACHE), &[]),
    ],
};

/// An entry of `hosts`.
pub(in crate::spec) static HOST: Section = Section {
    name: "host",
    about: "How a registry is reached.",
    needs: Needs::Nothing,
    keys: &[
        key("endpoint", "The host that is connected to, such as a VPC endpoint.", Text, &[r#""127.0.0.1:5000""#]),
        key("scheme", "Default: http for loopback hosts, else https.", Word(&["http", "https"]), &[r#""https""#]),
        key("ca", "A file with certificates of authorities (PEM).", Text, &[r#""company-ca.pem""#]),
        key("cert", "A file with the client's certificate (PEM); with `key`.", Text, &[r#""client.pem""#]),
        key("key", "A file with the key of `cert` (PEM).", Text, &[r#""client.key""#]),
        key(
            "mirrors",
            "Hosts, or host/path, that are asked first.",
            List(&Text),
            &[r#"["mirror.example.com/docker-hub"]"#],
        ),
    ],
};

/// `cache`.
pub(in crate::spec) static CACHE: Section = Section {
    name: "cache",
    about: "The cache.",
    needs: Needs::Nothing,
    keys: &[key(
        "max_size",
        "What it is kept within. Default: 10GiB.",
        Either(&[Number(0, u64::MAX), Form("^[0-9]+(B|kB|KB|MB|GB|TB|KiB|MiB|GiB)?$")]),
        &[r#""10GiB""#],
    )],
};
