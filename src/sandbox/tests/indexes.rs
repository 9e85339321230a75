//! An image for two platforms, pushed by the product's client and pulled again.

use super::*;
use crate::base::BaseImage;
use crate::image::{Assembly, Image, LayerBlob, OwnLayer, assemble, assemble_index};
use crate::oci::{Annotations, Config, Descriptor, DiffId, LayerCodec, MediaType, Platform, Repository, Tag};
use crate::registry::{
    CredentialSources, PushedManifest, Registry, RegistryError, RegistryOptions, RepositoryClient, TagOrDigest,
    pull_image,
};
use crate::spec::ConfigSpec;
use crate::store::Blob;

/// Returns a client of the repository `shop`.
fn client(lab: &Lab) -> RepositoryClient {
    let endpoint = lab.sandbox.endpoint();
    let host = endpoint.trim_start_matches("http://");
    let login = format!(r#"{{"auths":{{"{host}":{{"auth":"{}"}}}}}}"#, lab.token);
    let login = Some(crate::ground::Secret::new(login));
    let mut options = RegistryOptions::new(lab.connector.clone(), lab.clock.clone());
    options.credentials = CredentialSources { docker_auth_config: login, ..CredentialSources::default() };
    let registry = Registry::new(options).expect("a registry");
    registry.repository(&Repository::new(host, "shop").expect("a repository")).expect("a client")
}

/// An image of one layer, which is the same for every platform.
fn image(layer: &Blob, platform: &str) -> Image {
    let platform: Platform = platform.parse().expect("a platform");
    let base = BaseImage { name: None, digest: None, config: Config::scratch(&platform), layers: Vec::new() };
    let descriptor = Descriptor::new(MediaType::Layer(LayerCodec::None), layer.digest, layer.size);
    let blob = LayerBlob { descriptor, diff_id: DiffId(layer.digest), method: "1;none".to_owned() };
    let own = [OwnLayer { name: "app".to_owned(), start: None, blob: Some(blob) }];
    let (config, created) = (ConfigSpec::default(), Timestamp::from_seconds(1));
    let annotations = Annotations::new();
    let assembly = Assembly { base: &base, own: &own, config: &config, env: &[], annotations: &annotations, created };
    assemble(&assembly).expect("an image")
}

async fn put(client: &RepositoryClient, image: &Image) {
    client.push_blob(&image.config, &[]).await.expect("a config");
    let mut bytes = Vec::new();
    std::io::Read::read_to_end(&mut image.manifest.open().expect("memory"), &mut bytes).expect("memory");
    let which = TagOrDigest::from(image.digest());
    client.put_manifest(&bytes, MediaType::Manifest.as_str(), &which).await.expect("a manifest");
}

#[tokio::test]
async fn an_index_is_taken_after_its_children_and_gives_each_platform() {
    let state = folder();
    let lab = Lab::start(state.path()).await;
    lab.create_repository("shop").await;
    let client = client(&lab);
    let layer = Blob::of_bytes(b"layer".to_vec());
    client.push_blob(&layer, &[]).await.expect("a layer");
    let images = ["linux/amd64", "linux/arm64/v8"].map(|platform| image(&layer, platform));
    let index = assemble_index(&[&images[0], &images[1]], &Annotations::new());
    let tag: Tag = "1".parse().expect("a tag");
    let which = TagOrDigest::from(tag.clone());
    let put_index = || client.put_manifest(&index.bytes, MediaType::Index.as_str(), &which);
    put(&client, &images[0]).await;
    let error = put_index().await.map(drop).expect_err("a child is missing");
    assert!(matches!(&error, RegistryError::Response(_)) && error.has_code("MANIFEST_BLOB_UNKNOWN"), "{error}");
    put(&client, &images[1]).await;
    assert_eq!(put_index().await.expect("written"), PushedManifest::Written);
    assert_eq!(put_index().await.expect("there"), PushedManifest::Existing);
    let reference = client.repository().tagged(tag);
    for image in &images {
        let pulled = pull_image(&client, &reference, Some(&image.platform)).await.expect("an image");
        assert_eq!((pulled.digest, pulled.manifest.digest), (index.digest, image.digest()));
        assert_eq!(pulled.platforms, images.each_ref().map(|image| image.platform.clone()));
        assert_eq!(pulled.base.config.platform(), image.platform);
    }
    let open = pull_image(&client, &reference, None).await.map(drop).expect_err("which platform is open");
    assert!(matches!(open, RegistryError::PlatformOpen { .. }), "{open}");
}
