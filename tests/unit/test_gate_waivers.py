"""Waivers at the gate: what they let through, for how long, and who may say so."""

import itertools
from datetime import timedelta

import pytest

from devsecops_eda.errors import InvalidEventError, RefusalReason
from devsecops_eda.gate import Gate
from devsecops_eda.gate.waiving import MAX_AT_ONCE
from devsecops_eda.ledger import open_ledger
from devsecops_eda.model import (
    Event,
    Listed,
    Severity,
    Verdict,
    WaiverListed,
    WaiverScope,
    WaiverState,
)
from tests.governed import (
    governed,
    grant,
    image,
    listed,
    put_back,
    revoke,
    says,
    types,
    waiver,
    waiver_id,
)
from tests.judged import NOW, asked, commit_told, decisions, pushed, semgrep_told, take, verdicts

DAY = timedelta(days=1)
MOMENT = timedelta(microseconds=1)


def denied() -> tuple[Gate, Event]:
    """A gate that denied a push because of one finding."""
    judge, push = governed(), pushed()
    assert verdicts(take(judge, push, commit_told(push), semgrep_told(push, "bad"))) == [
        Verdict.DENY
    ]
    return judge, push


def shown(judge: Gate, request: Event, by: str = "linus", **more: object) -> WaiverListed:
    (part,) = listed(judge, Listed.WAIVERS, about=waiver_id(request, by), **more)  # type: ignore[arg-type]
    (one,) = part.waivers
    return one


def test_a_granted_waiver_turns_a_deny_into_an_allow_that_says_by_which_waiver() -> None:
    judge, push = denied()
    wish = waiver()
    assert says(judge, "linus", wish) == []
    (decision,) = decisions(says(judge, "ada", grant(wish, "linus")))
    assert decision.verdict is Verdict.ALLOW
    (line,) = [line for line in decision.requirements if line.id == "code"]
    assert (line.state.value, line.waivers) == ("waived", (waiver_id(wish, "linus"),))
    assert decision.supersedes is not None
    assert verdicts(take(judge, push)) == [Verdict.ALLOW]


def test_a_waiver_holds_until_its_hour_and_not_a_moment_longer() -> None:
    judge, push = denied()
    wish = waiver(days=10)
    says(judge, "linus", wish)
    says(judge, "ada", grant(wish, "linus"))
    edge = NOW + 10 * DAY
    assert "decision.made.deny" not in types(judge.tick(edge - MOMENT, owner="me"))
    assert types(judge.tick(edge, owner="me")) == ["waiver.expired", "decision.made.deny"]
    assert judge.tick(edge + DAY, owner="me") == ()
    assert verdicts(take(judge, push, now=edge)) == [Verdict.DENY]


def test_whoever_asks_after_the_end_is_denied_though_no_timer_worked() -> None:
    judge, push = denied()
    wish = waiver(days=10)
    says(judge, "linus", wish)
    says(judge, "ada", grant(wish, "linus"))
    late = NOW + 10 * DAY
    assert verdicts(take(judge, asked(push.correlationid), now=late)) == [Verdict.DENY]


def test_a_waiver_that_starts_later_holds_from_its_start_on() -> None:
    judge, _ = denied()
    wish = waiver(days=10, starts_at=NOW + DAY)
    says(judge, "linus", wish)
    assert says(judge, "ada", grant(wish, "linus")) == []
    assert shown(judge, wish).state is WaiverState.PLANNED
    assert judge.tick(NOW + DAY - MOMENT, owner="me") == ()
    assert types(judge.tick(NOW + DAY, owner="me")) == ["decision.made.allow"]


@pytest.mark.parametrize(
    ("granter", "why"),
    [
        ("linus", "takes two"),
        ("alan", "none of these groups: appsec"),
        ("stranger", "nobody the operator named"),
    ],
)
def test_a_grant_by_somebody_without_the_right_leaves_it_requested_and_says_why(
    granter: str, why: str
) -> None:
    judge, _ = denied()
    wish = waiver()
    says(judge, "linus", wish)
    given = grant(wish, "linus")
    assert says(judge, granter, given) == []
    one = shown(judge, wish)
    assert (one.state, one.granter) == (WaiverState.REQUESTED, "")
    assert why in one.message
    assert given.id in one.events
    # Whoever may still can.
    assert types(says(judge, "ada", grant(wish, "linus"))) == ["decision.made.allow"]


