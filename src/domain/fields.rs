//! How the fields of specs and statuses are written.

/// Whether a field has the value of one that is left out, and so can be left out.
pub fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}
