//! Name constraints (RFC 5280, 4.2.1.10), as OpenSSL applies them: an authority restricts the names in all certificates below it.

mod kinds;
mod names;

use std::borrow::Cow;

use super::Refusal;
use super::budget::Budget;
use super::der::{Element, SEQUENCE, elements, sequence};
use super::form;
pub use names::presented;

/// The kinds of GeneralNames.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind<'a> {
    /// otherName; holds the DER of its type.
    Other(&'a [u8]),
    Email,
    Dns,
    Directory,
    Uri,
    Address,
    /// A kind without a comparison rule; holds its tag.
    Unsupported(u8),
}

/// A GeneralName. The value is a text, the bytes of an IP address, or the canonical form of a directory name.
#[derive(Debug, Clone)]
pub struct General<'a> {
    kind: Kind<'a>,
    value: Cow<'a, [u8]>,
    /// RFC 9598: the otherName for email addresses with non-ASCII characters. Constraints on email addresses apply to it.
    is_mailbox: bool,
}

impl<'a> General<'a> {
    fn new(kind: Kind<'a>, value: impl Into<Cow<'a, [u8]>>) -> General<'a> {
        General {
            kind,
            value: value.into(),
            is_mailbox: false,
        }
    }
}

/// A GeneralSubtree.
#[derive(Debug)]
struct Subtree<'a> {
    base: General<'a>,
    /// The subtree has no minimum and no maximum.
    whole: bool,
}

#[derive(Debug)]
pub struct Constraints<'a> {
    permitted: Vec<Subtree<'a>>,
    excluded: Vec<Subtree<'a>>,
}

impl<'a> Constraints<'a> {
    /// Parses the extension's value; None if it is malformed.
    pub fn parse(value: &'a [u8]) -> Option<Constraints<'a>> {
        let mut constraints = Constraints {
            permitted: Vec::new(),
            excluded: Vec::new(),
        };
        let lists = elements(sequence(value)?)?;
        form::in_order(&lists, |_| Some(()))?;
        for list in lists {
            let subtrees = elements(list.data)?.into_iter().map(subtree);
            let subtrees = subtrees.collect::<Option<Vec<_>>>()?;
            match list.tag {
                0xa0 => constraints.permitted.extend(subtrees),
                0xa1 => constraints.excluded.extend(subtrees),
                _ => return None,
            }
        }
        Some(constraints)
    }

    /// Checks that all `names` are permitted and none is excluded.
    pub fn check(&self, names: &[General<'_>], budget: &Budget) -> Result<(), Refusal> {
        let bases = self.permitted.len() + self.excluded.len();
        budget.spend_comparisons(names.len().saturating_mul(bases))?;
        match names.iter().all(|name| self.permits(name) == Some(true)) {
            true => Ok(()),
            false => Err(Refusal::WrongPurpose),
        }
    }

    /// None if the name cannot be compared.
    fn permits(&self, name: &General<'_>) -> Option<bool> {
        let mut within = None;
        for subtree in of_kind(&self.permitted, name) {
            let inside = kinds::is_within(name, subtree.base()?)?;
            within = Some(within == Some(true) || inside);
        }
        // A name is permitted if there is no base of its kind.
        if within == Some(false) {
            return Some(false);
        }
        for subtree in of_kind(&self.excluded, name) {
            if kinds::touches(name, subtree.base()?)? {
                return Some(false);
            }
        }
        Some(true)
    }
}

impl<'a> Subtree<'a> {
    /// The base; None if there is a minimum or maximum, which RFC 5280 forbids.
    fn base(&self) -> Option<&General<'a>> {
        self.whole.then_some(&self.base)
    }
}

fn of_kind<'s, 'a>(
    subtrees: &'s [Subtree<'a>],
    name: &General<'_>,
) -> impl Iterator<Item = &'s Subtree<'a>> {
    let kind = name.kind;
    subtrees
        .iter()
        .filter(move |subtree| subtree.base.kind == kind)
}

fn subtree(element: Element<'_>) -> Option<Subtree<'_>> {
    let parts = elements(element.of(SEQUENCE)?)?;
    let (base, bounds) = parts.split_first()?;
    form::is_general(base).then_some(())?;
    form::in_order(bounds, |bound| match bound.tag {
        0x80 | 0x81 => form::number(bound.data),
        _ => None,
    })?;
    // A minimum of zero is the default.
    let is_default = |bound: &Element<'_>| bound.of(0x80) == Some(&[0]);
    Some(Subtree {
        base: General::of(base)?,
        whole: bounds.iter().all(is_default),
    })
}
