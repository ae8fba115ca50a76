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
    Unreadable "TB001" "the file cannot be read"
        "The file could not be opened: it does not exist, is a directory, or may not be read.\n\nFor example:\n\n    turnback check plans/\n\nName a file: `turnback check plans/orders.yaml`."
    TooLarge "TB002" "the file is too large"
        "A scenario has at most 4 MiB. Larger files are not read at all.\n\nFor example:\n\n    a generated estate of thousands of services\n\nSplit it: services that share nothing are checked apart anyway."
    NotText "TB003" "the file is not text"
        "A scenario is UTF-8 text without control characters. A byte order mark and Windows line ends are fine.\n\nFor example:\n\n    a file saved as Latin-1\n\nSave the file as UTF-8. If it is a binary file, it is not a scenario."
    Empty "TB004" "the file is empty"
        "There is nothing in the file, or only remarks.\n\nFor example:\n\n    # to do\n\nStart with `turnback: 1` and `name: ...`; `turnback new` writes a first scenario."
    Syntax "TB005" "the file is not YAML"
        "The file is not YAML, so nothing in it can be read. Only the first such error of a file can be shown.\n\nFor example:\n\n    plan: [{wait: 1d}\n\nCheck brackets, quotes and indentation at the caret and on the line before. Quote a text that contains `: ` or begins with one of `@ % & * ! |`."
    ComparisonStart "TB006" "a value cannot start with `>`"
        "YAML takes a value that begins with `>` for a folded text, so a comparison cannot begin with it.\n\nFor example:\n\n    rejected_requests: > 1%\n\nWrite `at least 1%`, or quote it: `\"> 1%\"`."
    Tab "TB007" "a tab is used to indent"
        "YAML forbids tabs in indentation.\n\nFor example:\n\n    tables:\n    <tab>orders: ...\n\nIndent with spaces."
    DuplicateKey "TB008" "a key stands twice in one map"
        "A key stands twice in one map; one of the two would be ignored.\n\nFor example:\n\n    name: a\n    name: b\n\nRemove one, or merge their values."
    Null "TB009" "a value is missing"
        "A key or list entry has no value (`null`, `~`, or nothing at all).\n\nFor example:\n\n    ttl:\n\nGive it a value, or leave the key out. The text is written `\"null\"`."
    Anchor "TB010" "an anchor or alias"
        "Anchors (`&`) and aliases (`*`) let a file say something in one place and mean it in another. They are not read.\n\nFor example:\n\n    queues: *tables\n\nWrite the value out. Versions share what they do with `extends`."
    MergeKey "TB011" "a merge key"
        "Merge keys (`<<`) are not read.\n\nFor example:\n\n    <<: {replicas: 3}\n\nVersions share what they do with `extends`, deploys with `defaults`."
    Tag "TB012" "a YAML tag"
        "YAML tags (`!!int`) are not read: every value is text.\n\nFor example:\n\n    rows: !!int 5\n\nRemove the tag."
    SeveralDocuments "TB013" "several documents in one file"
        "A file holds one scenario.\n\nFor example:\n\n    ---\n\nPut each scenario into a file of its own, or name several plans of one fleet under `plans`."
    TooDeep "TB014" "nested too deep"
        "Maps and lists are nested more than 64 deep; a scenario needs about eight levels.\n\nFor example:\n\n    [[[[[[...\n\nLook for a bracket that was left open."
    TooManyNodes "TB015" "too many values"
        "The file has more than a million values.\n\nFor example:\n\n    a generated list\n\nSplit it into several scenarios."
    KeyNotText "TB016" "a key that is not text"
        "A key of a map is a list, a map or empty.\n\nFor example:\n\n    ? [a, b]\n    : c\n\nWrite `key: value`."
    TooManyErrors "TB017" "too many errors"
        "Only the first 200 problems are shown.\n\nFor example:\n\n    a file of another tool\n\nMend the first ones and run again."
    UnknownKey "TB101" "unknown key"
        "The key means nothing in this place. A misspelt key is not ignored, since the model would then say less than you think.\n\nFor example:\n\n    raeds: {orders: [status]}\n\nTake the proposal, or look the key up in docs/language.md."
    MissingKey "TB102" "a required key is missing"
        "A key that must be there is not.\n\nFor example:\n\n    disks: {spool: {}}\n\nAdd it: `disks: {spool: {of: web}}`."
    WrongShape "TB103" "another kind of value is expected"
        "A map, a list or a text stands where another of these is expected.\n\nFor example:\n\n    reads: {orders: status}\n\nWrite `reads: {orders: [status]}`."
    NotSupportedYet "TB104" "not supported yet"
        "The language has this construct, but this version cannot judge it. It is refused rather than ignored, since an answer without it would be wrong.\n\nFor example:\n\n    plan: [{shed: db}]\n\nLeave it out if the answer does not depend on it."
    BadName "TB105" "not a name"
        "Names have letters, digits and `. - _ /`, and are not words of the language (`all and any from if is no none not nothing or since until where`).\n\nFor example:\n\n    tables: {my orders: ...}\n\nWrite `my-orders`."
    DuplicateName "TB106" "a name is used twice"
        "Services and clients; places and apis; flags and configs: within each of these a name is used once. The same holds for step ids, values and fields of one list.\n\nFor example:\n\n    tables: {orders: ...}\n    queues: {orders: ...}\n\nGive one of them another name. A service and a table may share a name."
    BadChoice "TB107" "not one of the possible values"
        "The key takes one of a few words, and this is none of them.\n\nFor example:\n\n    order: lifo\n\nTake one of the words shown."
    BadDuration "TB108" "not a duration"
        "A duration is a number and a unit: `ms`, `s`, `m`, `h`, `d` or `w`.\n\nFor example:\n\n    wait: 5 minutes\n\nWrite `wait: 5m`."
    BadNumber "TB109" "not a number"
        "A whole number is expected; `k`, `M` or `G` may follow.\n\nFor example:\n\n    replicas: many\n\nWrite digits: `replicas: 6`, `rows: 200M`, `rate: 20k rows/s`."
    BadPercent "TB110" "not a percentage"
        "A percentage from 0 to 100 is expected, or a stage, or a share of the traffic.\n\nFor example:\n\n    canary: [5, 25]\n\nWrite `canary: [5%, 25%, 100%]`."
    BadField "TB111" "not a field entry"
        "An entry of a field list is not understood.\n\nFor example:\n\n    reads: {orders: [status order_status]}\n\nWrite `x`, `x or y`, `x or \"text\"`, `x or nothing`, `x: A|B`, or `x from place.field`."
    BadFact "TB112" "not a fact"
        "A guard or an event is not understood.\n\nFor example:\n\n    wait: until orders is full\n\nTake one of the forms under FACT in docs/language.md, as `order-placed is empty`."
    BadCondition "TB113" "not a condition"
        "The condition of an `if` is not understood.\n\nFor example:\n\n    if level: {...}\n\nWrite `if FLAG`, `if not FLAG` or `if CONFIG is VALUE`, joined by ` and `."
    BadStep "TB114" "a step's value cannot be understood"
        "The value of a step's verb is not understood.\n\nFor example:\n\n    deploy: web\n\nWrite what the verb takes: `deploy: web v2`."
    StepVerbs "TB115" "a step needs exactly one verb"
        "A step does exactly one thing: it has one verb and any modifiers.\n\nFor example:\n\n    {deploy: web v2, wait: 1d}\n\nMake each verb a step of its own."
    BadLimit "TB116" "not a comparison with a limit"
        "A comparison with a limit is not understood, or a `verify`, or a metric.\n\nFor example:\n\n    abort_if: [error_rate 2%]\n\nWrite `error_rate > 2%`, `p99 > 1.4x baseline`, or `verify: count(x is absent) == 0`."
    Misplaced "TB117" "this key has no meaning here"
        "The key exists but has no meaning beside what stands there.\n\nFor example:\n\n    {wait: 1d, canary: none}\n\nRemove it, or move it to the step or version it belongs to."
    BadFormat "TB118" "unknown language version"
        "The file asks for another version of the language.\n\nFor example:\n\n    turnback: 2\n\nWrite `turnback: 1`."
    UnknownPlace "TB120" "unknown place"
        "A table, document, queue, cache, disk or memory is named that is not declared.\n\nFor example:\n\n    drain: order-place\n\nTake the proposal, or declare the place."
    UnknownActor "TB121" "unknown service or client"
        "A service or client is named that is not declared.\n\nFor example:\n\n    deploy: wbe v2\n\nTake the proposal, or declare it under `services` or `clients`."
    UnknownVersion "TB122" "unknown version"
        "The service does not declare this version.\n\nFor example:\n\n    deploy: web v9\n\nDeclare it under `versions`, or say which declared one it behaves as: `like: v2`."
    UnknownValue "TB123" "unknown flag or config"
        "A flag or config is named that is not declared.\n\nFor example:\n\n    flag: fsat on\n\nTake the proposal, or declare it under `flags` or `config`."
    UnknownField "TB124" "unknown field"
        "The place has no such column or field. A column must be declared or added by a migration.\n\nFor example:\n\n    reads: {orders: [stauts]}\n\nTake the proposal, declare the column, or add a migration that adds it."
    UnknownTag "TB125" "unknown value"
        "The field, flag or config has no such value.\n\nFor example:\n\n    set: level newer\n\nTake one of its values, or declare this one too."
    UnknownMigration "TB126" "unknown migration"
        "The table declares no such migration.\n\nFor example:\n\n    migrate: orders.expnd\n\nDeclare it under `migrations` of the table."
    UnknownGate "TB127" "unknown gate"
        "A gate is named that is not declared.\n\nFor example:\n\n    gate: helthy\n\nDeclare it under `gates`, or write `gate: none`."
    UnknownStep "TB128" "unknown step"
        "A reference fits no step of the plan.\n\nFor example:\n\n    rollback_safe_until: contract\n\nA step is called by its `id`, else by verb and value: `migrate orders.contract`. Any unambiguous part of that will do."
    AmbiguousStep "TB129" "a reference fits several steps"
        "A reference fits several steps.\n\nFor example:\n\n    rollback_safe_until: deploy web\n\nWrite more of it, or give the step an `id`."
    UnknownApi "TB130" "neither a place nor an api"
        "A name under `sends` or `receives` is neither a queue nor an api that anybody else uses, or a call goes to nobody.\n\nFor example:\n\n    sends: {order-placd: [sku]}\n\nTake the proposal; declare it under `queues` or `apis`; write a call as `POST /path`."
    WrongPlace "TB131" "a place of another kind is expected"
        "The place is of another kind than the verb needs.\n\nFor example:\n\n    drain: orders\n\nQueues are sent to, received from, drained and requeued; caches are flushed; the rest is read and written."
    UnknownMetric "TB132" "unknown metric"
        "A key under `expect` is neither a promise nor a metric.\n\nFor example:\n\n    rollback_safe_untl: end\n\nTake the proposal, or declare the metric under `metrics`."
    UnknownHandler "TB133" "unknown handler"
        "A metric is about an api or handler that does not exist.\n\nFor example:\n\n    ok share of web.nightly\n\nName an api that is used, or a handler of a version of the service."
    NeverWritten "TB140" "a field is read but nobody provides it"
        "A field is read, but nobody writes, sends, backfills, starts or adds it: the read could never succeed, so this is most likely a typing error.\n\nFor example:\n\n    receives: {jobs: [custmer]}\n\nTake the proposal, let somebody write it, or say under `starts` what the place holds."
    DeploysNothing "TB141" "a step deploys nothing"
        "The service has this version already when the step begins, or has no versions at all.\n\nFor example:\n\n    deploy: web v1\n\nRemove the step, or name the version that is meant. The first version listed runs at the start."
    PlanAndPlans "TB142" "both `plan` and `plans`"
        "A file has one `plan`, or several `plans`, not both.\n\nFor example:\n\n    plan: [...]\n    plans: {...}\n\nMove the steps of `plan` under a name in `plans`."
    ExtendsCycle "TB143" "a version extends itself"
        "Versions extend each other in a circle, so none of them says what it does.\n\nFor example:\n\n    v1: {extends: v2}\n    v2: {extends: v1}\n\nLet one of them say in full what it does."
    SuspiciousTag "TB144" "a value that looks like a keyword"
        "A word that is nearly a keyword is taken for the only value of a field.\n\nFor example:\n\n    id: notnull\n\nWrite `not_null`, or list the values: `A|B`."
    NoMessage "TB145" "a copy of a message that is not at hand"
        "A field is copied from a queue, but what copies it receives no message of that queue. What stands directly under a version is one handler per verb and place, so they do not see what another one received.\n\nFor example:\n\n    receives: {jobs: [email]}\n    writes: {contacts: [email from jobs.email]}\n\nMake it one handler: `handlers: {import: {receives: {jobs: [email]}, writes: {contacts: [email from jobs.email]}}}`."
    ListedAndAdded "TB146" "a column is listed and also added by a migration"
        "The columns listed are there at the start, so a migration that adds one of them has nothing to add, and a version that is deployed too early finds it nevertheless.\n\nFor example:\n\n    columns: {id: not_null, locale: nullable}\n    migrations: {expand: {add_column: locale}}\n\nTake the column out of `columns`."
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page_of_its_own() {
        for (at, (code, title, page)) in pages().iter().enumerate() {
            assert!(code.starts_with("TB") && code.len() == 5);
            assert!(pages()[..at].iter().all(|other| other.0 < *code), "{code} is out of order");
            assert!(!title.is_empty() && page.contains("For example:"), "{code}");
        }
    }
}
