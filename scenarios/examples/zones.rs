use turnback_scenarios::compile::{Exploration, compile};
use turnback_sim::drivers::explore::Limits;
use turnback_sim::findings::judge::{HarmAt, Subject, Zone};
use turnback_sim::findings::story::tell;
use turnback_sim::fleet::Fleet;
use turnback_sim::relation::*;
fn main() {
    let verbose = std::env::var("V").is_ok();
    for file in std::env::args().skip(1) {
        let bytes = std::fs::read(&file).unwrap();
        let read = match turnback_scenarios::read(&file, &bytes) {
            Ok(r) => r,
            Err(e) => {
                for d in &e.diagnostics {
                    println!("{file}: {:?}", d.message)
                }
                continue;
            }
        };
        let n = read.scenario.plans.len();
        let plans: Vec<Option<usize>> = if n == 0 { vec![None] } else { (0..n).map(Some).collect() };
        for plan in plans {
            let t = std::time::Instant::now();
            let c = match compile(
                &read.scenario,
                plan,
                Exploration { replicas: std::env::var("K").ok().map(|k| k.parse().unwrap()) },
            ) {
                Ok(c) => c,
                Err(e) => {
                    println!("{file} refused {e:?}");
                    continue;
                }
            };
            let keys = std::env::var("KEYS").ok().map_or(1, |k| k.parse().unwrap());
            let fleet = Fleet::new(c.definition.clone(), keys);
            let slices: Vec<Fleet> = if std::env::var("WHOLE").is_ok() { vec![] } else { c.definition.slices().into_iter().map(|d| Fleet::new(d, keys)).collect() };
            let limits = Limits { states_max: 20_000_000, memory_bytes_max: 4 << 30, threads: 1, stop: None };
            let j = turnback_sim::findings::slices::judge_in_slices(&fleet, &slices, &limits, &mut |_| {});
            let mut line = String::new();
            let last = j.positions.iter().map(|p| p.position.step).max().unwrap();
            for s in 0..=last {
                let worst = j.positions.iter().filter(|p| p.position.step == s).map(|p| p.zone).max();
                line.push(match worst {
                    None => '-',
                    Some(Zone::Rollback) => '●',
                    Some(Zone::Forward) => '▲',
                    Some(Zone::Repair) => '◆',
                    Some(Zone::Undecided) => '?',
                    Some(Zone::Irrecoverable) => '✖',
                });
            }
            println!(
                "{file} {:?} {line} {:?} slices={} states={} trans={} {:.1}ms",
                plan.and_then(|p| read.scenario.plans[p].name.as_ref().map(|n| n.value.clone())),
                j.verdict, slices.len(),
                j.states,
                j.transitions,
                t.elapsed().as_secs_f64() * 1e3
            );
            let nm = &c.names;
            let lab = |l: &Label| {
                format!(
                    "{:?} {} {}.{}",
                    l.harm,
                    if l.actor == 65535 {
                        "-".into()
                    } else {
                        format!(
                            "{} {}",
                            nm.actors[c.definition.versions[l.actor as usize].actor as usize],
                            nm.versions[l.actor as usize]
                        )
                    },
                    if l.place == 65535 { "-" } else { &nm.places[l.place as usize] },
                    if l.field == 65535 { "-" } else { &nm.fields[l.place as usize][l.field as usize] }
                )
            };
            if verbose {
                println!("  pre: {:?}", j.pre_existing.iter().map(&lab).collect::<Vec<_>>());
            }
            for p in &j.positions {
                if verbose || p.harms.iter().any(|h| h.charged) || p.reason.is_some() {
                    println!(
                        "   {:?}{:?} {:?} {:?} {:?} proc {:?}",
                        p.position.step, p.position.at, p.zone, p.reason, p.rollback_ends, p.procedure
                    );
                    for h in &p.harms {
                        let HarmAt { label, in_rollback, charged } = h;
                        if verbose || *charged {
                            println!("        {} rb={in_rollback} charged={charged}", lab(label));
                        }
                    }
                }
            }
            for t in &j.no_return {
                println!(
                    "   no return {} {:?}",
                    t.step,
                    t.event.as_ref().map(|(_, s)| format!(
                        "{:?} {}",
                        s.kind,
                        if matches!(s.kind, turnback_sim::fleet::Kind::Request | turnback_sim::fleet::Kind::Deliver) {
                            let h = &c.definition.handlers[s.what as usize];
                            format!("{} {}", nm.versions[h.version as usize], nm.handlers[s.what as usize])
                        } else {
                            String::new()
                        }
                    ))
                );
            }
            for f in &j.findings {
                println!(
                    "   finding {:?} doomed {:?} symptom {:?}",
                    match f.subject {
                        Subject::Harm(l) => lab(&l),
                        o => format!("{o:?}"),
                    },
                    f.story.doomed_at,
                    f.story.first_symptom_at
                );
                if verbose || std::env::var("S").is_ok() {
                    for t in tell(f.slice.map_or(&fleet, |k| &slices[k]), &f.story.begins, &f.story.moves).unwrap() {
                        let s = t.step;
                        println!(
                            "       {:?} {:?} {} -> {:?} {:?} {:?}",
                            t.mover,
                            s.kind,
                            match s.kind {
                                turnback_sim::fleet::Kind::Request
                                | turnback_sim::fleet::Kind::Deliver
                                | turnback_sim::fleet::Kind::Continue => format!(
                                    "{} {}",
                                    nm.versions[c.definition.handlers[s.what as usize].version as usize],
                                    nm.handlers[s.what as usize]
                                ),
                                _ => format!("{}", s.what),
                            },
                            t.effects.iter().map(&lab).collect::<Vec<_>>(),
                            t.after.keys[0].0.items,
                            t.after.keys[0].0.messages
                        );
                    }
                }
            }
        }
    }
}
