//! The table of exit codes. 101 is a bug of ours.

use std::process::ExitCode;

use turnback_reports::report::Verdict;

/// How a command ends, the worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Exit {
    /// Wrong usage or an invalid scenario.
    Invalid,
    /// Some plan is unsafe.
    Unsafe,
    /// Some plan is undecided.
    Undecided,
    /// Everything asked for is well.
    Safe,
}

impl Exit {
    /// The number that a shell sees.
    pub fn code(self) -> u8 {
        match self {
            Exit::Safe => 0,
            Exit::Unsafe => 1,
            Exit::Invalid => 2,
            Exit::Undecided => 3,
        }
    }

    /// The worse of two.
    pub fn worse(self, other: Exit) -> Exit {
        self.min(other)
    }
}

impl From<Verdict> for Exit {
    fn from(verdict: Verdict) -> Exit {
        match verdict {
            Verdict::Safe => Exit::Safe,
            Verdict::Undecided => Exit::Undecided,
            Verdict::Unsafe => Exit::Unsafe,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        exit.code().into()
    }
}

#[cfg(test)]
mod tests {
    use super::Exit::*;

    #[test]
    fn two_before_one_before_three_before_zero() {
        assert_eq!([Safe.code(), Unsafe.code(), Invalid.code(), Undecided.code()], [0, 1, 2, 3]);
        assert_eq!(Safe.worse(Undecided), Undecided);
        assert_eq!(Undecided.worse(Unsafe), Unsafe);
        assert_eq!(Unsafe.worse(Invalid), Invalid);
    }
}
