//! Several platforms in one file.

use proptest::prelude::*;

use super::*;
use crate::spec::ImageSpec;

/// The platforms that files are made of; `arm64` and `arm64/v8` are one.
const PLATFORMS: [&str; 5] = ["linux/amd64", "linux/arm64", "linux/arm/v7", "linux/arm/v6", "linux/s390x"];

/// Parts of a file that depend on the platform.
const LAYERS: [&str; 7] = [
    "{from: \"bin/${TARGETARCH}\", to: /bin/}",
    "{name: static, from: public, to: \"/srv/${TARGETOS}/${TARGETVARIANT:-none}\"}",
    "{from: {linux/amd64: a, linux/arm64/v8: b, linux/arm: c, linux/arm/v6: d, linux/s390x: e}, to: /w}",
    "{name: tools, context: tools, from: {linux/amd64: x, linux/arm64: y, linux/arm: ., linux/s390x: z}}",
    "{image: \"oci:tools-${TARGETARCH}\", from: /bin/jq, to: /bin/jq}",
    "{name: note, files: [{path: \"/etc/${TARGETARCH}\", content: \"${TARGETARCH}\"}]}",
    "{name: small, from: small, split: 1MiB, replace: true, paths: [{match: \"${TARGETARCH}\", mode: \"0700\"}]}",
];

fn load_for(platforms: &[&str], layers: &[&str]) -> Vec<ImageSpec> {
    let text = format!(
        "version: 1\nbase: \"oci:/base-${{TARGETARCH}}\"\nplatforms: [{}]\ncontexts: {{tools: \"/opt/${{TARGETARCH}}\"}}\n\
         layers: [{}]\nconfig: {{env: {{ARCH: \"${{TARGETARCH}}:${{base.PATH:-}}\"}}}}\n",
        platforms.join(", "),
        layers.join(", ")
    );
    let project = std::path::Path::new("/nowhere");
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("build.yaml");
    std::fs::write(&file, text).expect("written");
    let overrides = Overrides::default();
    let inputs = Inputs { project, file: Some(&file), environment: &environment, overrides: &overrides };
    load(&inputs).unwrap_or_else(|error| panic!("{}", shown(&error))).images
}

proptest! {
    #[test]
    fn a_platform_among_others_gets_what_it_gets_alone(
        platforms in prop::sample::subsequence(PLATFORMS.to_vec(), 1..=PLATFORMS.len()).prop_shuffle(),
        layers in prop::sample::subsequence(LAYERS.to_vec(), 0..=LAYERS.len()).prop_shuffle(),
    ) {
        let together = load_for(&platforms, &layers);
        let alone: Vec<_> = platforms.iter().flat_map(|platform| load_for(&[*platform], &layers)).collect();
        prop_assert_eq!(together, alone);
    }
}

fn of_overrides(values: &[&str]) -> Result<Vec<String>, SpecError> {
    let platforms = values.iter().map(ToString::to_string).collect();
    let overrides = Overrides { platforms, ..Overrides::default() };
    let spec = load_with("version: 1\nbase: scratch\nplatforms: [\"${NO}\"]\n", &environment, &overrides)?;
    Ok(spec.images.iter().map(|image| image.platform.as_ref().expect("a platform").to_string()).collect())
}

#[test]
fn platforms_of_the_command_line_replace_those_of_the_file() {
    assert_eq!(of_overrides(&["linux/arm64"]).expect("platforms"), ["linux/arm64"]);
    let several = of_overrides(&["linux/s390x,linux/arm64", "linux/amd64"]).expect("platforms");
    assert_eq!(several, ["linux/s390x", "linux/arm64", "linux/amd64"]);
    for (values, expect) in [
        (&["linux/arm64,linux/arm64/v8"][..], "`--platform`: `linux/arm64/v8` and `linux/arm64` are the same platform"),
        (&["linux/amd64", "linux/amd64"], "`--platform`: the platform `linux/amd64` is given twice"),
        (&["linux/amd64,"], "`--platform`: `` is not a platform such as `linux/amd64` or `linux/arm64/v8`"),
    ] {
        assert_eq!(of_overrides(values).expect_err("bad platforms").to_string(), expect);
    }
}

#[test]
fn one_platform_may_stand_in_what_is_common() {
    let text = "version: 1\nbase: scratch\nplatforms: [linux/amd64]\nname: example.com/app-${TARGETARCH}\n";
    let spec = load_text(text).expect("a build file");
    assert_eq!(spec.name.expect("a name").to_string(), "example.com/app-amd64");
}
