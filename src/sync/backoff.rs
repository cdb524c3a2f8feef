//! How long to wait after failures: full jitter, `random(0, min(30 s, 250 ms · 2^k))`.
//!
//! Full jitter spreads clients that all lost the same server best (AWS Architecture Blog,
//! "Exponential Backoff And Jitter"). The random number comes from the app.

/// The longest wait in milliseconds.
pub const CEILING_MS: u64 = 30_000;
/// What a server may at most ask for: an hour. A wrong clock or unit there must not silence a
/// client for good.
pub const ASKED_MS: u64 = 3_600_000;

/// Milliseconds to wait after `failures` failures in a row (1, 2, …); `random` is uniform over all
/// of `u32`.
pub fn wait_ms(failures: u32, random: u32) -> u64 {
    let top = 250u64.saturating_mul(1 << failures.saturating_sub(1).min(20)).min(CEILING_MS);
    (u64::from(random) * (top + 1)) >> 32
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_family = "wasm")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn the_wait_doubles_up_to_the_ceiling_and_jitters_from_zero() {
        assert_eq!(
            [1, 2, 3, 7, 8, 1000, u32::MAX].map(|k| wait_ms(k, u32::MAX)),
            [250, 500, 1000, 16_000, 30_000, 30_000, 30_000]
        );
        assert_eq!(wait_ms(9, 0), 0);
        assert_eq!(wait_ms(0, u32::MAX), 250);
        assert_eq!(wait_ms(8, u32::MAX / 2), 15_000);
    }
}
