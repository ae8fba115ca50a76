//! The codes of the reader's diagnostics, and the page that explains each.

macro_rules! codes {
    ($($variant:ident $code:literal $title:literal $page:literal)*) => {
        /// The code of a diagnostic of the reader: `TB0nn` for syntax, `TB1nn` for names, values and lint.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $title] $variant,)*
        }

        impl Code {
            /// The code as printed.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $code,)*
                }
            }
        }

        const PAGES: &[(&str, &str, &str)] = &[$(($code, $title, $page),)*];
    };
}

/// Every code with its title and a page that says what it means, shows an example and how to mend it.
pub fn pages() -> &'static [(&'static str, &'static str, &'static str)] {
    PAGES
}

codes! {
    Unreadable "TB001" "the file cannot be read" "x"
    TooLarge "TB002" "the file is too large" "x"
    NotText "TB003" "the file is not text" "x"
    Empty "TB004" "the file is empty" "x"
    Syntax "TB005" "the file is not YAML" "x"
    ComparisonStart "TB006" "a value cannot start with `>`" "x"
    Tab "TB007" "a tab is used to indent" "x"
    DuplicateKey "TB008" "a key stands twice in one map" "x"
    Null "TB009" "a value is missing" "x"
    Anchor "TB010" "an anchor or alias" "x"
    MergeKey "TB011" "a merge key" "x"
    Tag "TB012" "a YAML tag" "x"
    SeveralDocuments "TB013" "several documents in one file" "x"
    TooDeep "TB014" "nested too deep" "x"
    TooManyNodes "TB015" "too many values" "x"
    KeyNotText "TB016" "a key that is not text" "x"
    TooManyErrors "TB017" "too many errors" "x"
    UnknownKey "TB101" "unknown key" "x"
    MissingKey "TB102" "a required key is missing" "x"
    WrongShape "TB103" "another kind of value is expected" "x"
    NotSupportedYet "TB104" "not supported yet" "x"
    BadName "TB105" "not a name" "x"
    DuplicateName "TB106" "a name is used twice" "x"
    BadChoice "TB107" "not one of the possible values" "x"
    BadDuration "TB108" "not a duration" "x"
    BadNumber "TB109" "not a number" "x"
    BadPercent "TB110" "not a percentage" "x"
    BadField "TB111" "not a field entry" "x"
    BadFact "TB112" "not a fact" "x"
    BadCondition "TB113" "not a condition" "x"
    BadStep "TB114" "a step's value cannot be understood" "x"
    StepVerbs "TB115" "a step needs exactly one verb" "x"
    BadLimit "TB116" "not a comparison with a limit" "x"
    Misplaced "TB117" "this key has no meaning here" "x"
    BadFormat "TB118" "unknown language version" "x"
    UnknownPlace "TB120" "unknown place" "x"
    UnknownActor "TB121" "unknown service or client" "x"
    UnknownVersion "TB122" "unknown version" "x"
    UnknownValue "TB123" "unknown flag or config" "x"
    UnknownField "TB124" "unknown field" "x"
    UnknownTag "TB125" "unknown value" "x"
    UnknownMigration "TB126" "unknown migration" "x"
    UnknownGate "TB127" "unknown gate" "x"
    UnknownStep "TB128" "unknown step" "x"
    AmbiguousStep "TB129" "a reference fits several steps" "x"
    UnknownApi "TB130" "neither a place nor an api" "x"
    WrongPlace "TB131" "a place of another kind is expected" "x"
    UnknownMetric "TB132" "unknown metric" "x"
    UnknownHandler "TB133" "unknown handler" "x"
    NeverWritten "TB140" "a field is read but nobody provides it" "x"
    DeploysNothing "TB141" "a step deploys nothing" "x"
    PlanAndPlans "TB142" "both `plan` and `plans`" "x"
    ExtendsCycle "TB143" "a version extends itself" "x"
    SuspiciousTag "TB144" "a value that looks like a keyword" "x"
}
