//! placeholder
pub(crate) fn page(_: &super::result::Comparison) -> String {
    String::new()
}
