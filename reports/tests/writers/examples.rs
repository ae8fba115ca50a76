//! Reports built by hand.

use turnback_reports::report::*;

const SOURCE: &str = include_str!("rename.yaml");

/// Where `needle` first stands in `source`.
fn span(source: &str, needle: &str) -> Span {
    let start = source.find(needle).expect("the example contains the needle");
    start..start + needle.len()
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| text.to_string()).collect()
}

fn steps(source: &str, texts: &[&str]) -> Vec<Step> {
    let step = |(index, text): (usize, &&str)| Step {
        number: index + 1,
        id: text.to_string(),
        text: text.to_string(),
        span: span(source, text.split(' ').next_back().unwrap_or(text)),
    };
    texts.iter().enumerate().map(step).collect()
}

fn position(step: usize, id: &str, at: At) -> Position {
    Position {
        step,
        id: id.into(),
        at,
        zone: Zone::Rollback,
        reason: None,
        procedure: Some(vec!["rollback".into()]),
        rollback_ends: RollbackEnds::Home,
        harms: vec![],
    }
}

fn harm(kind: HarmKind, silent: bool, charged: bool, who: &str, what: &str, line: u32) -> Harm {
    Harm { code: kind.code(), kind, silent, charged, who: who.into(), what: what.into(), line, column: 7 }
}

/// A plan that nothing speaks against, with every position at home.
pub fn safe_plan(source: &str, ids: &[&str]) -> PlanReport {
    let steps = steps(source, ids);
    let mut positions = vec![position(0, "start", At::Start)];
    for step in &steps {
        positions.push(position(step.number, &step.id, At::Mixed));
        positions.push(position(step.number, &step.id, At::Done));
    }
    PlanReport {
        plan: None,
        verdict: Verdict::Safe,
        recovery: Recovery::Safe,
        rollback_safe_until: Promise { promised: Point::End, found: Point::End },
        last_safe_rollback_point: Some(Point::End),
        steps,
        positions,
        point_of_no_return: vec![],
        findings: vec![],
        vacuous: vec![],
        not_stated: texts(&["cron", "callbacks"]),
        assumed: vec![],
        states: 1_024,
        transitions: 4_711,
        complete: true,
        undecided: None,
        would_hurt: vec![],
        pre_existing: vec![],
        parked: vec![],
        metrics_not_checked: vec![],
        mismatches: vec![],
        coverage: vec![],
        values_seen: vec![],
        slipped: vec![],
        slips: vec![],
        slips_cut_short: false,
    }
}

fn report(plans: Vec<PlanReport>) -> Report {
    Report {
        file: "rename.yaml".into(),
        source_text: SOURCE.into(),
        scenario: "Rename orders.status (one release too fast)".into(),
        plans,
    }
}

const RENAME: [&str; 6] = [
    "migrate orders.expand",
    "deploy orders v2",
    "backfill orders.order_status from status",
    "deploy orders v3",
    "wait 7d",
    "migrate orders.contract",
];

/// Safe.
pub fn safe() -> Report {
    report(vec![safe_plan(SOURCE, &RENAME[..3])])
}

/// Unsafe, with a long story and something in every list.
pub fn unsafe_rename() -> Report {
    let mut plan = safe_plan(SOURCE, &RENAME);
    plan.verdict = Verdict::Unsafe;
    plan.recovery = Recovery::Irrecoverable;
    let id = |id: &str| Point::Step(id.into());
    plan.rollback_safe_until = Promise { promised: id(RENAME[5]), found: id(RENAME[3]) };
    plan.last_safe_rollback_point = Some(id(RENAME[2]));
    spoil(&mut plan);
    plan.point_of_no_return =
        vec![TurningPoint { step: RENAME[3].into(), event: Some("the first write by orders v3".into()) }];
    plan.findings = vec![lost_orders(), misread_orders()];
    fill_lists(&mut plan);
    report(vec![plan])
}

fn spoil(plan: &mut PlanReport) {
    for position in plan.positions.iter_mut().filter(|position| position.step >= 4) {
        let charged = position.step < 6;
        position.zone = Zone::Forward;
        position.procedure = Some(texts(&["finish the plan"]));
        position.rollback_ends = RollbackEnds::Lost;
        position.harms = vec![harm(HarmKind::Loss, true, charged, "orders v3", "orders.status", 16)];
    }
    let mixed = plan.positions.iter_mut().find(|position| position.step == 4).expect("step 4 has positions");
    mixed.harms.push(harm(HarmKind::Misread, true, true, "orders v2", "orders.status", 15));
    mixed.zone = Zone::Irrecoverable;
    mixed.reason = Some(Reason::Luck);
    mixed.procedure = None;
    let last = plan.positions.last_mut().expect("there are positions");
    last.zone = Zone::Repair;
    last.procedure = Some(texts(&["deploy orders v2", "backfill orders.status from order_status"]));
}

