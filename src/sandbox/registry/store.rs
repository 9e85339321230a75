//! Where repositories, blobs and upload sessions are kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::repository::{Repository, RepositoryDocument, RepositorySettings};
use super::upload::Upload;
use super::{RegistryError, Tokens};
use crate::ground::{Clock, FileError, Timestamp, files};
use crate::oci::Digest;
use crate::sandbox::error::SandboxError;
use crate::sandbox::personality::Personality;
use crate::sandbox::state::{self, StateFolder};

/// The registry's state. What is in memory mirrors the state folder, which is written first.
pub(in crate::sandbox) struct Registry {
    /// The account that the registry belongs to.
    pub(in crate::sandbox) account: String,
    /// How it behaves.
    pub(in crate::sandbox) personality: Personality,
    /// Who may come in.
    pub(in crate::sandbox) tokens: Tokens,
    clock: Arc<dyn Clock>,
    blobs: PathBuf,
    repositories_folder: PathBuf,
    uploads_folder: PathBuf,
    repositories: Mutex<BTreeMap<String, Repository>>,
    uploads: Mutex<BTreeMap<String, Arc<tokio::sync::Mutex<Upload>>>>,
}

/// The repositories, for as long as nobody else needs them.
pub(in crate::sandbox) type Repositories<'a> = MutexGuard<'a, BTreeMap<String, Repository>>;

impl Registry {
    /// Opens the registry of a state folder. Upload sessions of an earlier run are gone, as expired ones are.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub(in crate::sandbox) fn open(
        folder: &StateFolder,
        account: &str,
        realm: &str,
        personality: Personality,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, SandboxError> {
        let (blobs, repositories_folder, uploads_folder) =
            (folder.path("blobs").join("sha256"), folder.path("repositories"), folder.path("uploads"));
        state::remove(&uploads_folder)?;
        for path in [&blobs, &repositories_folder, &uploads_folder] {
            files::create_dir_all(path)?;
        }
        let repositories = Mutex::new(load_repositories(&repositories_folder)?);
        let (account, tokens) = (account.to_owned(), Tokens::new(folder.secret()?, realm.to_owned()));
        let uploads = Mutex::default();
        Ok(Self {
            account,
            personality,
            tokens,
            clock,
            blobs,
            repositories_folder,
            uploads_folder,
            repositories,
            uploads,
        })
    }

    /// Returns the present.
    pub(in crate::sandbox) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns all repositories; they are locked until the value is dropped.
    pub(in crate::sandbox) fn repositories(&self) -> Repositories<'_> {
        self.repositories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a repository; one that exists is left as it is.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(in crate::sandbox) fn create_repository(
        &self,
        name: &str,
        settings: RepositorySettings,
    ) -> Result<(), FileError> {
        let mut repositories = self.repositories();
        if repositories.contains_key(name) {
            return Ok(());
        }
        let created_at = self.now().millis();
        let document = RepositoryDocument { name: name.to_owned(), created_at, settings, ..Default::default() };
        let repository = Repository { document, blobs: BTreeSet::new() };
        files::create_dir_all(&self.repository_folder(name).join("blobs"))?;
        self.save(&repository)?;
        repositories.insert(name.to_owned(), repository);
        Ok(())
    }

    /// Writes a repository's document.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(in crate::sandbox) fn save(&self, repository: &Repository) -> Result<(), FileError> {
        let path = self.repository_folder(&repository.document.name).join("repository.json");
        state::save(&path, &repository.document)
    }

    /// Makes a stored blob part of a repository.
    ///
    /// # Errors
    /// When there is no such repository, or the link cannot be written.
    pub(super) fn link_blob(&self, name: &str, digest: Digest) -> Result<(), RegistryError> {
        let mut repositories = self.repositories();
        let repository = repositories.get_mut(name).ok_or_else(|| RegistryError::name_unknown(name, &self.account))?;
        if !repository.blobs.contains(&digest) {
            let path = self.repository_folder(name).join("blobs").join(digest.hex());
            fs::File::create(&path).map_err(FileError::on("create", &path))?;
            repository.blobs.insert(digest);
        }
        Ok(())
    }

    /// Takes a blob out of a repository, and returns whether it was there.
    ///
    /// # Errors
    /// When the link cannot be removed.
    pub(super) fn unlink_blob(&self, name: &str, digest: Digest) -> Result<bool, FileError> {
        let mut repositories = self.repositories();
        let Some(repository) = repositories.get_mut(name) else { return Ok(false) };
        files::remove_if_present(&self.repository_folder(name).join("blobs").join(digest.hex()))?;
        Ok(repository.blobs.remove(&digest))
    }

    /// Stores bytes as a blob, without making it part of a repository.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn store_bytes(&self, bytes: &[u8]) -> Result<Digest, FileError> {
        let digest = Digest::of(bytes);
        let path = self.blob_path(digest);
        if !path.exists() {
            files::write_atomic(&path, bytes)?;
        }
        Ok(digest)
    }

    /// Returns where the bytes of a blob are.
    pub(in crate::sandbox) fn blob_path(&self, digest: Digest) -> PathBuf {
        self.blobs.join(digest.hex())
    }

    /// Returns the size of a blob that a repository has, in bytes.
    pub(in crate::sandbox) fn blob_size(&self, repository: &Repository, digest: Digest) -> Option<u64> {
        let held = repository.blobs.contains(&digest);
        held.then(|| fs::metadata(self.blob_path(digest)).map(|m| m.len()).ok()).flatten()
    }

    /// Returns where an upload session keeps its bytes.
    pub(super) fn upload_path(&self, id: &str) -> PathBuf {
        self.uploads_folder.join(id)
    }

    /// Returns the upload sessions.
    pub(super) fn uploads(&self) -> MutexGuard<'_, BTreeMap<String, Arc<tokio::sync::Mutex<Upload>>>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns how many upload sessions there are.
    pub(in crate::sandbox) fn open_uploads(&self) -> usize {
        self.uploads().len()
    }

    fn repository_folder(&self, name: &str) -> PathBuf {
        // `~` is in no repository name, so flat names stay distinct.
        self.repositories_folder.join(name.replace('/', "~"))
    }
}

fn load_repositories(folder: &Path) -> Result<BTreeMap<String, Repository>, SandboxError> {
    let mut repositories = BTreeMap::new();
    for path in list(folder)? {
        // A process that was killed while it made the folder left no document.
        let Some(document) = state::load::<RepositoryDocument>(&path.join("repository.json"))? else { continue };
        let links = list(&path.join("blobs"))?;
        let names = links.iter().filter_map(|link| link.file_name()?.to_str());
        let blobs = names.filter_map(|hex| format!("sha256:{hex}").parse().ok()).collect();
        repositories.insert(document.name.clone(), Repository { document, blobs });
    }
    Ok(repositories)
}

fn list(folder: &Path) -> Result<Vec<PathBuf>, FileError> {
    let entries = fs::read_dir(folder).map_err(FileError::on("list", folder))?;
    entries.map(|entry| entry.map(|e| e.path()).map_err(FileError::on("list", folder))).collect()
}
