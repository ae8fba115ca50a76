#!/usr/bin/env python3
"""The mutants of cargo-mutants, all in one build, each chosen while it runs: see docs/mutation.md.

campaign.py FOLDER build          weave every mutant into a copy of the sources and build it
campaign.py FOLDER run [K/N]      run the K-th of N interleaved shares of the mutants that were not yet run
campaign.py FOLDER page           write docs/mutation.md
"""
import collections, json, os, pathlib, re, shutil, signal, subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = ROOT / "tests/mutants"
FOLDERS = ("sim/src/fleet", "sim/src/findings")
SECONDS = int(os.environ.get("SECONDS_MAX", "120"))
MEMORY_KB = 6 << 20

MUTANT_RS = """//! Which mutant is chosen.
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
static CHOSEN: AtomicU32 = AtomicU32::new(0);
/// Chooses a mutant.
pub fn choose(number: u32) { CHOSEN.store(number, Relaxed); }
#[inline(always)]
pub(crate) fn is(number: u32) -> bool { CHOSEN.load(Relaxed) == number }
#[inline(always)]
pub(crate) fn one_of(numbers: &[u32]) -> bool { numbers.contains(&CHOSEN.load(Relaxed)) }
"""

PACKAGE = """[package]
name = "notice"
version = "0.0.0"
edition = "2024"

[dependencies]
turnback-sim.workspace = true
turnback-scenarios.workspace = true
smallvec.workspace = true

[profile.dev]
debug = false

[profile.dev.package.turnback-sim]
opt-level = 2
"""


def output(command, **options):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE, **options).stdout


def copied(into):
    shutil.rmtree(into, ignore_errors=True)
    for name in output(["git", "ls-files", "--cached", "--others", "--exclude-standard"], cwd=ROOT).split("\n"):
        if name.startswith(("sim/src", "sim/Cargo", "scenarios/", "tests/", "Cargo")) and (ROOT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, into / name)
    manifest = (ROOT / "Cargo.toml").read_text()
    workspace = manifest[: manifest.index("[package]")].replace(', "reports"', "")
    workspace = re.sub(r"turnback-reports = .*\n", "", workspace)
    (into / "Cargo.toml").write_text(workspace + PACKAGE)
    (into / "src").mkdir()
    shutil.copy(HERE / "notice.rs", into / "src/main.rs")
    (into / "src/meetings.rs").write_text((ROOT / "tests/meetings.rs").read_text().replace("#[test]\nfn", "pub fn"))
    runner = (ROOT / "tests/rules/runner.rs").read_text()
    other_sizes = "(Some(4), 1, true), (None, 2, true), (None, 1, false)]", "if look(&compiled(None)?, text, 1, true, 2)"
    assert all(runner.count(text) == 1 for text in other_sizes), "tests/rules/runner.rs looks at other sizes elsewhere"
    runner = runner.replace(other_sizes[0], other_sizes[0] + ".into_iter().filter(|_| crate::every_size())")
    runner = runner.replace(other_sizes[1], other_sizes[1].replace("if ", "if crate::every_size() && "))
    (into / "tests/rules/runner.rs").write_text(runner)
    (into / "sim/src/mutant.rs").write_text(MUTANT_RS)
    with open(into / "sim/src/lib.rs", "a") as library:
        library.write("pub mod mutant;\n")


def weave(folder, left_out):
    """Writes the sources with every mutant but those `left_out`; all mutants."""
    mutants = []
    for file in sorted(path.relative_to(ROOT) for of in FOLDERS for path in (ROOT / of).glob("*.rs")):
        done = subprocess.run([folder / "weave/debug/weave", ROOT / file, str(len(mutants) + 1)], text=True, check=True,
                              input=" ".join(map(str, left_out)), capture_output=True)
        (folder / "copy" / file).write_text(done.stdout)
        for line in done.stderr.splitlines():
            number, genre, line, column, function, what = line.split("\t")
            mutants.append({"number": int(number), "file": str(file), "genre": genre, "line": int(line),
                            "column": int(column), "function": function, "what": what})
    return mutants