fn lost_orders() -> Finding {
    let told = [
        ("plan: migrate orders.expand adds order_status", Some(21)),
        ("plan: deploy orders v2, one replica after the other, until all six have moved", Some(22)),
        ("plan: backfill copies status to order_status; every row is equal in both", Some(23)),
        ("plan: deploy orders v3 begins; one v2 replica becomes v3", Some(25)),
        ("orders v3 takes a request and writes order_status only: status is stale", Some(16)),
        ("the operator aborts; the rollback brings orders v2 back", Some(28)),
        ("orders v2 reads the stale status and answers with it", Some(15)),
        ("rollback: migrate orders.expand undone; the last fresh copy is gone", Some(28)),
    ];
    Finding {
        code: "TB208",
        title: "the rollback loses orders that v3 has written".into(),
        line: 16,
        blame: vec![
            blame("writes: {orders: [order_status]}", "v3 writes the new column only"),
            blame("rollback: undo-everything", "drops the column that v3 wrote"),
            blame("deploy: orders v3", "from here on"),
        ],
        story: told.iter().map(|&(text, line)| StoryMove { text: text.into(), line }).collect(),
        doomed_at: Some(5),
        first_symptom_at: Some(7),
        does_not_matter: texts(&["how many replicas have moved", "whether the backfill has ended"]),
        still_saved_by: texts(&["a release between v2 and v3 that reads the new column and writes both"]),
        fix: Some(Fix {
            summary: "release a version that writes both columns first".into(),
            diff: "   - deploy: orders v2\n-  - deploy: orders v3\n+  - deploy: orders v2.5\n".into(),
        }),
        replay: Some("turnback replay rename.yaml --story 1".into()),
    }
}

fn blame(needle: &str, label: &str) -> Blame {
    Blame { span: span(SOURCE, needle), label: label.into() }
}

fn misread_orders() -> Finding {
    Finding {
        code: "TB204",
        title: "orders v2 misreads status".into(),
        line: 15,
        blame: vec![blame("v2: {reads: {orders: [status]}", "reads what v3 does not write")],
        story: vec![StoryMove { text: "orders v2 reads a stale status".into(), line: None }],
        doomed_at: None,
        first_symptom_at: None,
        does_not_matter: vec![],
        still_saved_by: vec![],
        fix: None,
        replay: None,
    }
}

fn fill_lists(plan: &mut PlanReport) {
    plan.would_hurt = vec![harm(HarmKind::WriteFails, false, false, "orders v2", "orders.status", 15)];
    plan.pre_existing = vec![harm(HarmKind::Reject, false, false, "mobile-3.1", "POST /v1/orders", 12)];
    plan.parked = texts(&["step 3: orders v2 with both columns filled"]);
    plan.vacuous = vec![
        Vacuous { code: "TB304", what: "gate healthy: only silent harm can happen".into(), line: Some(18) },
        Vacuous { code: "TB301", what: "wait 7d".into(), line: None },
    ];
    plan.assumed = texts(&["a replica that restarts comes back with its version"]);
    plan.metrics_not_checked = texts(&["sessions_dropped: 0"]);
    plan.mismatches = vec![Mismatch {
        key: "rollback_safe_until".into(),
        expected: RENAME[5].into(),
        found: RENAME[3].into(),
        line: Some(29),
    }];
    let pair = |place: &str, writer: &str, reader: &str, met| VersionPair {
        place: place.into(),
        writer: writer.into(),
        reader: reader.into(),
        met,
        fields: if met { vec!["id".into()] } else { vec![] },
        never: vec!["status".into()],
    };
    plan.coverage = vec![
        pair("orders", "orders v1", "orders v1", true),
        pair("orders", "orders v1", "orders v2", true),
        pair("orders", "orders v1", "orders v3", false),
        pair("orders", "orders v2", "orders v3", true),
        pair("POST /v1/orders", "mobile-3.1", "orders v3", false),
    ];
    let seen = |is: &str, observed, acted_on| ValueSeen { value: "checkout".into(), is: is.into(), observed, acted_on };
    plan.values_seen = vec![seen("off", true, true), seen("on", true, false), seen("max", false, false)];
}

