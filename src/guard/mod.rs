//! Floor 3: what must not go into an image, and what an image could not run.
//!
//! The packer reads every byte of a layer once; while they stream by, an [`Inspection`] looks at them for secrets and
//! for programs. It decides nothing about the layer: what it saw is [`Inspected`], data for whoever drives the build.
//!
//! # What counts as a secret
//!
//! Two kinds of rules. *Marks* are short texts that stand in every secret of a kind (`PRIVATE KEY`, `AKIA`, a token's
//! prefix). One pass of a vectorised search finds them anywhere in a file of any length, text or not; what stands around
//! a mark decides. *Documents* are files known by name or by a mark (`.env`, `.npmrc`, a kubeconfig); of these the first
//! 64 KiB are read line by line.
//!
//! Both look for the secret itself, not for the talk about it: a header of a key without its body, a variable without a
//! value, a reference such as `${TOKEN}`, an example from a manual are none. Archives and compressed files are not opened.
//!
//! A finding below `node_modules`, `vendor` or `site-packages` is a warning: those hold other people's published
//! files, test keys and an occasional `.env` among them. All else is a refusal, unless `secrets.allow` admits the path.

mod alphabet;
mod aws;
mod document;
mod env_file;
mod finding;
mod inspected;
mod inspection;
mod key_text;
mod keystore;
mod login;
mod machine;
mod marks;
mod program;
mod refused;
mod rules;
mod scan;
mod secret;
mod token;

pub use finding::{Finding, Findings, Severity};
pub use inspected::{
    Asked, AskedKind, Inspected, MachineLink, MachineScript, OtherMachine, RequiredInterpreter, Sample,
};
pub use inspection::{Examination, Inspection, InspectionOptions, Subject, is_below};
pub use machine::Machine;
pub use program::Program;
pub use refused::{Refused, RefusedVariable};
pub use rules::{Guard, RULES};
pub use secret::Secret;

#[cfg(test)]
mod tests;
