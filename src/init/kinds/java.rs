//! Java: libraries below the program's own classes where the build keeps them apart, else one jar.

use super::Outline;
use crate::init::draft::{LayerDraft, words};
use crate::init::listing::Project;
use crate::init::manifest::version;
use crate::init::text::Text;
use crate::tree::TreeError;

/// The version where the project does not say.
const JAVA: &str = "21";

/// How the project is built.
struct Build {
    /// The text of the build's own file.
    text: String,
    /// What builds it, without tests.
    command: &'static str,
    /// Where jars are left.
    folder: &'static str,
}

pub(super) fn java(project: &Project<'_>) -> Result<Outline, TreeError> {
    let mut outline = Outline::default();
    let build = build(project)?;
    let text = build.as_ref().map(|build| build.text.as_str()).unwrap_or_default();
    let draft = &mut outline.draft;
    draft.base = Text::literal(&format!("docker.io/library/eclipse-temurin:{}-jre", java_version(text)));
    draft.config.working_dir = Some(Text::literal("/app"));
    draft.config.user = Some(Text::literal("65534:65534"));
    draft.config.ports = words(&["8080"]);
    draft.config.ports_comment = "what the program listens on";
    let jar = jar(project, build.as_ref())?;
    outline.steps.extend(build.as_ref().map(|build| build.command.to_owned()));
    if text.contains("quarkus") {
        let folder = if build.as_ref().is_some_and(|build| build.folder == "target") { "target" } else { "build" };
        quarkus(&mut outline, &format!("{folder}/quarkus-app"));
    } else if text.contains("org.springframework.boot") {
        spring(&mut outline, &jar);
    } else {
        let layer = LayerDraft::of(&jar).to("/app/app.jar").saying("the program with all it needs");
        outline.draft.layers.push(layer);
        outline.draft.config.cmd = Some(words(&["java", "-jar", "/app/app.jar"]));
    }
    outline.ignored.extend(["target", "build", ".gradle", ".mvn", "src/test"]);
    Ok(outline)
}

fn build(project: &Project<'_>) -> Result<Option<Build>, TreeError> {
    if project.has("pom.xml")? {
        let command = match project.has("mvnw")? {
            true => "./mvnw --batch-mode package -DskipTests",
            false => "mvn --batch-mode package -DskipTests",
        };
        return Ok(Some(Build { text: project.text("pom.xml")?, command, folder: "target" }));
    }
    let Some(file) = project.first_of(&["build.gradle", "build.gradle.kts"])? else { return Ok(None) };
    let command = if project.has("gradlew")? { "./gradlew assemble" } else { "gradle assemble" };
    Ok(Some(Build { text: project.text(file)?, command, folder: "build/libs" }))
}

/// Spring Boot's own tool takes a jar apart: libraries, which change seldom, and the program.
fn spring(outline: &mut Outline, jar: &str) {
    let name = jar.rsplit('/').next().unwrap_or(jar);
    outline.steps.push(format!("java -Djarmode=tools -jar {jar} extract --destination build/app"));
    let layers = &mut outline.draft.layers;
    layers.push(LayerDraft::of("build/app/lib").to("/app/lib").saying("the libraries").split());
    layers.push(LayerDraft::of("build/app").to("/app").saying("the program"));
    outline.draft.config.cmd = Some(words(&["java", "-jar", &format!("/app/{name}")]));
}

fn quarkus(outline: &mut Outline, folder: &str) {
    let layers = &mut outline.draft.layers;
    layers.push(LayerDraft::of(&format!("{folder}/lib")).to("/app/lib").saying("the libraries").split());
    layers.push(LayerDraft::of(folder).to("/app").saying("the program"));
    outline.draft.config.cmd = Some(words(&["java", "-jar", "/app/quarkus-run.jar"]));
}

/// Returns the jar: the one that is there, else the one that the build will leave.
fn jar(project: &Project<'_>, build: Option<&Build>) -> Result<String, TreeError> {
    let folders = build.map_or(vec!["", "target", "build/libs"], |build| vec![build.folder]);
    for folder in folders {
        let names = project.names(folder)?;
        let part = |name: &str| ["-sources", "-javadoc", "-plain", "-tests"].iter().any(|part| name.contains(part));
        let found = names.iter().find(|name| name.ends_with(".jar") && !name.starts_with("original-") && !part(name));
        if let Some(name) = found {
            return Ok(if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") });
        }
    }
    let Some(build) = build else { return Ok("app.jar".to_owned()) };
    if build.folder == "target" {
        let own = without_parent(&build.text);
        let name = element(&own, "artifactId").unwrap_or(project.folder_name);
        let version = element(&own, "version").or_else(|| element(&build.text, "version")).unwrap_or("0.0.1-SNAPSHOT");
        let name = element(&own, "finalName").map_or_else(|| format!("{name}-{version}"), str::to_owned);
        return Ok(format!("target/{name}.jar"));
    }
    let settings = project.first_of(&["settings.gradle", "settings.gradle.kts"])?;
    let settings = settings.map(|name| project.text(name)).transpose()?.unwrap_or_default();
    let name = assigned(&settings, "rootProject.name").unwrap_or(project.folder_name);
    let version = assigned(&build.text, "version").map(|version| format!("-{version}")).unwrap_or_default();
    Ok(format!("build/libs/{name}{version}.jar"))
}

/// Returns the Java version that a build file asks for.
fn java_version(text: &str) -> String {
    let marks = [
        "<java.version>",
        "<maven.compiler.release>",
        "<maven.compiler.target>",
        "JavaLanguageVersion.of(",
        "sourceCompatibility",
    ];
    let after = |mark: &&str| text.split_once(*mark).and_then(|(_, rest)| version(rest.get(..24).unwrap_or(rest), 1));
    let found = marks.iter().find_map(after).filter(|version| version.len() == 2);
    // The runtimes that the base's project still makes.
    match found.as_deref().and_then(|version| version.parse::<u32>().ok()) {
        Some(version @ (11 | 17 | 21 | 25)) => version.to_string(),
        Some(version) if version < 17 => "17".to_owned(),
        Some(version) if version > 21 => "25".to_owned(),
        _ => JAVA.to_owned(),
    }
}

/// Returns a POM from which what belongs to other artifacts is taken out.
fn without_parent(pom: &str) -> String {
    let mut text = pom.to_owned();
    for name in ["parent", "dependencies", "dependencyManagement", "plugins"] {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        while let Some(start) = text.find(&open) {
            let end = text[start..].find(&close).map_or(text.len(), |end| start + end + close.len());
            text.replace_range(start..end, "");
        }
    }
    text
}

fn element<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    let (value, _) = rest.split_once('<')?;
    let value = value.trim();
    (!value.is_empty() && !value.contains("${")).then_some(value)
}

/// Returns what a line of Gradle assigns to a name: `version = '1.0'`.
fn assigned<'t>(text: &'t str, name: &str) -> Option<&'t str> {
    let line = text.lines().find_map(|line| line.trim().strip_prefix(name))?;
    let value = line.trim_start().strip_prefix('=').unwrap_or(line).trim();
    let quote = value.chars().next().filter(|quote| matches!(quote, '\'' | '"'))?;
    value[1..].split_once(quote).map(|(value, _)| value).filter(|value| !value.is_empty() && !value.contains('$'))
}
