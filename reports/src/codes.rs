//! The finding codes and their pages: what `turnback explain TB201` says.
//!
//! Codes never change their meaning. TB2xx speak against a plan; TB3xx are vacuous: declared, and no path used it.

use crate::report::Severity;

/// The page of one code.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Page {
    /// The code: `TB201`.
    pub code: &'static str,
    /// How a finding with this code is shown.
    pub severity: Severity,
    /// What it is, in a few words.
    pub title: &'static str,
    /// What it means.
    pub meaning: &'static str,
    /// A plan that has it.
    pub example: &'static str,
    /// How to mend it.
    pub mend: &'static str,
}

/// Every page, in the order of the codes.
pub fn pages() -> &'static [Page] {
    &PAGES
}

/// The page of `code`, which may be written in small letters.
pub fn page(code: &str) -> Option<&'static Page> {
    PAGES.iter().find(|page| page.code.eq_ignore_ascii_case(code))
}

const PAGES: [Page; 22] = [
    Page {
        code: "TB201",
        severity: Severity::Error,
        title: "a write is refused",
        meaning: "A live version writes to a table in a way that its schema of that moment does not take: it names a \
                  column that does not exist, or inserts a row without a column that must not be null. The caller sees \
                  an error and the handler stops.",
        example: "`migrate: orders.contract` drops the column `status` while a replica of v2 that still writes \
                  `status` is live, or is brought back by the rollback.",
        mend: "Drop or tighten only after every version that the rollback can bring back has stopped needing the old \
               shape: deploy first a version that writes neither, and put a floor or `rollback_safe_until` before the \
               migration.",
    },
    Page {
        code: "TB202",
        severity: Severity::Error,
        title: "a request or message is rejected",
        meaning: "A receiver does not take what it is sent: a field or value it does not know, or a field it needs is \
                  missing, or no live version declares the call. The caller sees an error; a message counts an attempt.",
        example: "`flag: require_customer_type on` while mobile-3.1, which never sends customerType, is still in use.",
        mend: "Teach the receivers first and every live version of them; make a field required only after its last \
               sender without it is gone.",
    },
    Page {
        code: "TB203",
        severity: Severity::Error,
        title: "a replica or client crashes",
        meaning: "A payload makes its receiver crash. The replica restarts and its sessions drop; a message stays and \
                  is delivered again, so that one message can crash replica after replica.",
        example: "relay B sends a field that relay A does not know, and A says `on_unknown_field: crash`.",
        mend: "Deploy everywhere a version that tolerates the new payload before the first version that sends it, or \
               send it behind a flag that goes on after the deploy.",
    },
    Page {
        code: "TB204",
        severity: Severity::Error,
        title: "a value is misread",
        meaning: "A reader takes a value for another one: it reads a copy that a later write left stale, or the same \
                  syntax with another meaning. Nobody sees an error, so no gate on error rates fires.",
        example: "v1 writes `status` only, so `order_status`, filled by an earlier backfill, is stale when v3 reads it.",
        mend: "Write both twins for as long as any live version, or one that the rollback brings back, reads either; \
               backfill with `overwrite: true` once the last version that writes only one of them is gone.",
    },
    Page {
        code: "TB205",
        severity: Severity::Error,
        title: "a request or message is dropped",
        meaning: "A receiver throws away what it cannot use and reports success. Nobody sees an error.",
        example: "A consumer with `on_unknown_value: drop` meets the first message with the new value.",
        mend: "Deploy the consumers before the producers, and roll them back after; prefer retry and a dead letter \
               queue over drop.",
    },
    Page {
        code: "TB206",
        severity: Severity::Error,
        title: "a message becomes a dead letter",
        meaning: "A message was tried as often as its queue allows and was set aside. It is not lost as long as it can \
                  be requeued, but its work is not done, and the state is not settled.",
        example: "fulfil-worker v1 rejects messages with customerType; after five attempts each they are set aside.",
        mend: "Drain the queue before the old consumer comes back, or keep a consumer that takes both forms; then \
               `requeue` what is left.",
    },
    Page {
        code: "TB207",
        severity: Severity::Error,
        title: "accepted work is stalled",
        meaning: "A piece of accepted work is neither done nor lost, a role is vacant or a replica starts, and nothing \
                  that is certain to happen ends that. Nobody sees an error.",
        example: "The rollback removed the last version that takes the messages which are still in the queue.",
        mend: "Drain before the version that takes them goes, or let the older version take them too.",
    },
    Page {
        code: "TB208",
        severity: Severity::Error,
        title: "a fact or accepted work is lost",
        meaning: "The last fresh copy of a fact vanished, or accepted work was dropped, expired or ran out of attempts \
                  with no permitted requeue. No later move brings it back.",
        example: "v3 writes `order_status` only; the rollback then drops that column.",
        mend: "Keep a second copy while the rollback can delete the first (write both, or backfill in reverse before \
               the drop), take a declared backup, or declare the field `disposable` if it is.",
    },
    Page {
        code: "TB209",
        severity: Severity::Error,
        title: "the fleet is stuck",
        meaning: "There is no path on: the next move waits for something that can no longer come true, and no other \
                  permitted move helps.",
        example: "A step of the rollback waits for a queue to be empty that the versions left cannot empty.",
        mend: "Do not let a guard of the rollback depend on what the rollback itself has already taken away; reorder \
               its lines or permit the move that is missing.",
    },
    Page {
        code: "TB210",
        severity: Severity::Error,
        title: "an irrecoverable position",
        meaning: "From this position nothing works from every state that can be reached there: not the declared \
                  rollback, not going on, not any short list of permitted moves. Lost: something is gone. Stuck: there \
                  is no path. Luck: there are paths, and nobody can force one. Hidden: only an operator who sees every \
                  row could force one.",
        example: "After the first write of v3 the rollback loses orders, and the plan cannot go on past its failed \
                  migration.",
        mend: "Look at the move marked `no return from here` and put the step that allows it later, or declare what \
               can be done there: a hotfix, a restore, a reverse backfill.",
    },
    Page {
        code: "TB211",
        severity: Severity::Error,
        title: "the promised rollback does not work",
        meaning: "The scenario promises that the declared rollback works at every position before \
                  `rollback_safe_until`. At some position before it, it does not end at home.",
        example: "`rollback_safe_until: orders.contract`, but the rollback loses orders from `deploy orders v3` on.",
        mend: "Change the plan or the rollback so that the promise holds, or promise less: name the step that the \
               report calls found.",
    },
    Page {
        code: "TB212",
        severity: Severity::Error,
        title: "the plan can stall here",
        meaning: "A guard, migration or `verify` of the plan can stay false for ever, even if nobody aborts.",
        example: "`verify: count(order_status is distinct from status) == 0` while a live version writes only `status`.",
        mend: "Make sure that what keeps the condition false has ended before the step: the versions, clients or \
               messages that the story names.",
    },
    Page {
        code: "TB213",
        severity: Severity::Warning,
        title: "undecided",
        meaning: "A bound was hit before the answer was known. What was found is certain; what was not found may still \
                  be there. The verdict is never safe.",
        example: "The check ended at `--max-states 1000`.",
        mend: "Raise `--max-states`, `--max-memory` or `--time`, declare the bound of a fifo queue larger, or split \
               the scenario.",
    },
    Page {
        code: "TB214",
        severity: Severity::Error,
        title: "nothing of a declared kind can ever be alive",
        meaning: "A table, queue or other place is declared, but no path ever puts a row or message into it. Whatever \
                  was found about it was found about nothing, so the verdict is not safe.",
        example: "A queue that no version sends to.",
        mend: "Declare who writes or sends it, or what it holds at the start, or remove it.",
    },
    Page {
        code: "TB301",
        severity: Severity::Warning,
        title: "a step that does nothing",
        meaning: "On every path this step of the plan finds its work done already, or is never reached.",
        example: "`flush: order-cache` after a step that has emptied it.",
        mend: "Remove the step, or look whether it names the right thing.",
    },
    Page {
        code: "TB302",
        severity: Severity::Warning,
        title: "a rollback step that does nothing",
        meaning: "On every path and from every position this line of the rollback finds nothing to undo, or is never \
                  reached.",
        example: "`flag: reply_queued off` in the rollback of a plan that never turns it on.",
        mend: "Remove the line, or look whether it names the right thing.",
    },
    Page {
        code: "TB303",
        severity: Severity::Warning,
        title: "a guard that lets nothing through",
        meaning: "A declared guard (`when`, `verify`, `wait: until`, `starts_if`) was never true where it was asked, or \
                  was never asked. What stands behind it never happens. A guard that was true whenever it was asked \
                  is not listed: it did its work.",
        example: "`when: all api at v2` in a plan that never deploys api v2.",
        mend: "Correct the fact that it asks for, or add the step that makes it true.",
    },
    Page {
        code: "TB304",
        severity: Severity::Warning,
        title: "a gate that cannot fire",
        meaning: "No harm that this gate measures can happen at the steps it guards, so it never stops the plan. Silent \
                  harm passes every gate on errors.",
        example: "A gate on `error_rate` at a step whose only harm is a misread value.",
        mend: "Gate on something that the harm moves, or rely on the order of the steps instead.",
    },
    Page {
        code: "TB305",
        severity: Severity::Warning,
        title: "a handler or read that was never used",
        meaning: "No path ran this handler, or reached this read: what it declares was not tested by anything.",
        example: "A handler for messages of a queue that nobody sends to.",
        mend: "Remove it, or declare what triggers it.",
    },
    Page {
        code: "TB306",
        severity: Severity::Warning,
        title: "a flag value that was never observed",
        meaning: "A flag or config has a value that no step sets, or that no live actor ever saw on any path.",
        example: "A version with `if write_queued:` in a plan that never turns write_queued on.",
        mend: "Add the step that sets it, or remove the value and what depends on it.",
    },
    Page {
        code: "TB307",
        severity: Severity::Warning,
        title: "a rule that nothing ever called for",
        meaning: "It is declared what a reader does about a missing or unknown field or value, and on no path does it \
                  meet one.",
        example: "`on_unknown_value: drop` of a consumer whose producers send only values that it accepts.",
        mend: "Remove the rule, or declare who writes or sends what it is for.",
    },
    Page {
        code: "TB308",
        severity: Severity::Warning,
        title: "a role that nothing asks for",
        meaning: "A role is declared, and no condition, call or guard depends on who holds it.",
        example: "`roles: {leader: {of: web}}` without `if leader:`, `route: leader` or `leader is held`.",
        mend: "Say what the holder does, route a call to it, or remove the role.",
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::HarmKind;

    #[test]
    fn codes_are_sorted_and_unique() {
        assert!(pages().windows(2).all(|pair| pair[0].code < pair[1].code));
    }

    #[test]
    fn every_page_says_everything() {
        for page in pages() {
            assert!(![page.title, page.meaning, page.example, page.mend].contains(&""), "{}", page.code);
        }
    }

    #[test]
    fn every_harm_has_a_page_of_its_own() {
        use HarmKind::*;
        let kinds = [WriteFails, Reject, Crash, Misread, Drop, DeadLetter, Stalled, Loss, Stuck];
        let codes: Vec<&str> = kinds.iter().map(|kind| kind.code()).collect();
        assert!(codes.windows(2).all(|pair| pair[0] < pair[1]), "{codes:?}");
        assert!(codes.iter().all(|code| page(code).is_some()), "{codes:?}");
    }

    #[test]
    fn a_code_is_found_in_small_letters_and_nothing_else_is() {
        assert_eq!(page("tb204").map(|page| page.code), Some("TB204"));
        assert_eq!(page("TB299"), None);
    }
}
