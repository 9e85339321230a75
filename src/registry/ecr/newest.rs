//! The newest images of a repository: the likeliest to share layers with the next one.

use super::{EcrError, EcrRepository};
use aws_sdk_ecr::types::{DescribeImagesFilter, TagStatus};

use crate::oci::Digest;

/// The most images that one call describes (`DescribeImages`, `maxResults`). ECR does not sort them, and a repository of
/// more is not read to its end: what is looked for saves work, no more.
const PAGE: i32 = 1000;

impl EcrRepository {
    /// Returns the digests of the newest images that have a tag, newest first, at most `count`.
    ///
    /// # Errors
    /// When ECR may not be asked, or does not answer.
    pub async fn newest(&self, count: usize) -> Result<Vec<Digest>, EcrError> {
        let call = self.clients.client(&self.host).await.describe_images();
        let call = call.registry_id(&self.host.account).repository_name(&self.name).max_results(PAGE);
        let tagged = DescribeImagesFilter::builder().tag_status(TagStatus::Tagged).build();
        let answer = call.filter(tagged).send().await;
        let answer = answer.map_err(|error| EcrError::of("DescribeImages", &error))?;
        let pushed = |image: &aws_sdk_ecr::types::ImageDetail| {
            let at = image.image_pushed_at().map_or((0, 0), |at| (at.secs(), at.subsec_nanos()));
            Some((at, image.image_digest()?.parse::<Digest>().ok()?))
        };
        let mut images: Vec<_> = answer.image_details().iter().filter_map(pushed).collect();
        images.sort_by(|one, other| other.cmp(one));
        Ok(images.into_iter().take(count).map(|(_, digest)| digest).collect())
    }
}
