"""What the gate keeps of a decision is enough to make it again, and is forgotten in time."""

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest

from devsecops_eda import codec
from devsecops_eda.archive import (
    decision_bytes,
    decision_from_bytes,
    facts_from_bytes,
    policy_from_document,
)
from devsecops_eda.gate import Gate
from devsecops_eda.ledger import Ledger, Message, Records, open_ledger
from devsecops_eda.model import Decision, Event, EventType, Outcome, Verdict
from devsecops_eda.policy import decide
from devsecops_eda.predicates import CelEvaluator
from tests.governed import (
    ARTIFACT,
    POLICY,
    SIMPLE,
    built,
    governed,
    grant,
    overriding,
    rounds,
    said,
    says,
    vote,
    waiver,
    wanted,
)
from tests.judged import (
    NOW,
    asked,
    commit_told,
    decisions,
    pushed,
    semgrep_failed,
    semgrep_told,
    take,
    verdicts,
)

DAY = timedelta(days=1)
NEW_ONLY = POLICY.replace("at_most: {high: 0}", "at_most: {high: 0}, new_only: true")
WHERE = SIMPLE.replace("at_most: {high: 0}", "at_most: {high: 0}, where: 'f.path == \"app.py\"'")


def made_again(records: Records, decision: str) -> tuple[Decision, bytes, bytes]:
    """A kept decision, its bytes, and those it comes to when it is judged again."""

    def outcome_of(place: int) -> Outcome:
        body = records.inbox.body(place)
        assert body is not None
        data = codec.decode(body).data
        assert isinstance(data, Outcome)
        return data

    row = records.archive.get(decision)
    assert row is not None
    document = records.archive.policy(row.policy_source)
    assert document is not None
    kept = decision_from_bytes(row.body)
    facts = facts_from_bytes(row.facts, outcome_of)
    again = decide(policy_from_document(document), facts, kept.evaluated_at)
    return kept, row.body, decision_bytes(again)


@pytest.mark.parametrize("policy", [POLICY, NEW_ONLY, SIMPLE, WHERE])
def test_every_recorded_decision_can_be_made_again_bit_by_bit(policy: str) -> None:
    ledger = open_ledger("sqlite://")
    with CelEvaluator() as predicates:
        judge = governed(policy, ledger=ledger, predicates=predicates)
        heard = decisions(list(_history(judge)))
    final = [one for one in heard if one.verdict is not Verdict.PENDING]
    assert {one.verdict for one in final} >= {Verdict.ALLOW, Verdict.DENY, Verdict.ERROR}
    with ledger.transaction() as records:
        for one in final:
            kept, body, again = made_again(records, one.id)
            assert (kept.id, kept.verdict) == (one.id, one.verdict)
            assert again == body


def _history(judge: Gate) -> Iterator[Message]:
    push, broken, wish = pushed(), pushed("d" * 40), waiver()
    yield from take(judge, push, commit_told(push), semgrep_told(push, "bad"))
    yield from take(judge, broken, commit_told(broken), semgrep_failed(broken))
    for request in _scans(judge, push):
        yield from take(judge, request, semgrep_told(request))
    says(judge, "builder", built())
    says(judge, "linus", wish)
    yield from says(judge, "ada", grant(wish, "linus"))
    wishes = take(judge, wanted(), wanted(ARTIFACT))
    yield from wishes
    for one in rounds(wishes):
        for user in ("ada", "linus"):
            yield from says(judge, user, vote(one))
    yield from judge.tick(NOW + 30 * DAY, owner="me")


def _scans(judge: Gate, push: Event) -> list[Event]:
    owed = said(judge.owed(NOW + DAY, age=timedelta(0)))
    return [one for one in owed if one.type is EventType.SCAN_REQUESTED]


def test_without_an_evaluator_a_predicate_is_an_error_and_never_an_allow() -> None:
    judge, push = governed(WHERE), pushed()
    said = take(judge, push, commit_told(push), semgrep_told(push, "bad"))
    assert verdicts(said) == [Verdict.ERROR]


@pytest.mark.parametrize(("path", "verdict"), [("app.py", "deny"), ("other.py", "allow")])
def test_a_predicate_says_which_findings_count(path: str, verdict: str) -> None:
    policy = WHERE.replace('"app.py"', f'"{path}"')
    with CelEvaluator() as predicates:
        judge, push = governed(policy, predicates=predicates), pushed()
        answer = take(judge, push, commit_told(push), semgrep_told(push, "bad"))
    assert verdicts(answer) == [Verdict(verdict)]


def _forget(judge: Gate, now: datetime, keep: timedelta) -> None:
    place: str | None = None
    for _ in range(1000):
        place = judge.forget(now, owner="me", keep=keep, after=place)
        if place is None:
            return
    pytest.fail("there is no end to forgetting")


def _rows(ledger: Ledger, table: str) -> int:
    with ledger._engine.connect() as connection:
        return int(connection.exec_driver_sql(f"select count(*) from {table}").scalar_one())


def _two_years(ledger: Ledger) -> tuple[Gate, Event]:
    """A gate that said everything, and had its first decision superseded long ago."""
    judge, push, wish = governed(ledger=ledger), pushed(), waiver(days=9)
    said = take(judge, push, commit_told(push), semgrep_told(push, "bad"))
    (decision,) = decisions(said)
    said += says(judge, "margaret", overriding(decision.id))
    said += take(judge, semgrep_told(push, "bad", "worse"))
    said += says(judge, "linus", wish) + says(judge, "ada", grant(wish, "linus"))
    judge.published(tuple(said), NOW)
    judge.published(judge.tick(NOW + 10 * DAY, owner="me"), NOW + 10 * DAY)
    return judge, push


def test_what_is_old_is_forgotten_and_what_stands_is_not() -> None:
    ledger = open_ledger("sqlite://")
    judge, push = _two_years(ledger)
    late = NOW + 700 * DAY
    names = ("waivers", "grants", "overrides", "archive")
    assert [_rows(ledger, name) for name in names] == [1, 1, 1, 3]
    _forget(judge, late, 400 * DAY)
    assert [_rows(ledger, name) for name in names] == [0, 0, 0, 1]
    assert verdicts(take(judge, asked(push.correlationid), now=late)) == [Verdict.DENY]


def test_only_who_holds_the_lease_forgets() -> None:
    ledger = open_ledger("sqlite://")
    judge, _ = _two_years(ledger)
    late = NOW + 700 * DAY
    judge.tick(late, owner="you")
    _forget(judge, late, 400 * DAY)
    assert _rows(ledger, "archive") == 3
    _forget(judge, late + timedelta(seconds=15), 400 * DAY)
    assert _rows(ledger, "archive") == 1