/// Undecided: the bound was hit at the second step.
pub fn undecided() -> Report {
    let mut plan = safe_plan(SOURCE, &RENAME[..3]);
    plan.verdict = Verdict::Undecided;
    plan.recovery = Recovery::Undecided;
    plan.rollback_safe_until.found = Point::Step(RENAME[1].into());
    plan.last_safe_rollback_point = Some(Point::Step(RENAME[0].into()));
    plan.complete = false;
    plan.states = 20_000_000;
    plan.undecided = Some(Undecided {
        why: "the limit of 20 000 000 states was reached".into(),
        explored: "every path of up to 41 moves; what is found there is certain".into(),
        help: Some("raise --max-states, or check fewer keys".into()),
    });
    for position in plan.positions.iter_mut().filter(|position| position.step >= 2) {
        position.zone = Zone::Undecided;
        position.procedure = None;
        position.rollback_ends = RollbackEnds::Undecided;
    }
    plan.positions.retain(|position| position.step < 3);
    report(vec![plan])
}

/// Two plans, of which one hurts although it can always be rolled back, the other nowhere can be.
pub fn several_plans() -> Report {
    let mut hurts = safe_plan(SOURCE, &RENAME[..2]);
    hurts.plan = Some("as-pushed".into());
    hurts.verdict = Verdict::Unsafe;
    hurts.recovery = Recovery::Rollback;
    for kind in [HarmKind::Crash, HarmKind::Reject, HarmKind::Drop] {
        hurts.positions[3].harms.push(harm(kind, false, true, "orders v1", "peer-sync", 12));
    }
    let mut never = safe_plan(SOURCE, &RENAME[..1]);
    never.plan = Some("never-back".into());
    never.rollback_safe_until = Promise { promised: Point::Start, found: Point::Start };
    never.last_safe_rollback_point = None;
    for position in &mut never.positions {
        position.zone = Zone::Forward;
        position.procedure = Some(texts(&["finish the plan"]));
        position.rollback_ends = RollbackEnds::Stuck;
    }
    report(vec![hurts, never])
}

/// The name of somebody who means no good.
pub const HOSTILE: &str = "=<img src=x onerror=alert(1)>\u{1b}[2J\r\n\"a\",b\u{202e}\u{2028}é注";

/// Every text is hostile, the source too.
pub fn hostile() -> Report {
    let mut report = unsafe_rename();
    report.file = HOSTILE.into();
    report.scenario = HOSTILE.into();
    report.source_text = SOURCE.replace("undo-everything", HOSTILE);
    let plan = &mut report.plans[0];
    plan.plan = Some(HOSTILE.into());
    for step in &mut plan.steps {
        step.text = HOSTILE.into();
    }
    for position in &mut plan.positions {
        position.id = HOSTILE.into();
        position.procedure = Some(vec![HOSTILE.into()]);
    }
    plan.rollback_safe_until.promised = Point::Step(HOSTILE.into());
    let texts = [&mut plan.parked, &mut plan.assumed, &mut plan.not_stated, &mut plan.metrics_not_checked];
    texts.into_iter().for_each(|texts| *texts = vec![HOSTILE.into()]);
    for finding in &mut plan.findings {
        finding.title = HOSTILE.into();
        finding.story.iter_mut().for_each(|told| told.text = HOSTILE.into());
        finding.blame.iter_mut().for_each(|blame| blame.label = HOSTILE.into());
        finding.does_not_matter = vec![HOSTILE.into()];
        finding.replay = Some(HOSTILE.into());
        finding.fix = Some(Fix { summary: HOSTILE.into(), diff: format!("+{HOSTILE}") });
    }
    for pair in &mut plan.coverage {
        [&mut pair.place, &mut pair.writer, &mut pair.reader].into_iter().for_each(|text| *text = HOSTILE.into());
        pair.fields.iter_mut().chain(&mut pair.never).for_each(|text| *text = HOSTILE.into());
    }
    for seen in &mut plan.values_seen {
        [&mut seen.value, &mut seen.is].into_iter().for_each(|text| *text = HOSTILE.into());
    }
    for harm in plan.would_hurt.iter_mut().chain(plan.positions.iter_mut().flat_map(|at| &mut at.harms)) {
        harm.who = HOSTILE.into();
        harm.what = HOSTILE.into();
    }
    report
}

/// A file that could not be checked.
pub fn invalid() -> InvalidFile {
    let diagnostic = |severity, message: &str, span, help: Option<&str>| Diagnostic {
        code: "TB101".into(),
        severity,
        message: message.into(),
        line: 28,
        column: 11,
        help: help.map(str::to_owned),
        span,
    };
    InvalidFile {
        file: "rename.yaml".into(),
        source_text: SOURCE.into(),
        diagnostics: vec![
            diagnostic(
                Severity::Error,
                "there is no rollback `undo-everything`",
                Some(span(SOURCE, "undo-everything")),
                Some("write `inverse`, or a list of steps"),
            ),
            diagnostic(Severity::Warning, "the file is long", None, None),
        ],
    }
}
