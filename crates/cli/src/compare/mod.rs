pub(crate) mod html;
pub(crate) mod lane;
pub(crate) mod result;
