//! `layers`, and within them `paths` and `files`.

use super::Shape::{Boolean, By, Either, Form, List, Number, Text, Word};
use super::{Needs, Section, Shape, key};

const OCTAL: Shape = Form("^[0-7]{3,4}$");
const MODE: Shape = Form("^(normal|keep|[0-7]{3,4})$");
const MTIME: Shape = Either(&[Word(&["content", "source_date_epoch", "keep"]), Number(0, 253_402_300_799)]);
const OWNER: &[&str] = &[r#""www-data""#, r#""33:33""#];
const MODES: &[&str] = &[r#""0755""#];
const ABOUT_MTIME: &str =
    "The time of files: content (made of the content; the default), seconds since 1970, source_date_epoch, keep.";
const ABOUT_CAPABILITIES: &str = "File capabilities, as in capabilities(7).";

/// An entry of `layers`.
pub(in crate::spec) static LAYER: Section = Section {
    name: "layer",
    about: "Where files come from, where they go, and what becomes of them.",
    needs: Needs::AnyOf(&["from", "files"]),
    keys: &[
        key("name", "What it is called in plans and histories. Default: `from`.", Text, &[r#""system""#]),
        key("context", "Takes files of this entry of `contexts` instead of the project's.", Text, &[r#""venv""#]),
        key(
            "image",
            "Takes files of this image, as COPY --from=IMAGE does; `base` says what may stand here.",
            Text,
            &[r#""public.ecr.aws/awsguru/aws-lambda-adapter:0.9.1""#],
        ),
        key(
            "from",
            "The file or folder that is taken; a folder gives its content. Or one for each platform.",
            Either(&[Text, By(&Text)]),
            &[r#""vendor""#, r#"{"linux/amd64": "out/x86_64/app", "linux/arm64": "out/aarch64/app"}"#],
        ),
        key(
            "to",
            "Where it goes; a file goes into it where it ends with a slash. Default: working_dir/from.",
            Text,
            &[r#""/opt/venv""#],
        ),
        key(
            "include",
            "Takes only what matches: .dockerignore syntax, relative to `from`.",
            List(&Text),
            &[r#"["**/*.php"]"#],
        ),
        key(
            "exclude",
            "Leaves out what matches: .dockerignore syntax, relative to `from`.",
            List(&Text),
            &[r#"["tests"]"#],
        ),
        key(
            "dockerignore",
            "Whether .dockerignore counts. Default: unless it ignores `from` itself.",
            Boolean,
            &["false"],
        ),
        key(
            "owner",
            "Who owns the files: name[:group], looked up in the tree below, or numbers. Default: 0:0.",
            Text,
            OWNER,
        ),
        key("mode", "normal (0755 where the owner may execute, else 0644; the default), keep, or octal.", MODE, MODES),
        key("mtime", ABOUT_MTIME, MTIME, &[r#""content""#]),
        key("replace", "Lets a file take the place of a folder, or the reverse.", Boolean, &["true"]),
        key(
            "split",
            "Makes several layers of about this size, cut where a small change moves few; off for one. Default: 256MiB.",
            Either(&[Number(1 << 20, u64::MAX), Form("^(off|[0-9]+(B|kB|KB|MB|GB|TB|KiB|MiB|GiB)?)$")]),
            &[r#""64MiB""#, r#""off""#],
        ),
        key(
            "paths",
            "Rules for some of the files; merged for each key, later ones win.",
            List(&Shape::Section(&PATH_RULE)),
            &[],
        ),
        key("files", "Entries that this file writes itself, without a RUN.", Shape::Some(&Shape::Section(&FILE)), &[]),
    ],
};

/// An entry of `paths`.
pub(in crate::spec) static PATH_RULE: Section = Section {
    name: "path_rule",
    about: "What some of the layer's files have otherwise.",
    needs: Needs::All(&["match"]),
    keys: &[
        key(
            "match",
            "Patterns of .dockerignore, relative to `from`; each covers the path and all below it.",
            Either(&[Text, Shape::Some(&Text)]),
            &[r#"["storage", "bootstrap/cache"]"#],
        ),
        key("owner", "Who owns them.", Text, OWNER),
        key("mode", "The mode of files and folders.", MODE, MODES),
        key("dir_mode", "The mode of folders.", MODE, &[r#""0775""#]),
        key("file_mode", "The mode of files.", MODE, &[r#""0664""#]),
        key("mtime", ABOUT_MTIME, MTIME, &[r#""content""#]),
        key("capabilities", ABOUT_CAPABILITIES, List(&Text), &[r#"["cap_net_bind_service"]"#]),
    ],
};

/// An entry of `files`.
pub(in crate::spec) static FILE: Section = Section {
    name: "file",
    about: "An entry that the build file writes: one of content, from, link, dir, remove.",
    needs: Needs::And("path", &["content", "from", "link", "dir", "remove"]),
    keys: &[
        key("path", "Where it is in the image.", Text, &[r#""/etc/timezone""#]),
        key("content", "A file with this text; nothing is replaced in it.", Shape::Scalar, &[r#""Asia/Seoul\n""#]),
        key("from", "A file with the content of this one of the project.", Text, &[r#""LICENSE""#]),
        key("link", "A symbolic link to this.", Text, &[r#""../sites-available/server.conf""#]),
        key("dir", "A folder.", Shape::True, &["true"]),
        key("remove", "Takes away what the base has there.", Shape::True, &["true"]),
        key("owner", "Who owns it.", Text, OWNER),
        key("mode", "Its mode.", OCTAL, &[r#""0644""#]),
        key("mtime", ABOUT_MTIME, MTIME, &[r#""content""#]),
        key("capabilities", ABOUT_CAPABILITIES, List(&Text), &[r#"["cap_net_bind_service"]"#]),
    ],
};
