//! Limits the work for one chain, so that a hostile server cannot keep the client busy.

use std::cell::Cell;

use super::Refusal;

/// The most signature checks for one chain, including revocation lists.
const MAX_SIGNATURES: usize = 200;
/// The most comparisons of names with constraints, as in OpenSSL.
const MAX_COMPARISONS: usize = 1 << 20;

/// The remaining work.
pub struct Budget {
    signatures: Cell<usize>,
    comparisons: Cell<usize>,
}

impl Budget {
    pub fn new() -> Budget {
        Budget {
            signatures: Cell::new(MAX_SIGNATURES),
            comparisons: Cell::new(MAX_COMPARISONS),
        }
    }

    pub fn spend_signature(&self) -> Result<(), Refusal> {
        spend(&self.signatures, 1)
    }

    pub fn spend_comparisons(&self, count: usize) -> Result<(), Refusal> {
        spend(&self.comparisons, count)
    }
}

fn spend(left: &Cell<usize>, count: usize) -> Result<(), Refusal> {
    let rest = left.get().checked_sub(count).ok_or(Refusal::TooComplex)?;
    left.set(rest);
    Ok(())
}