def refused(copy, target):
    """The mutants that the compiler names in an error."""
    done = subprocess.run(["cargo", "check", "--quiet", "--package", "turnback-sim", "--message-format=json"],
                          cwd=copy, text=True, capture_output=True,
                          env={**os.environ, "CARGO_TARGET_DIR": str(target), "RUSTFLAGS": "-Awarnings"})
    found, errors = set(), 0
    for line in done.stdout.splitlines():
        message = json.loads(line).get("message") or {}
        if message.get("level") != "error" or not message.get("spans"):
            continue
        errors += 1
        named = set()
        for primary in (True, False):
            for span in message["spans"]:
                if span["is_primary"] is primary and not named:
                    lines = (copy / span["file_name"]).read_text().split("\n")[span["line_start"] - 1: span["line_end"]]
                    named = {int(number) for number in re.findall(r"/\*mutant (\d+)\*/", "\n".join(lines))}
        if not named:
            print(message["rendered"])
        found |= named
    return found, errors, done.returncode == 0


def build(folder):
    copy, target = folder / "copy", folder / "target"
    subprocess.run(["cargo", "build", "--quiet"], cwd=HERE, check=True,
                   env={**os.environ, "CARGO_TARGET_DIR": str(folder / "weave")})
    copied(copy)
    unviable = set()
    while True:
        mutants = weave(folder, unviable)
        found, errors, good = refused(copy, target)
        print(f"{len(mutants)} mutants, {len(unviable)} unviable; {errors} errors about {len(found)}", flush=True)
        if good:
            break
        if not found:
            sys.exit("the compiler refuses something that names no mutant")
        unviable |= found
    subprocess.run(["cargo", "build"], cwd=copy, check=True, env={**os.environ, "CARGO_TARGET_DIR": str(target), "RUSTFLAGS": "-Awarnings"})
    for mutant in mutants:
        mutant["viable"] = mutant["number"] not in unviable
    text, file = json.dumps(mutants), folder / "mutants.json"
    if not file.exists() or file.read_text() != text:
        (folder / "results").unlink(missing_ok=True)
    file.write_text(text)


def run_one(folder, number, specifications):
    began = time.monotonic()
    limited = ["bash", "-c", f'ulimit -v {MEMORY_KB} -c 0 -t {SECONDS}; exec "$@"', "-", folder / "target/debug/notice"]
    done = subprocess.run([*limited, str(number), *specifications], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, cwd=folder / "copy")
    late = (-signal.SIGXCPU, -signal.SIGKILL)
    outcome = "survived" if done.returncode == 0 else "timed out" if done.returncode in late else "caught"
    by = done.stdout.strip() or (f"exit {done.returncode}" if outcome == "caught" else "")
    return {"number": number, "outcome": outcome, "by": by, "seconds": round(time.monotonic() - began, 1)}


def results_of(folder):
    """The last result of each mutant."""
    file = folder / "results"
    lines = file.read_text().splitlines() if file.exists() else []
    return {result["number"]: result for result in map(json.loads, lines)}


def run(folder, share, again):
    """Asks the cases for their headers; `again`: asks everything of those that survived that."""
    mutants = json.loads((folder / "mutants.json").read_text())
    known = results_of(folder)
    names = output([folder / "target/debug/notice"], cwd=folder / "copy").splitlines()
    names = [name for name in names if name.startswith(("law ", "all of ")) == again]
    sound = run_one(folder, 0, names)
    if sound["outcome"] != "survived":
        sys.exit(f"without a mutant: {sound}")
    print(f"no mutant: {sound['seconds']} s", flush=True)
    which, of = map(int, share.split("/"))
    survived = [number for number, result in known.items() if result["outcome"] == "survived" and not result["again"]]
    todo = [m for m in mutants if m["viable"] and m["number"] % of == which % of
            and (m["number"] in survived if again else m["number"] not in known)]
    # What noticed a mutant of the same function is asked first, then of the same file, then of any.
    noticed = collections.defaultdict(collections.Counter)

    def remember(mutant, result):
        if result["outcome"] == "caught":
            for where in ((mutant["file"], mutant["function"]), mutant["file"], ""):
                noticed[where][result["by"]] += 1

    for mutant in mutants:
        remember(mutant, known.get(mutant["number"], {"outcome": None}))

    def one(mutant):
        at, file = (mutant["file"], mutant["function"]), mutant["file"]
        score = lambda name: -(1000 * noticed[at][name] + 30 * noticed[file][name] + noticed[""][name])
        result = run_one(folder, mutant["number"], sorted(names, key=score)) | {"again": again}
        remember(mutant, result)
        with open(folder / "results", "a") as into:
            into.write(json.dumps(result) + "\n")

    with ThreadPoolExecutor(int(os.environ.get("JOBS", "2"))) as pool:
        list(pool.map(one, todo))


