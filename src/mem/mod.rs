//! Layer 0: memory whose allocation can fail without an abort: rows, received bytes, and the reserve for small
//! allocations.

pub mod arena;
pub mod buffer;
pub mod error_text;
pub mod reserve;
pub mod rows;
pub mod shown;
pub mod trailing;

#[cfg(feature = "oauth")]
use zeroize::Zeroizing;

/// An allocation failed. The caller reports libpq's out-of-memory error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfMemory;

/// A copy of `bytes`, of any length.
pub fn copy(bytes: &[u8]) -> Result<Vec<u8>, OutOfMemory> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len())?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

/// Whether `bytes` bytes can be allocated. They are freed again.
pub fn is_available(bytes: usize) -> bool {
    Vec::<u8>::new().try_reserve_exact(bytes).is_ok()
}

/// The concatenated parts.
pub fn concat(parts: &[&[u8]]) -> Result<Vec<u8>, OutOfMemory> {
    let mut whole = Vec::new();
    whole.try_reserve_exact(parts.iter().map(|part| part.len()).sum())?;
    parts.iter().for_each(|part| whole.extend_from_slice(part));
    Ok(whole)
}

/// Appends to a secret. No copy of it is left in freed memory.
#[cfg(feature = "oauth")]
pub fn append_secret(secret: &mut Zeroizing<Vec<u8>>, more: &[u8]) {
    let length = secret.len() + more.len();
    if secret.capacity() < length {
        let mut larger = Zeroizing::new(Vec::with_capacity(2 * length));
        larger.extend_from_slice(secret);
        *secret = larger;
    }
    secret.extend_from_slice(more);
}

/// Appends to `bytes`.
#[inline]
pub fn append(bytes: &mut Vec<u8>, more: &[u8]) -> Result<(), OutOfMemory> {
    bytes.try_reserve(more.len())?;
    bytes.extend_from_slice(more);
    Ok(())
}

impl From<std::collections::TryReserveError> for OutOfMemory {
    fn from(_: std::collections::TryReserveError) -> OutOfMemory {
        OutOfMemory
    }
}
