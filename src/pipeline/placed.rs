//! One platform's image on the way: its base resolved, its layers laid out.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::base::{BaseTree, FactsError};
use crate::oci::ImagePath;
use crate::plan::{LeftOut, Placement, PlanError, Roots};
use crate::spec::{ImageSpec, LayerSpec};

use super::base::ResolvedBase;
use super::bridge::blocking;
use super::lock::Lookup;
use super::roots;
use super::{Context, Error};

/// An image of the build file whose layers have their places.
#[derive(Clone)]
pub(crate) struct Placed {
    /// Which of the build file's images it is.
    pub(crate) number: usize,
    pub(crate) base: ResolvedBase,
    pub(crate) placement: Arc<Placement>,
    roots: Roots,
    /// Whether the whole of the base's facts answers, and not a lock.
    whole: bool,
}

impl Placed {
    /// Lays the layers out over a resolved base. A lock answers what it can; for a question that it cannot answer each
    /// base layer is read.
    pub(crate) async fn new(
        context: &Context,
        number: usize,
        base: ResolvedBase,
        lock: &Lookup,
    ) -> Result<Self, Error> {
        let roots = roots_of(context, number, &base, lock).await?;
        if let Some(answers) = base.answers.clone() {
            match place(context, number, &base, BaseTree::locked(answers), &roots).await {
                Ok(placement) => return Ok(Self { number, base, placement, roots, whole: false }),
                Err(Error::Plan(error)) if unanswered(&error).is_some() => refer_to_base(context, &base, &error)?,
                Err(error) => return Err(error),
            }
        }
        let facts = base.facts(context).await?;
        let placement = place(context, number, &base, BaseTree::whole(facts), &roots).await?;
        Ok(Self { number, base, placement, roots, whole: true })
    }

    /// Lays the layers out over a base tree that knows all.
    pub(crate) async fn over(
        context: &Context,
        number: usize,
        base: ResolvedBase,
        tree: Arc<BaseTree>,
        lock: &Lookup,
    ) -> Result<Self, Error> {
        let roots = roots_of(context, number, &base, lock).await?;
        let placement = place_on(context, number, &base, tree, &roots).await?;
        Ok(Self { number, base, placement, roots, whole: true })
    }

    /// Returns what the build file says of this image.
    pub(crate) fn spec<'a>(&self, context: &'a Context) -> &'a ImageSpec {
        &context.spec.images[self.number]
    }

    /// After an error: reads the base if that was what the lock could not answer, so that the work can be done again.
    pub(crate) async fn read_base(&mut self, context: &Context, error: &PlanError) -> Result<bool, Error> {
        if self.whole || unanswered(error).is_none() {
            return Ok(false);
        }
        refer_to_base(context, &self.base, error)?;
        let facts = self.base.facts(context).await?;
        self.placement = place(context, self.number, &self.base, BaseTree::whole(facts), &self.roots).await?;
        self.whole = true;
        Ok(true)
    }
}

async fn roots_of(context: &Context, number: usize, base: &ResolvedBase, lock: &Lookup) -> Result<Roots, Error> {
    let image = &context.spec.images[number];
    let platform = image.platform.clone().unwrap_or_else(|| base.image.config.platform());
    roots::open(context, image, &platform, lock).await
}

fn unanswered(error: &PlanError) -> Option<&str> {
    match error {
        PlanError::Base(FactsError::Unanswered { question }) => Some(question),
        _ => None,
    }
}

/// Says that the base is read although there is a lock.
fn refer_to_base(context: &Context, base: &ResolvedBase, error: &PlanError) -> Result<(), Error> {
    let question = unanswered(error).unwrap_or_default();
    let base = base.shown();
    context.note(format!("the lock does not say {question}: reading `{base}`; `dockless lock` adds it"));
    Ok(())
}

async fn place(
    context: &Context,
    number: usize,
    base: &ResolvedBase,
    tree: BaseTree,
    roots: &Roots,
) -> Result<Arc<Placement>, Error> {
    place_on(context, number, base, Arc::new(tree), roots).await
}

async fn place_on(
    context: &Context,
    number: usize,
    base: &ResolvedBase,
    tree: Arc<BaseTree>,
    roots: &Roots,
) -> Result<Arc<Placement>, Error> {
    let (spec, roots) = (Arc::clone(&context.spec), roots.clone());
    let working_dir = base.image.config.working_dir().map(str::to_owned);
    let left_out = left_out(context);
    blocking(move || {
        let working_dir = working_dir.as_deref();
        let destination =
            |layer: &LayerSpec| layer.source.as_ref().map_or(ImagePath::ROOT, |source| source.destination(working_dir));
        let layers = &spec.images[number].layers;
        let destinations: Vec<ImagePath> = layers.iter().map(destination).collect();
        Placement::new(tree, &roots, layers, &destinations, &left_out).map(Arc::new).map_err(Error::Plan)
    })
    .await
}

/// Returns what no layer takes unless its `include` names it: the build file, its lock, and what this run writes.
fn left_out(context: &Context) -> LeftOut {
    let relative = |path: &PathBuf| path.strip_prefix(&context.spec.project).map(Path::to_owned).ok();
    let file = relative(&context.spec.file).unwrap_or_default();
    LeftOut::new(&file, context.outputs.iter().filter_map(relative))
}
