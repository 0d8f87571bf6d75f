"""Reading rules of the kind ``window``: the zone, the open hours and the frozen days."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from devsecops_eda.policy.loading.frame import Frame
from devsecops_eda.policy.loading.reading import At
from devsecops_eda.policy.model import Freeze, OpenHours, Weekday, WindowRule

# They mean another thing on each machine, or nothing.
_NO_ZONES = frozenset({"localtime", "Factory", "posixrules"})
_MIDNIGHT = 24 * 60
_DAYS = {day.name.lower(): day for day in Weekday}
_RANGE = re.compile(r"([^\W\d_]+)-([^\W\d_]+)")


def read_window(
    at: At, fields: Mapping[str, At], common: dict[str, Any], frame: Frame
) -> WindowRule:
    """Return the rule; its hours and days are sorted, their order has no meaning."""
    zone = _zone(fields["zone"])
    if "open" not in fields and "freeze" not in fields:
        raise at.refusal("a window needs open hours (open) or frozen days (freeze)")
    opens = {_hours(one) for one in fields["open"].items("hours")} if "open" in fields else ()
    freezes = {_freeze(one) for one in fields["freeze"].items("days")} if "freeze" in fields else ()
    return WindowRule(
        **common,
        zone=zone,
        opens=tuple(sorted(opens, key=lambda one: (sorted(one.days), one.from_min, one.until_min))),
        freezes=tuple(sorted(freezes, key=lambda one: (one.first, one.last, one.reason))),
    )


@cache
def zones() -> frozenset[str]:
    """Return the names of all time zones of the IANA database."""
    return frozenset(available_timezones()) - _NO_ZONES


def _zone(at: At) -> str:
    name = at.text()
    if name not in zones():
        raise at.unknown(name, "time zone", zones())
    return name


def _hours(at: At) -> OpenHours:
    keys = ("days", "from", "until")
    fields = at.fields(keys, required=keys)
    begins, ends = fields["from"].clock(), fields["until"].clock()
    if begins == _MIDNIGHT:
        raise fields["from"].refusal('a day begins at "00:00"; only until may be "24:00"')
    if begins == ends:
        raise fields["until"].refusal(
            'is from: no hour, or all of them? a whole day is from "00:00" until "24:00"'
        )
    return OpenHours(frozenset(_days(fields["days"])), begins, ends)


def _days(at: At) -> Iterator[Weekday]:
    found: set[Weekday] = set()
    for item in at.items("days") if at.is_list() else (at,):
        days = _span(item)
        for day in days:
            if day in found:
                raise item.refusal(f"{day.name.lower()} stands here a second time")
        found.update(days)
    yield from found


def _span(at: At) -> tuple[Weekday, ...]:
    """Return one day, or all from one to another, over the end of the week too."""
    text = at.text()
    span = _RANGE.fullmatch(text)
    words = span.groups() if span else (text, text)
    for word in words:
        if word not in _DAYS:
            raise at.unknown(word, "day of the week", _DAYS)
    first, last = (_DAYS[word] for word in words)
    if span and first is last:
        raise at.refusal(f"one day, or a week? write {words[0]}, or mon-sun")
    return tuple(Weekday((first + number) % 7) for number in range((last - first) % 7 + 1))


def _freeze(at: At) -> Freeze:
    fields = at.fields(("dates", "reason"), required=("dates",))
    dates = fields["dates"]
    days = dates.items("days") if dates.is_list() else (dates,)
    if len(days) > 2:
        raise days[2].refusal("dates are the first day and the last one, which is included")
    first, last = days[0].day(), days[-1].day()
    if last < first:
        raise days[-1].refusal("the last day is before the first")
    return Freeze(first, last, fields["reason"].text() if "reason" in fields else "")
