"""What people's commands say: who has to say a repository, what was told, what stands how."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import click
import pytest

from devsecops_eda.cli import asking, run
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.cli.listings import override_line
from devsecops_eda.client import Client, waiver_granted
from devsecops_eda.errors import DevSecOpsError, NotAuthorisedError, UnavailableError
from devsecops_eda.model import (
    Event,
    Listed,
    ListingMade,
    ListingRequested,
    OverrideListed,
    OverrideState,
    OverrideTold,
    Subject,
)

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ID = "0f6f2c1e-8f5f-5c58-9e0e-5a4d5a4a5b11"
VIEW = "sha256:" + "1" * 64


class Broker:
    """A client whose gate answers as it is told; it remembers what it was asked."""

    def __init__(self, answer: Callable[[], ListingMade]) -> None:
        self._answer = answer
        self.asked: list[ListingRequested] = []
        self.told: list[Event] = []

    def list(self, request: ListingRequested, *, timeout_s: float) -> ListingMade:
        self.asked.append(request)
        return self._answer()

    def publish(self, event: Event, *, timeout_s: float) -> None:
        self.told.append(event)


def failing(error: DevSecOpsError) -> Client:
    def fail() -> ListingMade:
        raise error

    return cast(Client, Broker(fail))


def empty() -> Client:
    return cast(Client, Broker(lambda: ListingMade(Listed.WAIVERS)))


@pytest.mark.parametrize(("repo", "hinted"), [(None, True), ("acme/app", False)])
def test_who_is_held_to_some_repositories_is_told_to_say_which(
    repo: str | None, hinted: bool
) -> None:
    client = failing(NotAuthorisedError("access to topic refused"))
    with pytest.raises(NotAuthorisedError, match="access to topic refused") as refused:
        asking.listed(client, ListingRequested(of=Listed.WAIVERS, repo=repo))
    assert ("has to say which: --repo" in str(refused.value)) is hinted


@pytest.mark.parametrize(
    ("repo", "where"), [(None, f"'{ID}'"), ("acme/app", f"'{ID}' in acme/app")]
)
def test_a_thing_is_asked_for_in_the_repository_that_was_said(repo: str | None, where: str) -> None:
    client = empty()
    with pytest.raises(click.UsageError, match=f"the gate has no waiver {where}$"):
        asking.one_listed(client, Listed.WAIVERS, ID, repo=repo)
    (asked,) = cast(Broker, client).asked
    assert (asked.repo, asked.about, asked.every) == (repo, ID, True)


@pytest.mark.parametrize(
    ("client", "words"),
    [
        (
            failing(UnavailableError("the gate did not say")),
            ["was told and waits for the gate, do not tell it again", "the gate did not say"],
        ),
        (empty(), ["the gate shows nothing of it (is it one?): it refused it"]),
    ],
)
def test_what_was_told_and_not_answered_is_told_all_the_same(
    client: Client, words: Sequence[str]
) -> None:
    event = waiver_granted(ID, repo="acme/app", now=NOW)
    wanted = ListingRequested(of=Listed.WAIVERS, about=ID)
    with pytest.raises(UnavailableError) as missed:
        asking.told(
            client, event, wanted, lambda _: None, look="show it", doubt="is it one?", timeout_s=0.1
        )
    assert cast(Broker, client).told == [event]
    for word in (event.id, "`show it`", *words):
        assert word in str(missed.value)


def overridden(state: OverrideState) -> OverrideListed:
    told = OverrideTold(
        override=ID,
        decision=ID,
        gate="merge",
        subject=Subject.commit("acme/app", "1" * 40),
        repo="acme/app",
        environment=None,
        state=state,
        actor="linus",
        reason="down",
        incident="",
        expires_at=NOW + timedelta(hours=1),
        review_due=NOW + timedelta(days=3) if state is not OverrideState.REFUSED else None,
    )
    return OverrideListed(told=told, requested_at=NOW)


@pytest.mark.parametrize(
    ("state", "stands"),
    [
        (OverrideState.ACTIVE, "active until 2026-01-01 01:00:00 UTC, review due 2026-01-04"),
        (OverrideState.EXPIRED, "expired at 2026-01-01 01:00:00 UTC, review due 2026-01-04"),
        (OverrideState.REFUSED, "gate merge  refused  (linus: down)"),
    ],
)
def test_of_an_override_that_was_refused_no_end_and_no_review_is_told(
    state: OverrideState, stands: str
) -> None:
    one = overridden(state)
    assert stands in override_line(one, NOW)
    looked_at = replace(one, reviewed_at=NOW, reviewer="ada", justified=False)
    assert "reviewed by ada: not justified" in override_line(looked_at, NOW)


@pytest.mark.parametrize("of", Listed)
def test_a_listing_of_nothing_is_an_empty_list(of: Listed) -> None:
    assert json.loads(asking.written(ListingMade(of)))[of.value] == []


WISH = ("waiver", "request", "--repo", "a", "--finding", "f:0", "--reason", "accepted")


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (("approvals", "approve", ID), "nobody can be asked here"),
        (("approvals", "reject", ID), "nobody can be asked here"),
        (("approvals", "approve", ID, "--yes", "--view", "abc"), "'abc' is no view"),
        (("override", "request", "abc", "--repo", "a", "--reason", "r"), "'abc' is no decision"),
        (
            (*WISH, "--justification", "j", "--expires", "2020-01-01T00:00:00Z"),
            "2020-01-01 00:00:00 UTC is over already",
        ),
    ],
)
def test_what_can_be_seen_to_be_wrong_is_refused_before_anything_is_told(
    argv: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    # Nothing listens there: had it tried, it would say so.
    assert run(argv) == ExitCode.USAGE
    assert said in capsys.readouterr().err