def test_the_waiver_of_a_user_who_is_nobody_is_never_granted() -> None:
    judge, _ = denied()
    wish = waiver()
    says(judge, "stranger", wish)
    assert "who asked for it is nobody the operator named" in shown(judge, wish, "stranger").message
    assert says(judge, "ada", grant(wish, "stranger")) == []
    assert shown(judge, wish, "stranger").state is WaiverState.REQUESTED


def test_an_over_long_waiver_is_refused_and_not_clipped() -> None:
    judge, _ = denied()
    wish = waiver(days=31)
    says(judge, "linus", wish)
    assert says(judge, "ada", grant(wish, "linus")) == []
    one = shown(judge, wish)
    assert one.state is WaiverState.REFUSED
    assert "31d" in one.message
    assert "30d" in one.message


@pytest.mark.parametrize(
    ("by", "ends"),
    [("linus", True), ("grace", True), ("grace-ops", True), ("alan", False), ("stranger", False)],
)
def test_only_the_requester_and_the_granter_group_revoke_and_it_is_for_good(
    by: str, ends: bool
) -> None:
    judge, _ = denied()
    wish = waiver()
    says(judge, "linus", wish)
    says(judge, "ada", grant(wish, "linus"))
    ending = revoke(wish, "linus")
    assert types(says(judge, by, ending)) == (["decision.made.deny"] if ends else [])
    one = shown(judge, wish)
    assert one.state is (WaiverState.REVOKED if ends else WaiverState.ACTIVE)
    assert ending.id in one.events
    assert ends or "may not revoke it" in one.message
    if ends:
        assert says(judge, "grace", grant(wish, "linus")) == []
        assert shown(judge, wish).state is WaiverState.REVOKED


def test_whatever_order_wish_grant_and_scan_come_in_the_decision_is_the_same() -> None:
    push, wish = pushed(), waiver()
    history = [
        (push, "ci"),
        (commit_told(push), "ci"),
        (semgrep_told(push, "bad"), "ci"),
        (wish, "linus"),
        (grant(wish, "linus"), "ada"),
    ]
    ends, ledger = set(), open_ledger("sqlite://")
    empty = image(ledger)
    for order in itertools.permutations(history):
        judge = governed(ledger=put_back(ledger, empty))
        for event, user in order:
            for _ in range(2):
                says(judge, user, event)
        (decision,) = decisions(take(judge, asked(push.correlationid)))
        ends.add((decision.verdict, decision.id))
    assert len(ends) == 1
    assert ends.pop()[0] is Verdict.ALLOW


def test_a_revocation_that_overtakes_the_wish_still_ends_it() -> None:
    wish = waiver()
    for order in itertools.permutations(
        [(wish, "linus"), (grant(wish, "linus"), "ada"), (revoke(wish, "linus"), "linus")]
    ):
        judge, _ = denied()
        for event, user in order:
            says(judge, user, event)
        assert shown(judge, wish).state is WaiverState.REVOKED


def test_what_two_early_grants_come_to_is_said_when_the_wish_comes() -> None:
    judge, _ = denied()
    wish = waiver()
    says(judge, "ada", grant(wish, "linus"))
    says(judge, "grace", grant(wish, "linus"))
    assert types(says(judge, "linus", wish)) == ["decision.made.allow"]


def test_a_waiver_of_another_repository_is_not_granted_from_here() -> None:
    judge = governed(repos=("acme/app", "acme/other"))
    wish = waiver(repo="acme/other")
    says(judge, "linus", wish)
    with pytest.raises(InvalidEventError) as caught:
        says(judge, "ada", grant(wish, "linus"))
    assert caught.value.reason is RefusalReason.UNKNOWN_ID
    # Said before there was any such waiver, it counts for nothing either.
    early = waiver(repo="acme/other")
    says(judge, "ada", grant(early, "linus"))
    says(judge, "linus", early)
    assert shown(judge, early, repo="acme/other").state is WaiverState.REQUESTED


