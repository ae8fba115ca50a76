//! Rules that a test-only feature switches off, so that it can be seen which tests hold them.

pub(super) const R1: bool = cfg!(feature = "break-R1");
pub(super) const R2: bool = cfg!(feature = "break-R2");
pub(super) const R3: bool = cfg!(feature = "break-R3");
pub(super) const R4: bool = cfg!(feature = "break-R4");
pub(super) const R5: bool = cfg!(feature = "break-R5");
pub(super) const R6: bool = cfg!(feature = "break-R6");
pub(super) const R7: bool = cfg!(feature = "break-R7");
pub(super) const R8: bool = cfg!(feature = "break-R8");
pub(super) const R9: bool = cfg!(feature = "break-R9");
pub(super) const R10: bool = cfg!(feature = "break-R10");
pub(super) const R11: bool = cfg!(feature = "break-R11");
