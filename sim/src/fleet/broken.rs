//! Rules that a test-only feature, or a planted fault, switches off, so that it can be seen which tests hold them.

use crate::planted::{Planted, planted};

macro_rules! switches {
    ($($name:ident: $rule:ident, $feature:literal;)*) => {
        $(#[inline(always)]
        pub(super) fn $name() -> bool {
            cfg!(feature = $feature) || planted(Planted::$rule)
        })*
    };
}

switches! {
    r1: R1, "break-R1";
    r2: R2, "break-R2";
    r3: R3, "break-R3";
    r4: R4, "break-R4";
    r5: R5, "break-R5";
    r6: R6, "break-R6";
    r7: R7, "break-R7";
    r8: R8, "break-R8";
    r9: R9, "break-R9";
    r10: R10, "break-R10";
    r11: R11, "break-R11";
}
