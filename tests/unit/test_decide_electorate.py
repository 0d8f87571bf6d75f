"""Who may vote: not who made it, not who asked for it, and nobody where that is not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest

from devsecops_eda.model import Coverage, Gap, People, Person, Signature, Subject
from devsecops_eda.policy.facts import Facts, Vote
from devsecops_eda.policy.model import Exclusion
from tests.judging import BASE, HEAD, NOW, WITHIN, commit, completed, facts, failed, minutes
from tests.voting import (
    approvals,
    judged,
    made_by,
    of,
    request,
    round_,
    state,
    vote,
    voting,
)

MOMENT = timedelta(microseconds=1)
NOBODY = Signature("A Stranger", "stranger@example.com")


def test_who_made_the_commit_has_no_vote() -> None:
    votes = vote("ada"), vote("ken")
    assert state(voting(*votes, outcome=made_by(of("ada")))) == "running"
    assert state(voting(*votes, outcome=made_by(of("mal"), of("mal"), of("ken")))) == "running"
    assert state(voting(*votes, outcome=made_by(of("mal"), of("mal")))) == "satisfied"


def test_a_rule_says_who_is_excluded() -> None:
    votes = vote("ada"), vote("ken")
    mine = made_by(of("ada"), of("ken"))
    wish = request("wish", "user-grace", "ada@example.org")
    bound = round_(request="wish")
    for exclude, expected in [
        (frozenset(), "satisfied"),
        (frozenset({Exclusion.AUTHOR}), "running"),
        (frozenset({Exclusion.COMMITTERS}), "running"),
        (frozenset({Exclusion.REQUESTER}), "running"),
    ]:
        known = voting(*votes, outcome=mine, requests=(wish,), rounds=[bound])
        assert state(known, rule=approvals(exclude=exclude)) == expected


def test_every_requester_is_excluded_by_each_of_his_names() -> None:
    again = request("again", "USER-KEN", "Ken@Example.ORG", at=NOW + minutes(1))
    for wishes in permutations([request("wish", "user-ada"), again]):
        known = voting(vote("grace"), requests=wishes, rounds=[round_(request="again")])
        told = judged(known)
        assert told.text == "1 of 2 votes; may vote: linus"


@pytest.mark.parametrize("named", ["ken", "KEN", "User-Ken", "user-ken", " ken@example.org "])
def test_whoever_may_be_meant_by_who_requests_has_no_vote(named: str) -> None:
    wish = request("wish", "ci", named)
    known = voting(vote("ken"), requests=[wish], rounds=[round_(request="wish")])
    assert judged(known).text == "0 of 2 votes; may vote: ada, grace, linus"


def test_a_name_in_git_that_is_nobodys_fails_the_rule() -> None:
    for outcome in (made_by(NOBODY), made_by(of("mal"), NOBODY)):
        known = voting(vote("ada"), vote("ken"), outcome=outcome)
        told = judged(known)
        assert told.state.value == "failed"
        assert "A Stranger <stranger@example.com> is nobody the operator named" in told.text
        assert state(known, rule=approvals(unknown_author=True)) == "satisfied"
        only = approvals(exclude=frozenset({Exclusion.REQUESTER}))
        assert state(known, rule=only) == "satisfied"


def test_a_name_in_git_cannot_write_into_the_sentence() -> None:
    told = judged(voting(outcome=made_by(Signature("a\n\x1b[2J", "x@y"))))
    assert told.text.isprintable()


def test_committers_too_many_to_be_listed_are_unknown() -> None:
    cut = replace(made_by(), coverage=Coverage(1, 1, (Gap("", "too_many_committers"),)))
    known = voting(vote("ada"), vote("ken"), outcome=cut)
    assert state(known) == "failed"
    assert state(known, rule=approvals(exclude=frozenset({Exclusion.AUTHOR}))) == "satisfied"


def test_what_git_says_is_waited_for_as_long_as_the_rule_says() -> None:
    silent = voting(vote("ada"), vote("ken"), outcomes=())
    waits = judged(silent, NOW + WITHIN - MOMENT)
    assert (waits.state.value, waits.votes, waits.due) == ("running", False, NOW + WITHIN)
    assert state(silent, NOW + WITHIN) == "missing"
    broken = voting(vote("ada"), vote("ken"), outcome=failed(check="commit"))
    assert state(broken) == "errored"


ARTIFACT = Subject.artifact("sha256:" + "7" * 64, "acme/app")


def of_artifact(*votes: Vote, **values: Any) -> Facts:
    values = {"requests": (request(),), "origins": (HEAD,), "causes": (), **values}
    one = round_(request="wish", target=None, merge_base=None)
    return voting(*votes, rounds=[one], subject=ARTIFACT, outcomes=(), **values)


def test_who_made_an_artifact_is_who_made_the_commit_it_was_built_from() -> None:
    votes = vote("ada"), vote("ken")
    bound: dict[str, Any] = {"target": None, "merge_base": None}
    for outcome, expected in [(made_by(of("ada")), "running"), (made_by(), "satisfied")]:
        assert state(of_artifact(*votes, origin_commits=(outcome,)), **bound) == expected
    silent = of_artifact(*votes)
    assert state(silent, NOW + WITHIN - MOMENT, **bound) == "running"
    assert not judged(silent, NOW + WITHIN - MOMENT, **bound).votes
    assert state(silent, NOW + WITHIN, **bound) == "missing"
    other = made_by(subject=BASE)
    two = of_artifact(*votes, origins=(HEAD, BASE), origin_commits=(made_by(), other))
    assert state(two, **bound) == "satisfied"
    half = of_artifact(*votes, origins=(HEAD, BASE), origin_commits=(made_by(),))
    assert state(half, **bound) == "missing"
    assert state(of_artifact(*votes, origin_commits=(other,)), **bound) == "missing"
    stray = made_by(of("ken"), subject=BASE)
    assert state(of_artifact(*votes, origin_commits=(made_by(), stray)), **bound) == "satisfied"


def test_nobody_wrote_a_plain_folder() -> None:
    tree = Subject.tree("sha256:" + "8" * 64)
    known = voting(vote("ada"), vote("ken"), subject=tree, outcomes=())
    assert state(known) == "failed"
    assert state(known, rule=approvals(unknown_author=True)) == "satisfied"


def test_too_few_people_fail_at_once_with_a_sentence() -> None:
    rule = approvals(n=2, groups=("appsec",))
    mine = made_by(of("ada"))
    for rounds in ([], [round_()]):
        told = judged(voting(rounds=rounds, outcome=mine), rule=rule)
        assert told.state.value == "failed"
        assert told.text == (
            "it needs 2 votes of appsec, and only grace may vote;"
            " excluded: ada (author of the commit)"
        )


def test_who_has_no_user_at_the_broker_cannot_be_waited_for() -> None:
    persons = (Person("ada"), Person("mal", (), ("mal@example.org",)))
    mute = People(persons, {"appsec": frozenset({"ada"})})
    told = judged(voting(rounds=[], people=mute), rule=approvals(n=1, groups=("appsec",)))
    assert told.state.value == "failed"
    assert told.text == "it needs 1 vote of appsec, and nobody may vote"


def test_what_another_check_or_commit_says_of_the_author_is_none_of_this() -> None:
    stray = completed(check="commit", subject=BASE)
    assert state(voting(outcomes=(stray, commit(subject=BASE)))) == "missing"
    assert facts().known_since == NOW
