//! The part that all results of a query share.

use super::columns::Columns;
use std::any::Any;
use std::sync::Arc;

/// Notice hooks. Their type is unknown in this layer.
pub type Hooks = Arc<dyn Any + Send + Sync>;

/// The columns and the notice hooks of a result. They are in one object so that a result for a single row needs only one
/// reference.
#[derive(Default)]
pub struct Origin {
    columns: Option<Arc<Columns>>,
    hooks: Option<Hooks>,
}

impl Origin {
    /// For results without columns.
    pub fn with_hooks(hooks: Option<Hooks>) -> Arc<Origin> {
        let columns = None;
        Arc::new(Origin { columns, hooks })
    }

    /// With these columns, and the hooks of `other` if there is one.
    pub fn with_columns(columns: Arc<Columns>, other: Option<&Origin>) -> Arc<Origin> {
        Arc::new(Origin {
            columns: (!columns.is_empty()).then_some(columns),
            hooks: other.and_then(|other| other.hooks.clone()),
        })
    }

    /// The columns, if there are any.
    pub fn columns(&self) -> Option<&Arc<Columns>> {
        self.columns.as_ref()
    }

    pub fn hooks(&self) -> Option<&Hooks> {
        self.hooks.as_ref()
    }
}
