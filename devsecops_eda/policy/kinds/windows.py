"""The rule kind ``window``: it is an open hour and no frozen day, by the clock on the wall.

Local time alone says whether a window is open, so both passes of a repeated hour belong and a
skipped one never comes. Frozen days beat open hours.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from devsecops_eda.model import RequirementState
from devsecops_eda.policy.facts import Facts
from devsecops_eda.policy.judged import Judged, plain
from devsecops_eda.policy.model import Freeze, OpenHours, WindowRule

LOOK_AHEAD = timedelta(days=400)
"""So far ahead, and back, a window's next or last change is looked for."""

_DAY = timedelta(days=1)
_MOMENT = timedelta(microseconds=1)


def judge(rule: WindowRule, facts: Facts, now: datetime) -> Judged:
    """Return failed while the window is closed, with the local time at which it opens."""
    until = next_change(rule, now)
    since = last_change(rule, now)
    if is_open(rule, now):
        text = "it is open" + (f" until {_local(rule, until)}" if until else "")
        return Judged(RequirementState.SATISFIED, text, since=since)
    opens = opens_at(rule, now)
    when = f"opens {_local(rule, opens)}" if opens else "does not open within the next year"
    return Judged(
        RequirementState.FAILED,
        f"it is closed{_why_frozen(rule, now)} and {when}",
        f"wait until {_local(rule, opens)}" if opens else "change the window in the policy",
        since=since,
    )


def instants(rule: WindowRule, facts: Facts, now: datetime) -> Iterator[datetime]:
    """Yield when the window next opens or closes after ``now``; some instants more."""
    change = next_change(rule, now)
    if change is not None:
        yield change
    # Which frozen days it names may change while it stays closed.
    zone = ZoneInfo(rule.zone)
    for freeze in rule.freezes:
        for day in (freeze.first, freeze.last + _DAY):
            yield datetime.combine(day, time(), zone).astimezone(UTC)


def is_open(rule: WindowRule, instant: datetime) -> bool:
    """Return whether the window is open at ``instant``."""
    local = instant.astimezone(ZoneInfo(rule.zone))
    if _freeze_at(rule, instant) is not None:
        return False
    return not rule.opens or any(_holds(hours, local) for hours in rule.opens)


def opens_at(rule: WindowRule, now: datetime) -> datetime | None:
    """Return when a window that is closed at ``now`` opens, None if not within 400 days."""
    changes = _changes(rule, now, _DAY)
    return next((one for one in changes if one > now and is_open(rule, one)), None)


def next_change(rule: WindowRule, now: datetime) -> datetime | None:
    """Return the first instant after ``now`` at which the window opens or closes, if any is near.

    Near is within 400 days; for a window without end that is never.
    """
    return next((one for one in _changes(rule, now, _DAY) if one > now), None)


def last_change(rule: WindowRule, now: datetime) -> datetime | None:
    """Return the last instant, ``now`` included, at which the window opened or closed."""
    return next((one for one in _changes(rule, now, -_DAY) if one <= now), None)


def _holds(hours: OpenHours, local: datetime) -> bool:
    minute = local.hour * 60 + local.minute
    today, yesterday = local.weekday() in hours.days, (local.weekday() - 1) % 7 in hours.days
    if hours.from_min < hours.until_min:
        return today and hours.from_min <= minute < hours.until_min
    return (today and minute >= hours.from_min) or (yesterday and minute < hours.until_min)


def _freeze_at(rule: WindowRule, instant: datetime) -> Freeze | None:
    day = instant.astimezone(ZoneInfo(rule.zone)).date()
    return next((one for one in rule.freezes if one.first <= day <= one.last), None)


def _changes(rule: WindowRule, start: datetime, step: timedelta) -> Iterator[datetime]:
    """Yield every change of state on the days from ``start`` on, the nearest day first.

    Within a day they are in the order in which ``step`` goes.
    """
    zone, begin = ZoneInfo(rule.zone), start.astimezone(UTC)
    # A day of UTC holds parts of two local days; each change is in exactly one of them.
    day = begin.replace(hour=0, minute=0, second=0, microsecond=0)
    for number in range(LOOK_AHEAD // _DAY + 1):
        first = day + number * step
        found = {
            one
            for one in _candidates(rule, zone, first)
            if first <= one < first + _DAY and is_open(rule, one) != is_open(rule, one - _MOMENT)
        }
        yield from sorted(found, reverse=step < timedelta())


def _candidates(rule: WindowRule, zone: ZoneInfo, first: datetime) -> Iterator[datetime]:
    """Yield every instant of the day from ``first`` on at which the state may change, and more."""
    minutes = {0}
    for hours in rule.opens:
        minutes |= {hours.from_min % 1440, hours.until_min % 1440}
    day = first.astimezone(zone).date()
    for date in (day - _DAY, day, day + _DAY):
        for minute in minutes:
            wall = datetime.combine(date, time(minute // 60, minute % 60), zone)
            # Where the hour comes twice, so does its beginning.
            yield wall.replace(fold=0).astimezone(UTC)
            yield wall.replace(fold=1).astimezone(UTC)
    yield from _clock_changes(zone, first)


def _clock_changes(zone: ZoneInfo, first: datetime) -> Iterator[datetime]:
    """Yield when the clocks are changed in the day from ``first`` on, to the second."""
    before = first.astimezone(zone).utcoffset()
    low, high = 0, 24 * 60 * 60
    if (first + timedelta(seconds=high)).astimezone(zone).utcoffset() == before:
        return
    while high - low > 1:
        middle = (low + high) // 2
        if (first + timedelta(seconds=middle)).astimezone(zone).utcoffset() == before:
            low = middle
        else:
            high = middle
    yield first + timedelta(seconds=high)


def _why_frozen(rule: WindowRule, now: datetime) -> str:
    freeze = _freeze_at(rule, now)
    if freeze is None:
        return ""
    reason = f" ({plain(freeze.reason)})" if freeze.reason else ""
    return f", frozen from {freeze.first} to {freeze.last} included{reason},"


def _local(rule: WindowRule, instant: datetime | None) -> str:
    # Unambiguous also in an hour that comes twice.
    if instant is None:
        return ""
    return f"{instant.astimezone(ZoneInfo(rule.zone)):%a %Y-%m-%d %H:%M %Z} ({rule.zone})"
