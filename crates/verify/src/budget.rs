//! How much work one judgement may take: what a server sends must not keep the client busy.

use std::cell::Cell;

use super::Refusal;

/// The most signatures checked for one chain, those of revocation lists included.
const MOST_SIGNATURES: usize = 200;
/// The most comparisons of a name with a constraint; OpenSSL takes as many.
const MOST_COMPARISONS: usize = 1 << 20;

/// What is left.
pub struct Budget {
    signatures: Cell<usize>,
    comparisons: Cell<usize>,
}

impl Budget {
    pub fn new() -> Budget {
        Budget {
            signatures: Cell::new(MOST_SIGNATURES),
            comparisons: Cell::new(MOST_COMPARISONS),
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
