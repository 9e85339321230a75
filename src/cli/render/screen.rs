//! What happens, shown by a thread of its own: whoever works only leaves a note, and a terminal or a pipe that takes
//! nothing slows nobody down.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use dockless::event::{Event, Observer, Silent};
use dockless::ground::{Clock, Timestamp};
use dockless::pipeline::SystemClock;

/// How often moving numbers are shown.
const EVERY: Duration = Duration::from_millis(100);

/// One way to show what happens. It is called on the screen's thread alone.
pub(crate) trait Face: Send {
    /// Shows an event.
    fn show(&mut self, at: Timestamp, event: &Event);

    /// Called some times in a second.
    fn tick(&mut self, _now: Timestamp) {}

    /// What moves is taken away: from here on there are lines alone.
    fn settle(&mut self) {}

    /// The process ends with this code.
    fn end(&mut self, _at: Timestamp, _code: u8) {}
}

/// What waits to be shown.
#[derive(Default)]
struct Queue {
    events: Vec<(Timestamp, Event)>,
    /// The newest state of what moves; older ones are of no interest.
    moving: BTreeMap<String, (Timestamp, Event)>,
    settle: bool,
    end: Option<u8>,
    /// How often the thread has shown all there was.
    rounds: u64,
}

impl Queue {
    fn wants_a_round(&self) -> bool {
        !self.events.is_empty() || self.settle || self.end.is_some()
    }
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    wants_requests: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Shared {
    fn observe(&self, event: Event) {
        let (at, mut queue) = (SystemClock.now(), self.lock());
        let key = match &event {
            Event::UploadAdvanced { digest, .. } => digest.to_string(),
            Event::LayerAdvanced { name, .. } => name.clone(),
            _ => {
                queue.events.push((at, event));
                self.changed.notify_all();
                return;
            }
        };
        queue.moving.insert(key, (at, event));
    }

    fn wants_requests(&self) -> bool {
        self.wants_requests
    }
}

/// The screen of the process, while it has one.
static SCREEN: Mutex<Option<Screen>> = Mutex::new(None);

struct Screen {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Begins to show what happens in these ways.
pub(crate) fn open(faces: Vec<Box<dyn Face>>, wants_requests: bool) {
    let shared = Arc::new(Shared { wants_requests, ..Shared::default() });
    let seen = Arc::clone(&shared);
    let thread = std::thread::Builder::new().name("screen".to_owned()).spawn(move || show(&seen, faces)).ok();
    *SCREEN.lock().unwrap_or_else(PoisonError::into_inner) = Some(Screen { shared, thread });
}

/// Returns who is to be told of what happens.
pub(crate) fn observer() -> Arc<dyn Observer> {
    match &*SCREEN.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(screen) => Arc::clone(&screen.shared) as Arc<dyn Observer>,
        None => Arc::new(Silent),
    }
}

/// Shows what waits and takes away what moves: what is printed now stands below.
pub(crate) fn settle() {
    let screen = SCREEN.lock().unwrap_or_else(PoisonError::into_inner);
    let Some(Screen { shared, thread: Some(thread) }) = &*screen else { return };
    let mut queue = shared.lock();
    queue.settle = true;
    let round = queue.rounds;
    shared.changed.notify_all();
    // Two rounds: one may have begun before.
    while queue.rounds < round + 2 && !thread.is_finished() {
        queue.settle = true;
        shared.changed.notify_all();
        queue = shared.changed.wait_timeout(queue, EVERY).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Shows what waits, and ends.
pub(crate) fn end(code: u8) {
    let screen = SCREEN.lock().unwrap_or_else(PoisonError::into_inner).take();
    let Some(Screen { shared, thread: Some(thread) }) = screen else { return };
    shared.lock().end = Some(code);
    shared.changed.notify_all();
    // A panic of that thread was told by it; the work is done.
    let _ = thread.join();
}

fn show(shared: &Shared, mut faces: Vec<Box<dyn Face>>) {
    loop {
        let mut queue = shared.lock();
        if !queue.wants_a_round() {
            queue = shared.changed.wait_timeout(queue, EVERY).unwrap_or_else(PoisonError::into_inner).0;
        }
        let (events, moving) = (std::mem::take(&mut queue.events), std::mem::take(&mut queue.moving));
        let (settle, end) = (std::mem::take(&mut queue.settle), queue.end);
        drop(queue);
        // Of the same time what moves comes first: whatever has ended by then is not begun anew.
        let mut events: Vec<(Timestamp, Event)> = moving.into_values().chain(events).collect();
        events.sort_by_key(|(at, _)| *at);
        for face in &mut faces {
            events.iter().for_each(|(at, event)| face.show(*at, event));
            face.tick(SystemClock.now());
            if settle {
                face.settle();
            }
            if let Some(code) = end {
                face.end(SystemClock.now(), code);
            }
        }
        shared.lock().rounds += 1;
        shared.changed.notify_all();
        if end.is_some() {
            return;
        }
    }
}
