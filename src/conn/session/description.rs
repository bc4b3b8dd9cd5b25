//! A cache of the last RowDescription: repeated queries send the same one.

use std::sync::Arc;

use crate::result::columns::{Columns, ColumnsError};
use crate::result::origin::Origin;

/// The limit on the space reserved for rows because the last result needed it.
const MAX_RESERVED: usize = 2048;
/// Longer message bodies are not cached.
const MAX_CACHED: usize = 4096;

/// The last RowDescription and the columns parsed from it.
#[derive(Default)]
pub struct LastDescription {
    body: Vec<u8>,
    origin: Option<Arc<Origin>>,
    /// The bytes of rows that followed it: in the previous result, and so far in this one.
    rows_before: usize,
    rows: usize,
}

impl LastDescription {
    /// The origin of results with the columns in `body`. `hooks` is the origin of results without columns.
    pub fn origin_of(
        &mut self,
        body: &[u8],
        hooks: Option<&Arc<Origin>>,
    ) -> Result<Arc<Origin>, ColumnsError> {
        if let Some(origin) = &self.origin
            && self.body == body
        {
            self.rows_before = std::mem::take(&mut self.rows);
            return Ok(origin.clone());
        }
        self.forget();
        let columns = Arc::new(Columns::from_row_description(body)?);
        let origin = Origin::with_columns(columns, hooks.map(Arc::as_ref));
        if body.len() <= MAX_CACHED && self.body.try_reserve_exact(body.len()).is_ok() {
            self.body.extend_from_slice(body);
            self.origin = Some(origin.clone());
        }
        Ok(origin)
    }

    /// Drops the cache because the notice hooks have changed.
    pub fn forget(&mut self) {
        self.body.clear();
        self.origin = None;
        self.rows_before = 0;
        self.rows = 0;
    }

    /// Counts the bytes of rows that followed the description.
    pub fn rows_taken(&mut self, bytes: usize) {
        self.rows = self.rows.saturating_add(bytes);
    }

    /// The space for the rows of the next result, estimated from the previous result of the same query.
    pub fn row_space(&self) -> Option<usize> {
        // A row takes slightly more space in a result than in a message.
        let rows = self.rows_before.min(MAX_RESERVED);
        (rows > 0).then_some(rows + rows / 8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(name: &[u8]) -> Vec<u8> {
        let mut body = vec![0, 1];
        body.extend(name);
        body.extend([0; 19]);
        body
    }

    fn name(origin: &Origin) -> Vec<u8> {
        let columns = origin.columns().expect("columns");
        columns.name(0).expect("a name").to_bytes().to_vec()
    }

    #[test]
    fn shares_columns_only_between_equal_descriptions() {
        let mut last = LastDescription::default();
        let first = last.origin_of(&body(b"one"), None).expect("valid");
        assert_eq!(last.row_space(), None);
        last.rows_taken(90);
        let again = last.origin_of(&body(b"one"), None).expect("valid");
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!(last.row_space(), Some(101));
        let other = last.origin_of(&body(b"two"), None).expect("valid");
        assert_eq!(last.row_space(), None);
        assert_eq!(
            (name(&first), name(&other)),
            (b"one".to_vec(), b"two".to_vec())
        );
        assert!(last.origin_of(b"\0\x01cut", None).is_err());
        let back = last.origin_of(&body(b"one"), None).expect("valid");
        assert!(!Arc::ptr_eq(&first, &back));
    }

    #[test]
    fn does_not_cache_a_long_description() {
        let mut last = LastDescription::default();
        let long = body(&[b'x'; MAX_CACHED]);
        let first = last.origin_of(&long, None).expect("valid");
        let again = last.origin_of(&long, None).expect("valid");
        assert!(!Arc::ptr_eq(&first, &again));
        assert_eq!(last.body.capacity(), 0);
    }

    #[test]
    fn does_not_mix_up_hooks() {
        let mut last = LastDescription::default();
        let hooks = Origin::with_hooks(Some(Arc::new(1)));
        let without = last.origin_of(&body(b"one"), None).expect("valid");
        last.forget();
        let with = last.origin_of(&body(b"one"), Some(&hooks)).expect("valid");
        assert!(without.hooks().is_none() && with.hooks().is_some());
    }
}