HEAD = """# The mutation score of the rules and the solver

Written by `.ci/mutants`. The mutants are those of cargo-mutants 27 in `sim/src/fleet` and `sim/src/findings`, without
struct fields, values of `impl Trait`, constants and `Debug`. Each is woven into one build and chosen while it runs
(`tests/mutants/weave.rs`): a build for each would take minutes, and most mutants are caught in a second.

A mutant is caught if a case of `tests/rules` shows something else than its header says, or panics, or if a law of
`tests/laws` or `tests/meetings.rs` breaks. Cases are asked for their headers first (`headers`); those mutants that survive
that are looked at in every size, and by the laws (`sizes, laws`). What exceeds {seconds} s of processor time or {memory} GB
of memory counts as caught. Golden digests are not asked: they notice changes, not errors.
"""


def page(folder):
    mutants, results = json.loads((folder / "mutants.json").read_text()), results_of(folder)
    reasons = dict(line.split("\t") for line in (HERE / "survivors").read_text().splitlines())
    name = lambda m: f"{m['file'].removeprefix('sim/src/')}:{m['line']}:{m['column']} {m['function']}: {m['what']}"
    rows, survivors = collections.defaultdict(collections.Counter), []
    for mutant in mutants:
        row = rows[mutant["file"].removeprefix("sim/src/")]
        result = results.get(mutant["number"])
        row["mutants"] += 1
        row["unviable"] += not mutant["viable"]
        if mutant["viable"] and result:
            row["tried"] += 1
            row["sizes, laws" if result["again"] and result["outcome"] == "caught" else result["outcome"]] += 1
            if result["outcome"] == "survived":
                row["equivalent"] += reasons.get(name(mutant), "").startswith("equivalent")
                survivors.append((name(mutant), reasons.get(name(mutant)), result["again"]))
    total = sum(rows.values(), collections.Counter())
    columns = ["mutants", "unviable", "tried", "caught", "sizes, laws", "timed out", "survived", "equivalent"]
    lines = ["| file | " + " | ".join(columns).replace("caught", "headers") + " | score |", "| --- |" + " --: |" * 9]
    for file, row in [*sorted(rows.items()), ("**all**", total)]:
        real = row["tried"] - row["equivalent"]
        score = f"{100 * (row['tried'] - row['survived']) / real:.1f} %" if real else "-"
        lines.append(f"| {file} | " + " | ".join(str(row[column]) for column in columns) + f" | {score} |")
    viable = total["mutants"] - total["unviable"]
    half = sum(not again for _, _, again in survivors)
    text = HEAD.format(seconds=SECONDS, memory=MEMORY_KB >> 20) + f"""
Tried: {total['tried']} of {viable} viable mutants ({100 * total['tried'] / viable:.0f} %), caught or timed out:
{total['tried'] - total['survived']} ({100 * (total['tried'] - total['survived']) / max(1, total['tried']):.1f} %). The score
leaves out the survivors that are equivalent for a reason given below.
{f"{half} survivors were not asked about sizes and laws: some of them may be caught there." if half else ""}

{(HERE / "notes.md").read_text()}
"""
    text += "\n".join(lines) + "\n\n## Survivors\n\n"
    for survivor, reason, again in survivors:
        text += f"* `{survivor}`: {reason or 'not looked at'}{'' if again else ' (headers only)'}\n"
    (ROOT / "docs/mutation.md").write_text(text)
    for unknown in set(reasons) - {survivor for survivor, _, _ in survivors}:
        print(f"no longer a survivor: {unknown}")


if __name__ == "__main__":
    folder = pathlib.Path(sys.argv[1]).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    if sys.argv[2] == "build":
        build(folder)
    elif sys.argv[2] in ("run", "again"):
        run(folder, sys.argv[3] if len(sys.argv) > 3 else "1/1", sys.argv[2] == "again")
    elif sys.argv[2] == "page":
        page(folder)
