//! Floor 0, the ground: what every other module may stand on.
//!
//! Remedies ([`Hint`]), secrets that do not print ([`Secret`]), the only door to time ([`Clock`]) and the
//! only door to files whose errors name their path ([`files`]).

mod clock;
pub mod files;
mod hint;
mod secret;

pub use clock::{Clock, DrivenClock, Sleep, Timestamp};
pub use files::FileError;
pub use hint::{Hint, did_you_mean};
pub use secret::{SafeUrl, Secret};
