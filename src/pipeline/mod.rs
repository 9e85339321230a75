//! Floor 7: the use cases: build, push, copy, inspect, plan, deploy, ship.
//!
//! A use case is handed a [`Context`] (build file, store, registries, clock, observer) and returns a [`Report`]. It
//! decides nothing that a lower floor can decide; it brings synchronous work and the network together.

mod base;
mod bridge;
mod build;
mod cache;
mod chunks;
mod clock;
mod context;
mod copy;
mod deploy;
mod error;
mod examine;
mod facts;
mod inspect;
mod known;
mod layers;
mod live;
mod lock;
mod output;
mod placed;
mod preflight;
mod push;
mod report;
mod reuse;
mod roots;
mod running;
mod several;
mod ship;
mod ship_plan;
mod split;
mod uploads;
mod work;

pub use build::{Built, BuiltImage, build};
pub use cache::{
    CacheReport, DEFAULT_CACHE_SIZE, Held, PruneReport, bound_cache, folder_size, measure_cache, prune_cache,
};
pub use clock::SystemClock;
pub use context::{Context, Resolving};
pub use copy::{CopyContext, CopyError, CopyOptions, Place, PlaceError, copy};
pub use deploy::{DeployContext, NamedImage, deploy, deploy_plan};
pub use error::{Class, Error};
pub use inspect::{InspectedImage, InspectedLayer, Inspection, inspect};
pub use live::live_service;
pub use lock::{LockReport, check_lock, lock};
pub use output::Output;
pub use push::push;
pub use report::{ErrorReport, FormVersion, LayerReport, Report};
pub use running::{answer, rollback, rollback_plan, status};
pub use several::{Part, SeveralReport, deploy_all, deploy_all_plan, push_all, ship_all};
pub use ship::ship;
pub use ship_plan::{Making, PlanReport, PlannedLayer, PlannedTag, SeveralPlanReport, Way, plan, plan_all};
