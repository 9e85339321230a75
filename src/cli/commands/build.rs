//! `dockless build`.

use std::path::PathBuf;

use dockless::pipeline::{self, Output};

use super::{Done, Failure, finish};
use crate::cli::args::{BuildArgs, Common};
use crate::cli::settings::Session;

/// Builds the image into the store, and writes the outputs that were asked for.
pub(super) async fn run(common: &Common, args: &BuildArgs) -> Result<Done, Failure> {
    let outputs = args.outputs.iter().map(|text| parse(text)).collect::<Result<Vec<_>, _>>()?;
    let to_stdout = outputs.iter().filter(|output| output.path().is_none()).count();
    if to_stdout > 1 {
        let hint = Some("write one of them to a file".to_owned());
        return Err(Failure::Usage { message: "two outputs cannot share stdout".to_owned(), hint });
    }
    let paths: Vec<PathBuf> = outputs.iter().filter_map(Output::path).map(absolute).collect();
    let session = Session::open(common, &paths).await?;
    let built = pipeline::build(&session.context, &outputs).await;
    session.close().await;
    Ok(finish(common, &built?.report, to_stdout > 0))
}

fn absolute(path: &std::path::Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

fn parse(text: &str) -> Result<Output, Failure> {
    let usage = |message: String| Failure::Usage {
        message,
        hint: Some("write oci:DIR, oci-archive:FILE or docker-archive:FILE".to_owned()),
    };
    let (form, path) = text.split_once(':').ok_or_else(|| usage(format!("`{text}` is no output")))?;
    if path.is_empty() {
        return Err(usage(format!("the output `{text}` has no path")));
    }
    let file = || (path != "-").then(|| PathBuf::from(path));
    match form {
        "oci" if path == "-" => Err(usage("a layout is a folder and cannot go to stdout".to_owned())),
        "oci" => Ok(Output::Layout(PathBuf::from(path))),
        "oci-archive" => Ok(Output::OciArchive(file())),
        "docker-archive" => Ok(Output::DockerArchive(file())),
        _ => Err(usage(format!("`{form}` is no form of output"))),
    }
}
