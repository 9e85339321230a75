//! Media types of manifests, configs and layers, in the OCI and in the Docker spelling.

use std::fmt;

/// How the bytes of a layer are compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayerCodec {
    /// A plain tar.
    None,
    /// RFC 1952.
    Gzip,
    /// RFC 8878.
    Zstd,
}

impl LayerCodec {
    /// Returns the codec that the first bytes of a blob show (RFC 1952, 2.3.1; RFC 8878, 3.1.1); four bytes decide.
    pub fn of_magic(bytes: &[u8]) -> Self {
        match bytes {
            [0x1f, 0x8b, ..] => Self::Gzip,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Self::Zstd,
            // A skippable frame: what zstd writers put before or between the others.
            [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// A media type that dockless knows (image-spec, media-types.md; distribution, manifest v2 schema 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum MediaType {
    /// An image manifest.
    Manifest,
    /// An image index.
    Index,
    /// An image config.
    Config,
    /// A layer.
    Layer(LayerCodec),
    /// A layer that must not be distributed; Windows bases use it.
    ForeignLayer(LayerCodec),
}

impl MediaType {
    /// Returns what a media type says, in either spelling, or `None` for one that dockless does not know.
    ///
    /// Parameters (`; charset=utf-8`) are ignored.
    pub fn parse(text: &str) -> Option<Self> {
        let essence = text.split(';').next().unwrap_or_default().trim();
        Some(match essence {
            "application/vnd.oci.image.manifest.v1+json" | "application/vnd.docker.distribution.manifest.v2+json" => {
                Self::Manifest
            }
            "application/vnd.oci.image.index.v1+json" | "application/vnd.docker.distribution.manifest.list.v2+json" => {
                Self::Index
            }
            "application/vnd.oci.image.config.v1+json" | "application/vnd.docker.container.image.v1+json" => {
                Self::Config
            }
            "application/vnd.oci.image.layer.v1.tar" | "application/vnd.docker.image.rootfs.diff.tar" => {
                Self::Layer(LayerCodec::None)
            }
            "application/vnd.oci.image.layer.v1.tar+gzip" | "application/vnd.docker.image.rootfs.diff.tar.gzip" => {
                Self::Layer(LayerCodec::Gzip)
            }
            "application/vnd.oci.image.layer.v1.tar+zstd" | "application/vnd.docker.image.rootfs.diff.tar.zstd" => {
                Self::Layer(LayerCodec::Zstd)
            }
            "application/vnd.oci.image.layer.nondistributable.v1.tar" => Self::ForeignLayer(LayerCodec::None),
            "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip"
            | "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" => Self::ForeignLayer(LayerCodec::Gzip),
            "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd" => Self::ForeignLayer(LayerCodec::Zstd),
            _ => return None,
        })
    }

    /// Returns the OCI spelling, the only one that dockless writes to registries and layouts.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "application/vnd.oci.image.manifest.v1+json",
            Self::Index => "application/vnd.oci.image.index.v1+json",
            Self::Config => "application/vnd.oci.image.config.v1+json",
            Self::Layer(LayerCodec::None) => "application/vnd.oci.image.layer.v1.tar",
            Self::Layer(LayerCodec::Gzip) => "application/vnd.oci.image.layer.v1.tar+gzip",
            Self::Layer(LayerCodec::Zstd) => "application/vnd.oci.image.layer.v1.tar+zstd",
            Self::ForeignLayer(LayerCodec::None) => "application/vnd.oci.image.layer.nondistributable.v1.tar",
            Self::ForeignLayer(LayerCodec::Gzip) => "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
            Self::ForeignLayer(LayerCodec::Zstd) => "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd",
        }
    }

    /// The `Accept` header of a manifest request: all four spellings in one header (registry-protocol: some servers
    /// look at the first header only).
    pub const ACCEPT_MANIFESTS: &'static str = "application/vnd.oci.image.index.v1+json, \
         application/vnd.oci.image.manifest.v1+json, \
         application/vnd.docker.distribution.manifest.list.v2+json, \
         application/vnd.docker.distribution.manifest.v2+json";
}

impl fmt::Display for MediaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_name_one_type() {
        let docker = MediaType::parse("application/vnd.docker.image.rootfs.diff.tar.gzip; charset=utf-8");
        assert_eq!(docker, Some(MediaType::Layer(LayerCodec::Gzip)));
        assert_eq!(docker.map(MediaType::as_str), Some("application/vnd.oci.image.layer.v1.tar+gzip"));
        assert_eq!(MediaType::parse("text/html"), None);
    }
}
