//! The server: one loopback port, one task per connection, all of them joined at the end.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::connection;
use super::ecs::rollout::RolloutScript;
use super::ecs::{Ecs, TaskScript};
use super::error::SandboxError;
use super::fault::{Fault, FaultScript};
use super::link::Link;
use super::personality::Personality;
use super::registry::Registry;
use super::request_log::{LoggedRequest, RequestLog};
use super::schedules::Schedules;
use super::seed::{self, Seed};
use super::state::StateFolder;
use super::surroundings::{Balancer, Surroundings, Target};
use super::world::World;
use crate::ground::{Clock, Secret};

/// How a stand-in is started.
#[derive(Clone)]
pub struct SandboxOptions {
    /// The folder that keeps its state between runs.
    pub state: PathBuf,
    /// Where it listens; a loopback address, with port 0 for any free port.
    pub address: SocketAddr,
    /// Its time: deployments move by it, and tokens expire by it.
    pub clock: Arc<dyn Clock>,
    /// The AWS account that it plays, of twelve digits.
    pub account: String,
    /// The AWS region that it plays.
    pub region: String,
    /// How its registry behaves.
    pub personality: Personality,
    /// How slow the way to it is.
    pub link: Link,
    /// How many requests the log keeps.
    pub logged_requests: usize,
}

impl SandboxOptions {
    /// Options for a stand-in with its state in a folder: any free port, ECR's ways, an example account.
    pub fn new(state: PathBuf, clock: Arc<dyn Clock>) -> Self {
        Self {
            state,
            address: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
            clock,
            account: "123456789012".to_owned(),
            region: "us-east-1".to_owned(),
            personality: Personality::ecr(),
            link: Link::default(),
            logged_requests: 10_000,
        }
    }
}

/// A stand-in that runs. Dropped, it stops at the next chance of its runtime; [`Sandbox::stop`] waits for that.
pub struct Sandbox {
    address: SocketAddr,
    world: Arc<World>,
    stop: watch::Sender<bool>,
    server: JoinHandle<()>,
    _folder: StateFolder,
}

impl Sandbox {
    /// Starts a stand-in.
    ///
    /// # Errors
    /// When the address is not a loopback address or is taken, another process uses the state folder, or the state
    /// cannot be read.
    pub async fn start(options: SandboxOptions) -> Result<Self, SandboxError> {
        if !options.address.ip().is_loopback() {
            return Err(SandboxError::NotLoopback(options.address));
        }
        let folder = StateFolder::open(&options.state)?;
        let refused = |source| SandboxError::Listen { address: options.address, source };
        let listener = TcpListener::bind(options.address).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let world = Arc::new(open(&folder, &options)?);
        let (stop, stopped) = watch::channel(false);
        let server = tokio::spawn(accept(listener, Arc::clone(&world), stopped));
        Ok(Self { address, world, stop, server, _folder: folder })
    }

    /// Returns where the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the server's URL without a path: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns credentials for the registry as a docker configuration holds them: the base64 of `AWS:password`, what
    /// `GetAuthorizationToken` answers.
    pub fn login(&self) -> Secret<String> {
        Secret::new(self.world.registry.tokens.issue(self.world.registry.now()))
    }

    /// Returns the requests that came, oldest first.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.world.log.entries()
    }

    /// Returns how many requests came since the start, also those that the log has no room for.
    pub fn request_count(&self) -> u64 {
        self.world.log.count()
    }

    /// Forgets the requests that came.
    pub fn forget_requests(&self) {
        self.world.log.clear();
    }

    /// Returns how many upload sessions the registry keeps.
    pub fn open_uploads(&self) -> usize {
        self.world.registry.open_uploads()
    }

    /// Returns how many requests a fault has left without an answer.
    pub fn stalled(&self) -> usize {
        self.world.stalled.load(Ordering::Relaxed)
    }

    /// Lets requests fail.
    pub fn script(&self, fault: Fault) {
        self.world.faults.add(fault);
    }

    /// Drops all faults that were scripted.
    pub fn clear_faults(&self) {
        self.world.faults.clear();
    }

    /// Scripts the next deployment of a service; scripts of one service are used up in order.
    pub fn script_rollout(&self, service: &str, script: RolloutScript) {
        self.world.ecs.script(service, script);
    }

    /// Scripts the next one-off task of a family; scripts of one family are used up in order.
    pub fn script_task(&self, family: &str, script: TaskScript) {
        self.world.ecs.script_task(family, script);
    }

    /// Writes lines into a stream of CloudWatch Logs.
    pub fn write_log(&self, group: &str, stream: &str, lines: &[String]) {
        self.world.ecs.write_log(group, stream, lines);
    }

    /// Lets IAM's simulation deny an action; all others are allowed.
    pub fn script_denied(&self, action: &str) {
        self.world.surroundings.script_denied(action);
    }

    /// Lets a load balancer send to a target group.
    pub fn script_balancer(&self, group: &str, balancer: Balancer) {
        self.world.surroundings.script_balancer(group, balancer);
    }

    /// Gives a target group these targets.
    pub fn script_targets(&self, group: &str, targets: Vec<Target>) {
        self.world.surroundings.script_targets(group, targets);
    }

    /// Lets ECS's reads show the state of a while ago, as its eventual consistency does.
    pub fn lag_reads(&self, lag: Duration) {
        self.world.ecs.lag_reads(lag);
    }

    /// Makes repositories, a cluster and services; what exists is left as it is.
    ///
    /// # Errors
    /// When a name is refused, or the state cannot be written.
    pub fn seed(&self, seed: &Seed) -> Result<(), SandboxError> {
        seed::plant(&self.world, seed)
    }

    /// Stops the server: no connection and no task is left.
    pub async fn stop(self) {
        // Neither can fail but by a server that has ended already.
        let _ = self.stop.send(true);
        let _ = self.server.await;
    }

    /// Removes the state in a folder.
    ///
    /// # Errors
    /// When a process uses it, or a file cannot be removed.
    pub fn reset(state: &Path) -> Result<(), SandboxError> {
        StateFolder::open(state)?.clear()
    }
}

fn open(folder: &StateFolder, options: &SandboxOptions) -> Result<World, SandboxError> {
    let (account, region) = (options.account.as_str(), options.region.clone());
    let realm = format!("https://{account}.dkr.ecr.{region}.amazonaws.com/");
    let clock = Arc::clone(&options.clock);
    let registry = Arc::new(Registry::open(folder, account, &realm, options.personality.clone(), clock)?);
    let ecs = Ecs::open(folder.path("ecs.json"), account, &region, Arc::clone(&registry))?;
    let schedules = Schedules::open(folder.path("schedules.json"), &region, Arc::clone(&registry))?;
    let (faults, log) = (FaultScript::default(), RequestLog::new(options.logged_requests));
    let (link, surroundings) = (options.link, Surroundings::default());
    Ok(World { region, registry, ecs, schedules, surroundings, faults, link, log, stalled: AtomicUsize::new(0) })
}

async fn accept(listener: TcpListener, world: Arc<World>, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // Also when the sandbox was dropped.
            _ = stopped.changed() => break,
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection::serve(stream, Arc::clone(&world)));
                }
                // Out of descriptors, or a client that is gone already: the next one may do better.
                Err(_) => tokio::task::yield_now().await,
            },
        }
    }
    connections.shutdown().await;
}
