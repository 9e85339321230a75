//! How long a verdict is waited for, and how often ECS is asked.

use std::time::Duration;

use super::service::{RolloutConfig, Strategy};
use crate::spec::WaitTimeout;

const SHORTEST_AUTO: Duration = Duration::from_secs(20 * 60);
/// What a deployment needs besides its steps and bake times: pulls, starts, health checks, draining.
const MARGIN: Duration = Duration::from_secs(10 * 60);

/// Returns the time from UpdateService's answer to giving up.
pub fn timeout(wait: WaitTimeout, rollout: &RolloutConfig) -> Duration {
    match wait {
        WaitTimeout::After(duration) => duration,
        WaitTimeout::Auto => SHORTEST_AUTO.max(stages(rollout) + MARGIN),
    }
}

fn stages(rollout: &RolloutConfig) -> Duration {
    let shift = match rollout.strategy {
        Strategy::Rolling | Strategy::BlueGreen => 0.0,
        Strategy::Canary { canary_bake_minutes } => f64::from(canary_bake_minutes),
        Strategy::Linear { step_percent, step_bake_minutes } => {
            // ECS takes 3 to 100 percent; anything else is an answer that must not make an endless wait.
            (100.0 / step_percent.clamp(3.0, 100.0)).ceil() * f64::from(step_bake_minutes)
        }
    };
    let minutes = shift.max(0.0) + f64::from(rollout.bake_minutes.unwrap_or(0).max(0));
    Duration::from_secs_f64(minutes * 60.0)
}

/// The pauses between polls: 2 s five times, then 5 s, after the first minute 10 to 15 s. A part of each is chance, so
/// that many runs do not ask at once.
#[derive(Clone, Debug)]
pub struct Pauses {
    count: u32,
    state: u64,
}

/// Polls with short pauses: those of 2 s and those of 5 s in the first minute.
const QUICK: u32 = 5;
const STEADY: u32 = 15;

impl Pauses {
    /// Starts anew; `seed` decides on the chance.
    pub fn new(seed: u64) -> Self {
        Self { count: 0, state: seed }
    }

    /// Returns the next pause.
    pub fn next_pause(&mut self) -> Duration {
        self.count = self.count.saturating_add(1);
        let (base, spread) = match self.count {
            count if count <= QUICK => (2000, 200),
            count if count <= STEADY => (5000, 500),
            _ => (10_000, 5000),
        };
        Duration::from_millis(base + self.random() % (spread + 1))
    }

    /// SplitMix64: spread evenly, and the same for the same seed.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_twenty_minutes_or_the_stages_and_ten_where_longer() {
        let linear = Strategy::Linear { step_percent: 10.0, step_bake_minutes: 6 };
        let endless = Strategy::Linear { step_percent: 0.0, step_bake_minutes: 1 };
        let rows = [
            (Strategy::Rolling, None, 20),
            (Strategy::BlueGreen, Some(5), 20),
            (Strategy::BlueGreen, Some(30), 40),
            (Strategy::Canary { canary_bake_minutes: 10 }, Some(3), 23),
            (linear, Some(5), 75),
            (endless, None, 44),
        ];
        for (strategy, bake_minutes, minutes) in rows {
            let rollout = RolloutConfig { strategy, bake_minutes, circuit_breaker: false };
            assert_eq!(timeout(WaitTimeout::Auto, &rollout), Duration::from_secs(minutes * 60), "{rollout:?}");
        }
        let given = Duration::from_secs(1);
        assert_eq!(timeout(WaitTimeout::After(given), &RolloutConfig::default()), given);
    }

    #[test]
    fn pauses_grow_from_two_seconds_to_fifteen_and_repeat_with_their_seed() {
        let take = |seed| {
            let mut pauses = Pauses::new(seed);
            (0..30).map(|_| pauses.next_pause().as_millis()).collect::<Vec<_>>()
        };
        let pauses = take(7);
        assert!(pauses[..5].iter().all(|pause| (2000..=2200).contains(pause)), "{pauses:?}");
        assert!(pauses[5..15].iter().all(|pause| (5000..=5500).contains(pause)), "{pauses:?}");
        assert!(pauses[15..].iter().all(|pause| (10_000..=15_000).contains(pause)), "{pauses:?}");
        assert_eq!(pauses, take(7));
        assert_ne!(pauses, take(8));
    }
}
