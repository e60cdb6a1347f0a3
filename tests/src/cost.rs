//! CPU time, of a process and of the yardstick: one RSA-2048 signature by the same OpenSSL.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sign::Signer;

/// `getconf CLK_TCK` of every Linux that Rust runs on.
const TICKS_PER_SECOND: u32 = 100;

/// CPU time, user and system, of a process until now (`/proc/PID/stat`, fields 14 and 15). It advances in steps of 10 ms.
///
/// # Errors
/// When there is no such process.
pub fn of_process(id: u32) -> Result<Duration> {
    let path = format!("/proc/{id}/stat");
    let stat = fs::read_to_string(&path).with_context(|| format!("cannot read {path}"))?;
    // The second field is the program's name and may hold anything, but it ends with the last parenthesis.
    let fields = stat
        .rsplit_once(") ")
        .map(|(_, fields)| fields)
        .with_context(|| format!("{path} is not as expected"))?;
    let ticks = |number: usize| -> Result<u32> {
        let field = fields
            .split(' ')
            .nth(number)
            .with_context(|| format!("{path} is too short"))?;
        field
            .parse()
            .with_context(|| format!("{path} is not as expected"))
    };
    Ok(Duration::from_secs(u64::from(ticks(11)?) + u64::from(ticks(12)?)) / TICKS_PER_SECOND)
}

/// CPU time of this thread until now (`/proc/thread-self/schedstat`, in nanoseconds).
fn of_this_thread() -> Result<Duration> {
    let text = fs::read_to_string("/proc/thread-self/schedstat")
        .context("no /proc/thread-self/schedstat")?;
    let nanoseconds = text
        .split(' ')
        .next()
        .and_then(|field| field.parse().ok())
        .context("schedstat is not as expected")?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// The yardstick's key.
#[derive(Debug)]
pub struct Yardstick(PKey<Private>);

impl Yardstick {
    /// Makes a key.
    ///
    /// # Errors
    /// When OpenSSL cannot.
    pub fn new() -> Result<Yardstick> {
        Ok(Yardstick(PKey::from_rsa(Rsa::generate(2048)?)?))
    }

    /// CPU time of one RSA-SHA256 signature over 32 bytes, as the mean of `count`.
    ///
    /// # Errors
    /// When OpenSSL cannot sign.
    pub fn signature(&self, count: u32) -> Result<Duration> {
        let begin = of_this_thread()?;
        for _ in 0..count {
            let mut signer = Signer::new(MessageDigest::sha256(), &self.0)?;
            std::hint::black_box(signer.sign_oneshot_to_vec(&[7; 32])?);
        }
        Ok((of_this_thread()? - begin) / count.max(1))
    }
}

/// Smallest, middle and largest of some values; none of none.
pub fn spread(values: &[f64]) -> Option<(f64, f64, f64)> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let median = if sorted.len() % 2 == 1 {
        *sorted.get(middle)?
    } else {
        (sorted.get(middle.checked_sub(1)?)? + sorted.get(middle)?) / 2.0
    };
    Some((*sorted.first()?, median, *sorted.last()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spread_of_values() {
        assert_eq!(spread(&[3.0, 1.0, 2.0]), Some((1.0, 2.0, 3.0)));
        assert_eq!(spread(&[4.0, 1.0, 2.0, 3.0]), Some((1.0, 2.5, 4.0)));
        assert_eq!(spread(&[]), None);
    }

    #[test]
    fn work_costs_time() {
        let before = of_process(std::process::id()).unwrap();
        let signature = Yardstick::new().unwrap().signature(50).unwrap();
        assert!(signature > Duration::ZERO);
        assert!(of_process(std::process::id()).unwrap() >= before);
    }
}
