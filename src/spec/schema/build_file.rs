//! The whole file, and the sections that speak of the image and its repository.

use super::Shape::{Boolean, By, Either, Form, List, Number, OrNull, Scalar, Text};
use super::{DEPLOY, LAYER, Needs, Section, Shape, key};

/// The whole file.
pub(in crate::spec) static BUILD_FILE: Section = Section {
    name: "build_file",
    about: "What is built, where it is pushed, and what runs it. Keys that begin with `x-` are the user's own.",
    needs: Needs::All(&["version", "base"]),
    keys: &[
        key("version", "The version of this file's language.", Number(1, 1), &["1"]),
        key(
            "format",
            "The version of the bytes of layers. One format gives the same bytes for ever.",
            Number(1, 1),
            &["1"],
        ),
        key(
            "name",
            "Where the image is pushed: registry and repository, without a tag.",
            Text,
            &[r#""123456789012.dkr.ecr.eu-central-1.amazonaws.com/shop/web""#],
        ),
        key(
            "tags",
            "The tags that are pushed, in this order; the first is written to ECS, as tag@digest. Default: latest.",
            Shape::Some(&Text),
            &[r#"["${git.commit}", "latest"]"#],
        ),
        key(
            "base",
            "What is built on: an image, `scratch`, or oci:DIR[:tag], oci-archive:FILE, docker-archive:FILE.",
            Text,
            &[r#""docker.io/library/debian:13-slim""#, r#""scratch""#, r#""oci:base""#],
        ),
        key(
            "platforms",
            "What is built for; several make an index. Default: the base's, if it has one, else linux/amd64.",
            Shape::Some(&Form("^[a-z0-9]+/[a-z0-9_.]+(/[a-z0-9_.]+)?$")),
            &[r#"["linux/amd64", "linux/arm64"]"#],
        ),
        key(
            "contexts",
            "Folders outside the project, by the name that layers call them: the only way to files out there.",
            By(&Text),
            &[r#"{"venv": "/opt/venv"}"#],
        ),
        key(
            "compression",
            "How layers are compressed: gzip, gzip:1 to gzip:9, zstd, zstd:1 to zstd:19, none. Default: gzip.",
            Form("^(gzip(:[1-9])?|zstd(:(1[0-9]|[1-9]))?|none)$"),
            &[r#""gzip""#, r#""zstd:3""#],
        ),
        key(
            "cache_from",
            "More images whose layers may be taken over, if their registry can mount them.",
            List(&Text),
            &[r#"["registry.example.com/shop/web:main"]"#],
        ),
        key(
            "layers",
            "The layers, bottom to top: what changes least comes first.",
            List(&Shape::Section(&LAYER)),
            &[r#"[{"from": "vendor"}, {"from": "."}]"#],
        ),
        key("config", "What is laid over the base's config.", Shape::Section(&CONFIG), &[]),
        key(
            "annotations",
            "Annotations of the manifest and of the index.",
            By(&Scalar),
            &[r#"{"org.opencontainers.image.source": "https://example.com/shop"}"#],
        ),
        key("secrets", "What the guard of secrets admits.", Shape::Section(&SECRETS), &[]),
        key(
            "repository",
            "How the repository is made in ECR when it does not exist.",
            Shape::Section(&REPOSITORY),
            &[],
        ),
        key("deploy", "What runs the image.", Shape::Section(&DEPLOY), &[]),
        key(
            "environments",
            "What one place has otherwise, by its name; chosen by -e.",
            By(&Shape::Section(&ENVIRONMENT)),
            &[r#"{"prod": {"deploy": {"cluster": "prod"}}}"#],
        ),
    ],
};

/// What one place has otherwise.
pub(in crate::spec) static ENVIRONMENT: Section = Section {
    name: "environment",
    about: "Where the image goes and what runs it, never what is in it: one digest, many places.",
    needs: Needs::Nothing,
    keys: &[
        key("name", "Replaces `name`.", Text, &[r#""registry.example.com/shop/web""#]),
        key("tags", "Replaces `tags`.", List(&Text), &[r#"["stable"]"#]),
        key("repository", "Laid over `repository`, key by key.", Shape::Section(&REPOSITORY), &[]),
        key("deploy", "Laid over `deploy`, key by key.", Shape::Section(&DEPLOY), &[]),
    ],
};

const COMMAND: Shape = List(&Scalar);
const DURATION: Shape = Form("^([0-9]+(ms|s|m|h|d))+$");

/// What is laid over the base's config.
pub(in crate::spec) static CONFIG: Section = Section {
    name: "config",
    about: "What is laid over the base's config, in the words of the OCI image configuration.",
    needs: Needs::Nothing,
    keys: &[
        key(
            "env",
            "Variables; `${base.NAME}` is the base's value, null takes an inherited one away.",
            By(&OrNull(&Scalar)),
            &[r#"{"TZ": "Asia/Seoul", "PATH": "/opt/venv/bin:${base.PATH}", "OLD": null}"#],
        ),
        key("working_dir", "The working directory; relative places of layers are below it.", Text, &[r#""/srv""#]),
        key("user", "Who runs the program: a name or numbers.", Text, &[r#""www-data""#, r#""65534:65534""#]),
        key(
            "entrypoint",
            "The program, as a list; setting it clears an inherited cmd.",
            COMMAND,
            &[r#"["/usr/bin/tini", "--"]"#],
        ),
        key(
            "cmd",
            "The arguments, or the program where there is no entrypoint; a list.",
            COMMAND,
            &[r#"["apache2-foreground"]"#],
        ),
        key(
            "ports",
            "Ports that the program listens on.",
            List(&Either(&[Number(1, 65_535), Form("^[0-9]{1,5}(/(tcp|udp|sctp))?$")])),
            &["[80]", r#"["53/udp"]"#],
        ),
        key("volumes", "Folders whose content outlives a container.", List(&Text), &[r#"["/var/lib/app"]"#]),
        key(
            "labels",
            "Labels; null takes an inherited one away.",
            By(&OrNull(&Scalar)),
            &[r#"{"org.opencontainers.image.title": "shop"}"#],
        ),
        key(
            "stop_signal",
            "The signal that ends the program.",
            Either(&[Form("^(SIG[A-Z0-9+-]+|[1-9]|[1-5][0-9]|6[0-4])$"), Number(1, 64)]),
            &[r#""SIGTERM""#],
        ),
        key(
            "healthcheck",
            "How Docker asks whether the program is well; ECS has its own in the task definition.",
            Shape::Section(&HEALTHCHECK),
            &[],
        ),
    ],
};

/// `config.healthcheck`.
pub(in crate::spec) static HEALTHCHECK: Section = Section {
    name: "healthcheck",
    about: "How Docker asks whether the program is well.",
    needs: Needs::All(&["test"]),
    keys: &[
        key("test", "[CMD, PROGRAM, ...], [CMD-SHELL, LINE] or [NONE].", COMMAND, &[r#"["CMD", "/bin/ok"]"#]),
        key("interval", "The time between two questions.", DURATION, &[r#""30s""#]),
        key("timeout", "How long one may take.", DURATION, &[r#""5s""#]),
        key("retries", "How many failures in a row count.", Number(0, 1000), &["3"]),
        key("start_period", "The time to start, in which failures do not count.", DURATION, &[r#""10s""#]),
    ],
};

/// `secrets`.
pub(in crate::spec) static SECRETS: Section = Section {
    name: "secrets",
    about: "What the guard of secrets admits.",
    needs: Needs::Nothing,
    keys: &[key(
        "allow",
        "Patterns of .dockerignore, from the project's root.",
        List(&Text),
        &[r#"["tests/keys/**"]"#],
    )],
};

/// `repository`.
pub(in crate::spec) static REPOSITORY: Section = Section {
    name: "repository",
    about: "How the repository is made in ECR; used when it does not exist.",
    needs: Needs::Nothing,
    keys: &[
        key("create", "Make it.", Boolean, &["true"]),
        key("scan_on_push", "Let ECR scan what is pushed.", Boolean, &["true"]),
        key(
            "immutable_tags",
            "Tags stay where they are: all, none, or all but some.",
            Either(&[Boolean, Shape::Section(&IMMUTABLE_TAGS)]),
            &["true", r#"{"except": ["latest"]}"#],
        ),
        key("expire_untagged", "Images without a tag are removed after so many whole days.", DURATION, &[r#""14d""#]),
    ],
};

/// `repository.immutable_tags`.
pub(in crate::spec) static IMMUTABLE_TAGS: Section = Section {
    name: "immutable_tags",
    about: "All tags stay where they are but some.",
    needs: Needs::All(&["except"]),
    keys: &[key("except", "Patterns of tags that may move, at most five.", Shape::Some(&Text), &[r#"["latest"]"#])],
};
