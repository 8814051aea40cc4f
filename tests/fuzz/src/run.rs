//! Inputs at random, by a seed: the same on every machine, unless somebody asks for more.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Inputs of a run that nobody asked more of.
const INPUTS: u64 = 60_000;
/// The length of an input, in bytes: more choices than any request is spoilt by.
const LENGTH: usize = 128;

/// Judges inputs: so many from a fixed seed, or for `FUZZ_SECONDS` from a seed of the moment (or `FUZZ_SEED`), which is
/// printed where a test fails.
pub fn at_random(judge: impl Fn(&[u8])) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let time = number("FUZZ_SECONDS").map(Duration::from_secs);
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as u64);
    let seed = number("FUZZ_SEED").unwrap_or_else(|| if time.is_some() { now() } else { 0 });
    #[allow(clippy::print_stdout)]
    {
        println!("FUZZ_SEED={seed}");
    }
    let began = Instant::now();
    let mut state = seed;
    let mut judged = 0;
    while time.map_or(judged < INPUTS, |time| began.elapsed() < time) {
        let input: Vec<u8> = (0..LENGTH / 8).flat_map(|_| next(&mut state).to_le_bytes()).collect();
        judge(&input);
        judged += 1;
    }
}

/// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
