"""Reading what a policy says about people: approvals, waivers, breaking the glass."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from devsecops_eda.model import Severity
from devsecops_eda.policy.durations import show_duration
from devsecops_eda.policy.loading import document
from devsecops_eda.policy.loading.frame import (
    Frame,
    by_severity,
    read_groups,
    severity_of,
    unique,
)
from devsecops_eda.policy.loading.reading import At
from devsecops_eda.policy.model import ApprovalsRule, BreakGlass, Exclusion, WaiverTerms

MAX_BREAK_GLASS = timedelta(hours=24)
"""No override is longer, whatever a policy says."""

MAX_VOTES = 100
"""So many people one rule asks at most."""

ANNOUNCE = (timedelta(days=14), timedelta(days=3), timedelta(days=1))
"""So long before its end a waiver is announced, where the policy says nothing."""

OTHERWISE = "otherwise"
NOBODY = "nobody"


class _UnknownAuthor(StrEnum):
    ALLOW = "allow"
    DENY = "deny"


def read_approvals(
    at: At, fields: Mapping[str, At], common: dict[str, Any], frame: Frame
) -> ApprovalsRule:
    """Return the rule; that its people can do what it asks for is certain then."""
    groups = read_groups(fields["groups"], frame)
    n = fields["n"].number()
    if n == 0:
        raise fields["n"].refusal("0 votes are no approval: at least 1")
    if n > MAX_VOTES:
        raise fields["n"].refusal(f"{n} people have to vote, at most {MAX_VOTES} can be asked for")
    persons = frame.persons(groups)
    if persons is not None and n > len(persons):
        people = "1 person is" if len(persons) == 1 else f"{len(persons)} people are"
        raise fields["n"].refusal(f"{n} have to vote, but {people} in {', '.join(groups)}")
    frame.needs_commit(at, "whose commit it is")
    unknown = _UnknownAuthor.DENY
    if "unknown_author" in fields:
        unknown = fields["unknown_author"].word(_UnknownAuthor, "answer")
    return ApprovalsRule(
        **common,
        n=n,
        groups=groups,
        deadline=fields["deadline"].duration(),
        within=frame.span_within(at, fields, "how long may it take until git is read?"),
        at_least=_seats(fields["at_least"], n, groups, frame) if "at_least" in fields else (),
        exclude=_exclusions(fields["exclude"]) if "exclude" in fields else frozenset(Exclusion),
        unknown_author=unknown is _UnknownAuthor.ALLOW,
    )


def read_waivers(at: At, frame: Frame) -> WaiverTerms:
    """Return the terms; a severity that is not named has the span of ``otherwise``.

    ``unknown`` not named has the shortest of all: what nobody rated is not harmless.
    """
    fields = at.fields(("granters", "max", "announce"), required=("granters", "max"))
    spans = by_severity(fields["max"], At.duration, also=(OTHERWISE,))
    if OTHERWISE not in spans:
        raise fields["max"].refusal(
            f"the key {OTHERWISE!r} is missing: how long may all other waivers be?"
        )
    otherwise = spans.pop(OTHERWISE)
    named = {severity_of(word): span for word, span in spans.items()}
    longest = {one: named.get(one, otherwise) for one in Severity}
    if Severity.UNKNOWN not in named:
        longest[Severity.UNKNOWN] = min(longest.values())
    announce: tuple[timedelta, ...] = ANNOUNCE
    if "announce" in fields:
        announce = tuple(sorted(_spans(fields["announce"]), reverse=True))
    return WaiverTerms(
        read_groups(fields["granters"], frame),
        tuple(sorted(longest.items())),
        otherwise,
        announce,
        frame.selectors,
    )


def read_break_glass(at: At, frame: Frame) -> BreakGlass:
    """Return who may override; no longer than MAX_BREAK_GLASS."""
    keys = ("groups", "max", "review_within")
    fields = at.fields(keys, required=keys)
    longest = fields["max"].duration()
    if longest > MAX_BREAK_GLASS:
        raise fields["max"].refusal("an override lasts at most 24h: then a waiver is due")
    return BreakGlass(
        read_groups(fields["groups"], frame),
        longest,
        fields["review_within"].duration(),
        frame.selectors,
    )


def _spans(at: At) -> set[timedelta]:
    spans: set[timedelta] = set()
    for item in at.items("spans"):
        span = item.duration()
        if span in spans:
            raise item.refusal(f"{show_duration(span)} stands in this list a second time")
        spans.add(span)
    return spans


def _exclusions(at: At) -> frozenset[Exclusion]:
    if isinstance(at.node, document.Sequence):
        alone = at.node.items[0] if len(at.node.items) == 1 else None
        if not at.node.items or (isinstance(alone, document.Scalar) and alone.text == NOBODY):
            raise at.refusal(f"to let everybody vote write {NOBODY}, without brackets")
        words = unique(at, "people to exclude", At.text, frozenset(Exclusion), "exclusion")
        return frozenset(Exclusion(word) for word in words)
    word = at.text()
    if word != NOBODY:
        raise at.refusal(f"must be a list of {', '.join(Exclusion)}, or {NOBODY}, not {word!r}")
    return frozenset()


def _seats(at: At, n: int, groups: tuple[str, ...], frame: Frame) -> tuple[tuple[str, int], ...]:
    seats: dict[str, int] = {}
    entries = at.entries("groups")
    for key in at.key_words():
        group = key.name()
        if group not in groups:
            raise key.unknown(group, "group of this rule", groups)
        seats[group] = entries[group].number()
        if seats[group] == 0:
            raise entries[group].refusal("0 of a group is no condition: leave it out")
    total = sum(seats.values())
    if total > n:
        raise at.refusal(f"{total} seats are more than the {n} who have to vote")
    filled = total if frame.groups is None else _filled(seats, frame.groups)
    if filled < total:
        raise at.refusal(
            f"{total} seats, but the people of these groups fill only {filled}: one person"
            " fills one seat"
        )
    return tuple(sorted(seats.items()))


def _filled(seats: Mapping[str, int], groups: Mapping[str, frozenset[str]]) -> int:
    """Return how many of the seats can be filled at once, each by another person."""
    # A maximum matching: Kuhn's augmenting paths, seat by seat.
    order = [group for group, count in sorted(seats.items()) for _ in range(count)]
    taken: dict[str, int] = {}

    def sits(seat: int, asked: set[str]) -> bool:
        for person in sorted(groups[order[seat]]):
            if person in asked:
                continue
            asked.add(person)
            if person not in taken or sits(taken[person], asked):
                taken[person] = seat
                return True
        return False

    return sum(sits(seat, set()) for seat in range(len(order)))
