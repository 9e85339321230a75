//! The images that services run: an image of the same repository mostly shares layers with the next one.

use super::deployment::Deployment;

impl Deployment {
    /// Returns the images of all containers of the services' live task definitions, as they are written there.
    pub fn live_images(&self) -> Vec<String> {
        let live = self.services.iter().map(|state| state.subject().live);
        live.flat_map(|live| live.containers().into_iter().map(|container| container.image.to_owned())).collect()
    }
}
