//! What the results of a query have in common.

use super::columns::Columns;
use std::any::Any;
use std::sync::Arc;

/// Notice hooks, opaque here.
pub type Hooks = Arc<dyn Any + Send + Sync>;

/// The columns and the notice hooks of a result: together, so that a result for each row refers to one thing only.
#[derive(Default)]
pub struct Origin {
    columns: Option<Arc<Columns>>,
    hooks: Option<Hooks>,
}

impl Origin {
    /// What results without columns refer to.
    pub fn with_hooks(hooks: Option<Hooks>) -> Arc<Origin> {
        let columns = None;
        Arc::new(Origin { columns, hooks })
    }

    /// With these columns and the hooks of `other`, if there is one.
    pub fn with_columns(columns: Arc<Columns>, other: Option<&Origin>) -> Arc<Origin> {
        Arc::new(Origin {
            columns: (!columns.is_empty()).then_some(columns),
            hooks: other.and_then(|other| other.hooks.clone()),
        })
    }

    /// The columns, if there are some.
    pub fn columns(&self) -> Option<&Arc<Columns>> {
        self.columns.as_ref()
    }

    pub fn hooks(&self) -> Option<&Hooks> {
        self.hooks.as_ref()
    }
}
