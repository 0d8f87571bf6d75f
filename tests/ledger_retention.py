"""What every ledger promises to keep when it forgets, on whichever database."""

from dataclasses import fields
from datetime import datetime

from devsecops_eda.ledger import Ledger, Pruned
from devsecops_eda.model import Ballot, Closing, OverrideState
from tests.recorded import (
    ARTIFACT,
    BASE,
    DAY,
    HEAD,
    MINUTE,
    NOW,
    REPO,
    Promises,
    approval,
    asked,
    decided,
    decision,
    heard,
    message,
    named,
    override,
    pushed,
    scanned,
    wish,
)

RETENTION = Promises()
LATER = NOW + DAY
COUNTED = tuple(one.name for one in fields(Pruned) if one.name != "next")


def prune(ledger: Ledger, before: datetime = LATER, *, limit: int = 500) -> dict[str, int]:
    """Let a ledger forget all it may; return how much of each it forgot, without zeros."""
    counts = dict.fromkeys(COUNTED, 0)
    after = None
    while True:
        with ledger.transaction() as records:
            pruned = records.retention.prune(before, limit=limit, after=after)
        for name in COUNTED:
            counts[name] += getattr(pruned, name)
        after = pruned.next
        if after is None:
            return {name: count for name, count in counts.items() if count}


@RETENTION
def an_empty_ledger_has_nothing_to_forget(ledger: Ledger) -> None:
    assert prune(ledger) == {}


