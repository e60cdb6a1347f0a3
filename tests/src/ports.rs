//! A block of free ports for each lab, so that many run side by side.

use std::env;
use std::fs::{self, File, TryLockError};
use std::net::{Ipv4Addr, TcpListener};

use anyhow::{Context as _, Result, bail};

/// How far the ports of one lab lie from its base (design section 6; 1002 is the probe of `adfs`).
const OFFSETS: [u16; 7] = [0, 1, 946, 1000, 1001, 1002, 1193];
/// Blocks that cannot overlap: steps of ten, and no two bases as far apart as two offsets.
const FIRST: u16 = 20_000;
const STEP: u16 = 10;
const BLOCKS: u16 = 90;

/// A base port whose block is free, and stays ours until this is dropped.
#[derive(Debug)]
pub struct PortBlock {
    base: u16,
    _lock: File,
}

impl PortBlock {
    /// Takes a block that no other test holds and no program listens on.
    ///
    /// # Errors
    /// When there is none.
    pub fn take() -> Result<PortBlock> {
        let user = rustix::process::getuid().as_raw();
        let folder = env::temp_dir().join(format!("adfs-end-to-end-ports-{user}"));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        for number in 0..BLOCKS {
            let base = FIRST + STEP * number;
            let path = folder.join(base.to_string());
            let lock =
                File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
            match lock.try_lock() {
                Ok(()) if OFFSETS.iter().all(|offset| is_free(base + offset)) => {
                    return Ok(PortBlock { base, _lock: lock });
                }
                Ok(()) | Err(TryLockError::WouldBlock) => {}
                Err(TryLockError::Error(error)) => {
                    return Err(error).with_context(|| format!("cannot lock {}", path.display()));
                }
            }
        }
        bail!(
            "no block of free ports between {FIRST} and {}",
            FIRST + STEP * BLOCKS + 1193
        )
    }

    /// What `--base-port` is to say.
    pub fn base(&self) -> u16 {
        self.base
    }
}

/// A port that nobody listens on at this moment.
///
/// # Errors
/// When the system has none.
pub fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener
        .local_addr()
        .context("a listener without an address")?
        .port())
}

fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_do_not_overlap() {
        let mut ports: Vec<u16> = (0..BLOCKS)
            .flat_map(|number| OFFSETS.map(|offset| FIRST + STEP * number + offset))
            .collect();
        let count = ports.len();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), count);
    }

    #[test]
    fn a_block_is_given_to_one_only() {
        let (one, other) = (PortBlock::take().unwrap(), PortBlock::take().unwrap());
        assert_ne!(one.base(), other.base());
    }
}