def test_a_waiver_is_announced_once_at_each_span_before_its_end() -> None:
    judge, _ = denied()
    wish = waiver(days=20)
    says(judge, "linus", wish)
    says(judge, "ada", grant(wish, "linus"))
    end = NOW + 20 * DAY
    told = {}
    for days in (14, 3, 1):
        edge = end - days * DAY
        assert judge.tick(edge - MOMENT, owner="me") == ()
        told[days] = types(judge.tick(edge, owner="me"))
        assert judge.tick(edge, owner="me") == ()
    assert told == {days: ["waiver.expiring"] for days in (14, 3, 1)}


def test_of_a_waiver_shorter_than_a_span_that_span_is_no_news() -> None:
    judge, _ = denied()
    wish = waiver(days=2)
    says(judge, "linus", wish)
    says(judge, "ada", grant(wish, "linus"))
    assert judge.tick(NOW, owner="me") == ()
    assert types(judge.tick(NOW + DAY, owner="me")) == ["waiver.expiring"]


def test_after_a_long_outage_only_the_nearest_span_is_announced() -> None:
    judge, _ = denied()
    wish = waiver(days=20)
    says(judge, "linus", wish)
    says(judge, "ada", grant(wish, "linus"))
    assert types(judge.tick(NOW + 19.5 * DAY, owner="me")) == ["waiver.expiring"]
    assert judge.tick(NOW + 19.6 * DAY, owner="me") == ()


@pytest.mark.parametrize("ended", ["revoked", "ungranted", "refused"])
def test_of_a_waiver_that_never_held_or_holds_no_more_no_end_is_told(ended: str) -> None:
    judge, _ = denied()
    wish = waiver(days=40 if ended == "refused" else 10)
    says(judge, "linus", wish)
    if ended != "ungranted":
        says(judge, "ada", grant(wish, "linus"))
    if ended == "revoked":
        says(judge, "linus", revoke(wish, "linus"))
    assert "waiver.expired" not in types(judge.tick(NOW + 50 * DAY, owner="me"))


def test_a_finding_that_got_worse_may_have_outlived_its_waiver() -> None:
    judge, _ = denied()
    wish = waiver(WaiverScope(fingerprint="bad:0"), days=20)
    says(judge, "linus", wish)
    says(judge, "ada", grant(wish, "linus"))
    assert shown(judge, wish).state is WaiverState.ACTIVE
    again = pushed("d" * 40)
    worse = semgrep_told(again, "bad", severity=Severity.CRITICAL)
    assert verdicts(take(judge, again, commit_told(again), worse)) == [Verdict.DENY]
    assert shown(judge, wish).state is WaiverState.REFUSED


def test_an_allow_that_does_not_rest_on_a_waiver_is_not_said_again() -> None:
    judge, push = governed(), pushed()
    take(judge, push, commit_told(push), semgrep_told(push))
    wish = waiver()
    said = says(judge, "linus", wish) + says(judge, "ada", grant(wish, "linus"))
    said += says(judge, "ada", revoke(wish, "linus"))
    assert said == []


def test_in_a_repository_with_very_many_asks_the_timer_judges_the_rest() -> None:
    judge = governed()
    late = pushed("f" * 40)
    for number in range(MAX_AT_ONCE + 5):
        take(judge, pushed(f"{number:040x}"))
    take(judge, late, commit_told(late), semgrep_told(late, "bad"))
    wish = waiver()
    says(judge, "linus", wish)
    said = says(judge, "ada", grant(wish, "linus"))
    for _ in range(4):
        said += judge.tick(NOW, owner="me")
    assert types(said) == ["decision.made.allow"]
    assert judge.tick(NOW, owner="me") == ()