@RETENTION
def what_stands_keeps_all_it_rests_on(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        pushed(records)
        outcome = scanned(records, "outcome")
        other = scanned(records, "other", BASE)
        stands = decided(records, asked(records), "A", rests_on=(outcome, other))
    assert prune(ledger) == {}
    with ledger.transaction() as records:
        assert records.archive.get(stands) is not None
        assert records.archive.policy("policy") is not None
        kept = [one.seq for about in (HEAD, BASE) for one in records.inbox.outcomes(about)]
        assert kept == [outcome, other]
        assert records.said.message(named(f"decision.made A {named('flow')}")) is not None


@RETENTION
def a_superseded_decision_goes_with_its_message_and_what_only_it_rests_on(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        pushed(records)
        only = scanned(records, "only", BASE)
        ask = asked(records)
        old = decided(records, ask, "A", rests_on=(only,), policy="old")
        stands = decided(records, ask, "B", at=NOW + MINUTE)
    first = {"decisions": 1, "messages": 1, "policies": 1, "subjects": 1, "events": 1}
    assert prune(ledger) == first
    with ledger.transaction() as records:
        assert records.said.decided(old) is None
        assert records.archive.get(old) is None
        assert records.said.decided(stands) is not None
        assert records.inbox.body(only) is None
    assert prune(ledger) == {}


@RETENTION
def a_decision_is_kept_while_an_ask_was_told_it_last(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        pushed(records)
        first, second = asked(records, flow="flow"), asked(records, flow="second")
        told = decided(records, first, "A")
        decided(records, second, "B")
    assert prune(ledger) == {}
    with ledger.transaction() as records:
        assert records.said.decided(told) is not None


@RETENTION
def nothing_younger_goes(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        pushed(records, at=NOW)
        ask = asked(records)
        for words in ("A", "B"):
            decided(records, ask, words, at=LATER)
        heard(records, "young", at=LATER)
        seen_again = heard(records, "again", at=NOW)
        heard(records, "again", at=LATER)
    assert prune(ledger) == {}
    with ledger.transaction() as records:
        assert records.inbox.body(seen_again) is not None
    assert prune(ledger, LATER + MINUTE) == {"decisions": 1, "messages": 1, "events": 2}


@RETENTION
def what_nobody_decided_goes_whole(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        pushed(records, BASE, flow="base")
        scanned(records, "outcome", BASE, flow="base")
    assert prune(ledger) == {"subjects": 1, "events": 2}
    with ledger.transaction() as records:
        assert records.inbox.flow_subject(named("base"), repo=REPO) is None
        assert records.inbox.causes(BASE) == ()
        assert records.inbox.outcomes(BASE) == ()


@RETENTION
def an_open_ask_keeps_its_subject_and_what_it_compares_with(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        pushed(records)
        ask = asked(records)
        records.asks.request_baseline(ask, check="c", subject=BASE, request=named("r"), now=NOW)
        scanned(records, "base", BASE)
    assert prune(ledger) == {}


@RETENTION
def an_artifact_keeps_the_commit_it_was_built_from(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        records.inbox.origin(heard(records, "built"), ARTIFACT, HEAD)
        scanned(records, "outcome", HEAD)
        decided(records, asked(records, ARTIFACT, gate="deploy", environment="prod"), "A")
    assert prune(ledger) == {}


@RETENTION
def a_round_keeps_its_subject_while_it_is_open_and_votes_go_with_it(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        ask = asked(records)
        wanted = approval("round")
        records.asks.update(ask, answered=True)
        records.voting.open_round(wanted, flow=ask.flow, ask=ask, event_request=None, now=NOW)
        records.voting.keep_view(wanted.approval, wanted.view, ())
        records.voting.add_vote(
            heard(records, "vote"),
            event_id="vote",
            approval=wanted.approval,
            user="u",
            person="ada",
            groups=(),
            vote=Ballot.APPROVE,
            view=wanted.view,
            recorded_at=NOW,
        )
    assert prune(ledger) == {}
    with ledger.transaction() as records:
        records.voting.close(wanted.approval, Closing.GRANTED, LATER)
    assert prune(ledger) == {}
    assert prune(ledger, LATER + MINUTE) == {"subjects": 1, "events": 1}
    with ledger.transaction() as records:
        assert records.voting.votes([wanted.approval]) == ()
        assert records.voting.round(wanted.approval) is None


@RETENTION
def a_waiver_stays_until_it_is_long_over_with_every_event_about_it(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        for words in ("wish", "grant", "no"):
            heard(records, words)
        records.waivers.request(
            heard(records, "wish"),
            waiver=named("w"),
            request=wish(expires_at=LATER),
            user="ci",
            person=None,
            event_id="wish",
            now=NOW,
        )
        records.waivers.grant(
            named("w"), user="ci", person="ada", groups=(), event_id="grant", now=NOW
        )
        records.waivers.revoke(
            named("w"), user="ci", person="ada", reason="", event_id="no", now=LATER
        )
        records.waivers.announce(named("w"), "expiring", NOW)
    assert prune(ledger) == {}
    assert prune(ledger, LATER + MINUTE) == {"waivers": 1, "events": 3}
    with ledger.transaction() as records:
        assert records.waivers.of_repo(None) == ()


@RETENTION
def an_override_keeps_its_decision_until_it_is_over(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        pushed(records)
        ask = asked(records)
        old = decided(records, ask, "A")
        decided(records, ask, "B")
        active = override("o", "A", expires_at=NOW)
        records.overrides.add(heard(records, "override"), told=active, now=NOW)
    assert prune(ledger) == {}
    with ledger.transaction() as records:
        assert records.said.decided(old) is not None
        over = override("o", "A", expires_at=NOW, state=OverrideState.EXPIRED)
        records.overrides.update(active.override, over)
    assert prune(ledger) == {"overrides": 1, "decisions": 1, "events": 1, "messages": 1}


@RETENTION
def what_counted_for_nothing_stays_while_there_is_what_it_was_about(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        told = override("o", expires_at=NOW)
        records.overrides.add(heard(records, "override"), told=told, now=NOW)
        records.waivers.request(
            heard(records, "wish"),
            waiver=named("w"),
            request=wish(expires_at=LATER),
            user="ci",
            person=None,
            event_id="wish",
            now=NOW,
        )
        for words in ("o", "w", "never"):
            records.remarks.add(heard(records, f"about {words}"), named(words), "in vain")
    assert prune(ledger) == {"events": 1}
    with ledger.transaction() as records:
        left = [len(records.remarks.of(named(words))) for words in ("o", "w", "never")]
        assert left == [1, 1, 0]
        over = override("o", expires_at=NOW, state=OverrideState.EXPIRED)
        records.overrides.update(told.override, over)
    assert prune(ledger, LATER + MINUTE) == {"overrides": 1, "waivers": 1, "events": 4}


@RETENTION
def what_is_owed_stays_with_the_event_that_led_to_it(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        seq = heard(records, "question")
        records.said.enqueue(message("answer"), cause=seq, now=NOW)
    assert prune(ledger) == {}
    with ledger.transaction() as records:
        records.said.mark_sent([named("answer")], now=NOW)
    assert prune(ledger) == {"events": 1, "messages": 1}


@RETENTION
def a_message_that_tells_what_stands_survives_who_asked_for_it_again(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        pushed(records)
        made = decided(records, asked(records), "A")
        told = named(f"decision.made A {named('flow')}")
        again = records.said.message(told)
        assert again is not None
        records.said.enqueue(again, cause=heard(records, "asked"), now=NOW, decision=made)
        records.said.mark_sent([told], now=NOW)
    assert prune(ledger) == {"events": 1}
    with ledger.transaction() as records:
        assert records.said.message(told) == again


@RETENTION
def the_newest_policy_stays_though_nothing_was_decided_under_it(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        for number, digest in enumerate(("older", "newest")):
            records.archive.keep_policy(digest, b"", NOW + number * MINUTE)
    assert prune(ledger) == {"policies": 1}
    with ledger.transaction() as records:
        assert records.archive.policy("newest") == b""


@RETENTION
def however_little_one_call_looks_at_all_comes_to_the_same(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        for number in range(30):
            flow = f"flow {number % 7}"
            pushed(records, BASE, flow=flow) if number < 7 else heard(records, f"{number}")
            records.said.enqueue(message(f"{number}", flow=flow), cause=None, now=NOW)
            records.said.record_decision(decision(f"{number}"))
        records.said.mark_sent([named(f"{number}") for number in range(30)], now=NOW)
        pushed(records)
    counts = prune(ledger, limit=2)
    assert counts == {"subjects": 1, "decisions": 29, "events": 30, "messages": 30}
