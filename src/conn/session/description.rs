//! The last RowDescription, in case the next one is the same.

use std::sync::Arc;

use crate::result::columns::{Columns, ColumnsError};
use crate::result::origin::Origin;

/// The most room that a result is given because the last one needed it.
const MOST_ROOM: usize = 2048;
/// Longer bodies are not kept.
const MOST_KEPT: usize = 4096;

/// The columns last described and the body that did it: a query that is repeated is described alike each time.
#[derive(Default)]
pub struct LastDescription {
    body: Vec<u8>,
    origin: Option<Arc<Origin>>,
    /// Bytes of the rows that came behind it, the last time and so far.
    rows_before: usize,
    rows: usize,
}

impl LastDescription {
    /// What results with the columns in `body` refer to; `hooks` is that of results without columns.
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
        if body.len() <= MOST_KEPT && self.body.try_reserve_exact(body.len()).is_ok() {
            self.body.extend_from_slice(body);
            self.origin = Some(origin.clone());
        }
        Ok(origin)
    }

    /// The hooks have changed: nothing is the same any more.
    pub fn forget(&mut self) {
        self.body.clear();
        self.origin = None;
        self.rows_before = 0;
        self.rows = 0;
    }

    /// So many bytes of rows came behind the description.
    pub fn rows_taken(&mut self, bytes: usize) {
        self.rows = self.rows.saturating_add(bytes);
    }

    /// The room for the rows of the next result, if the last one tells: a query that is repeated often gives as much
    /// each time.
    pub fn row_space(&self) -> Option<usize> {
        // A row takes a little more in a result than in a message.
        let rows = self.rows_before.min(MOST_ROOM);
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
    fn only_the_same_description_is_shared() {
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
    fn a_long_description_is_not_kept() {
        let mut last = LastDescription::default();
        let long = body(&[b'x'; MOST_KEPT]);
        let first = last.origin_of(&long, None).expect("valid");
        let again = last.origin_of(&long, None).expect("valid");
        assert!(!Arc::ptr_eq(&first, &again));
        assert_eq!(last.body.capacity(), 0);
    }

    #[test]
    fn other_hooks_are_not_mixed_up() {
        let mut last = LastDescription::default();
        let hooks = Origin::with_hooks(Some(Arc::new(1)));
        let without = last.origin_of(&body(b"one"), None).expect("valid");
        last.forget();
        let with = last.origin_of(&body(b"one"), Some(&hooks)).expect("valid");
        assert!(without.hooks().is_none() && with.hooks().is_some());
    }
}
