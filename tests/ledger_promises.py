"""What every ledger promises, on whichever database: called by unit and integration tests."""

from contextlib import suppress

import pytest

from devsecops_eda.ledger import Ledger
from devsecops_eda.model import Subject
from tests.recorded import (
    ARTIFACT,
    BASE,
    DAY,
    HEAD,
    MINUTE,
    NOW,
    OTHER,
    REPO,
    Promises,
    asked,
    decided,
    decision,
    heard,
    message,
    named,
    pushed,
    scanned,
)

RECORDS = Promises()


@RECORDS
def an_error_undoes_all_of_a_transaction(ledger: Ledger) -> None:
    with suppress(RuntimeError), ledger.transaction(REPO) as records:
        heard(records, "one")
        raise RuntimeError
    with ledger.transaction() as records:
        seq = heard(records, "one")
    with ledger.transaction(REPO) as records:
        assert (records.inbox.body(seq), heard(records, "one")) == (b"one", seq)


@RECORDS
def what_only_reads_sees_one_state_and_keeps_nothing(ledger: Ledger) -> None:
    with ledger.reading() as records:
        seq = heard(records, "one")
    with ledger.reading() as records:
        assert records.inbox.body(seq) is None


@RECORDS
def the_decision_recorded_last_stands_also_when_the_facts_come_back(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        for number, words in enumerate(("A", "B", "A")):
            made = decision(words, at=NOW + number * MINUTE)
            assert records.said.record_decision(made) == (number < 2)
            (stands,) = records.said.decisions_about([HEAD])
            assert (stands.id, stands.since) == (named(words), NOW + number * MINUTE)
            assert stands.decided_at == NOW + (number % 2) * MINUTE
        superseded = records.said.decided(named("B"))
        assert superseded is not None
        assert superseded.subject == HEAD


@RECORDS
def one_decision_stands_per_gate_target_and_environment(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        for gate in ("merge", "deploy"):
            for target in (None, "main"):
                for environment in (None, "prod"):
                    words = f"{gate} {target} {environment}"
                    made = decision(words, gate=gate, target=target, environment=environment)
                    records.said.record_decision(made)
        records.said.record_decision(decision("other", BASE))
        assert len(records.said.decisions_about([HEAD])) == 8
        assert len(records.said.decisions_about([HEAD, BASE])) == 9


@RECORDS
def an_artifact_of_another_repository_is_another_artifact(ledger: Ledger) -> None:
    theirs = Subject.artifact(ARTIFACT.revision, OTHER)
    with ledger.transaction() as records:
        records.inbox.origin(heard(records, "theirs"), theirs, Subject.commit(OTHER, "a" * 40))
        records.said.record_decision(decision("theirs", theirs))
        assert records.inbox.origins(ARTIFACT) == ()
        assert records.said.decisions_about([ARTIFACT]) == ()
        assert records.said.decisions_about([theirs])[0].subject == theirs


@RECORDS
def an_artifact_has_every_commit_it_was_said_to_be_built_from(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        for number, commit in enumerate((HEAD, BASE, HEAD)):
            records.inbox.origin(heard(records, f"built {number}"), ARTIFACT, commit)
        assert records.inbox.origins(ARTIFACT) == (HEAD, BASE)


@RECORDS
def news_of_a_commit_concern_the_asks_about_what_was_built_from_it(ledger: Ledger) -> None:
    theirs = Subject.artifact(ARTIFACT.revision, OTHER)
    with ledger.transaction() as records:
        ours = asked(records, ARTIFACT, flow="ours", gate="deploy", environment="prod")
        asked(records, theirs, flow="theirs", gate="deploy", environment="prod")
        assert records.asks.about(HEAD) == ()
        records.inbox.origin(heard(records, "built"), ARTIFACT, HEAD)
        assert records.asks.about(HEAD) == (ours,)


@RECORDS
def the_asks_of_a_repository_are_those_open_or_told_what_stands(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        first, second = asked(records, flow="1"), asked(records, flow="2")
        asked(records, Subject.commit(OTHER, "a" * 40), flow="3")
        assert {ask.flow for ask in records.asks.of_repo(REPO)} == {named("1"), named("2")}
        decided(records, first, "A")
        decided(records, second, "B")
        (stands,) = records.asks.of_repo(REPO)
        assert stands.flow == second.flow
        records.asks.update(second, due=NOW + DAY)
        records.asks.make_due(REPO, NOW)
        assert [ask.flow for ask in records.asks.due(NOW, limit=9)] == [second.flow]
        assert records.asks.get(second.flow, repo=REPO, gate="merge", environment=None) == stands
        assert records.asks.get(second.flow, repo=OTHER, gate="merge", environment=None) is None


@RECORDS
def what_a_decision_rests_on_is_kept_once_and_read_in_order(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        outcome = scanned(records, "outcome")
        ask = asked(records)
        for number in range(250):
            # Two at a time at one instant: a page that ends between them must lose none.
            at = NOW + (number // 2) * MINUTE
            decided(records, ask, f"{number}", at=at, rests_on=(outcome, outcome))
        ids = [row.decision for row in records.archive.since(NOW)]
        assert len(ids) == len(set(ids)) == 250
        later = [row.decided_at for row in records.archive.since(NOW + 100 * MINUTE, "merge")]
        assert later == sorted(later)
        assert len(later) == 50
        assert list(records.archive.since(NOW, "deploy")) == []
        row = records.archive.get(named("7"))
        assert row is not None
        assert (row.body, row.facts, row.policy_source) == (b"7", b"facts", "policy")
        assert records.archive.policy("policy") == b"document"
        with pytest.raises(LookupError):
            records.archive.keep(
                named("never decided"),
                flow="",
                repo="",
                body=b"",
                facts=b"",
                policy_source="",
                evaluator="",
                rests_on=(),
            )


@RECORDS
def a_message_owed_again_has_its_old_bytes_and_is_owed_until_it_is_sent(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        seq = pushed(records)
        records.said.enqueue(message("one"), cause=seq, now=NOW)
        assert records.said.unsent(before=NOW, limit=9) == ()
        records.said.mark_sent([named("one"), named("unknown")], now=NOW)
        assert records.said.unsent(before=NOW + DAY, limit=9) == ()
        records.said.enqueue(message("one"), cause=None, now=NOW + DAY)
        assert records.said.unsent(before=NOW + DAY, limit=9) == (message("one"),)
        assert records.said.messages_of(seq) == ()


@RECORDS
def a_lease_has_one_owner_until_it_is_over(ledger: Ledger) -> None:
    length = 2 * MINUTE
    steps = (
        ("a", 0, True),
        ("b", 0, False),
        ("b", 1, False),
        ("a", 1, True),
        ("b", 2, False),
        ("b", 3, True),
        ("a", 3, False),
    )
    for owner, minute, taken in steps:
        with ledger.transaction() as records:
            at = NOW + minute * MINUTE
            assert records.said.lease("timer", owner=owner, now=at, length=length) is taken
