"""Windows: open by the clock on the wall, also where that is turned back and forth."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from devsecops_eda.policy.kinds.windows import is_open, judge, next_change, opens_at
from devsecops_eda.policy.model import Freeze, OpenHours, Weekday, WindowRule
from tests.judging import facts

MOMENT = timedelta(microseconds=1)
WORKDAYS = frozenset(Weekday) - {Weekday.SAT, Weekday.SUN}
DAILY = frozenset(Weekday)
PARIS, KOLKATA, ST_JOHNS = "Europe/Paris", "Asia/Kolkata", "America/St_Johns"
LORD_HOWE = "Australia/Lord_Howe"


def hours(start: str, end: str, days: frozenset[Weekday] = DAILY) -> OpenHours:
    def minute(text: str) -> int:
        hour, _, rest = text.partition(":")
        return int(hour) * 60 + int(rest)

    return OpenHours(days, minute(start), minute(end))


def window(*opens: OpenHours, zone: str = "UTC", freezes: tuple[Freeze, ...] = ()) -> WindowRule:
    return WindowRule(
        id="window", gates=frozenset({"merge"}), zone=zone, opens=opens, freezes=freezes
    )


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def changes(rule: WindowRule, start: str, end: str) -> list[str]:
    """When the window opens and closes between two instants, as it tells one after another."""
    now, found = utc(start), []
    while (following := next_change(rule, now)) is not None and following < utc(end):
        word = "opens" if is_open(rule, following) else "closes"
        found.append(f"{word} {following:%d %H:%M}")
        assert is_open(rule, following) != is_open(rule, following - MOMENT)
        assert is_open(rule, following - MOMENT) == is_open(rule, now)
        now = following
    return found


@pytest.mark.parametrize(
    ("zone", "opens", "closes"),
    [
        ("UTC", "2026-03-02T09:00", "2026-03-02T17:00"),
        (PARIS, "2026-03-02T08:00", "2026-03-02T16:00"),
        (KOLKATA, "2026-03-02T03:30", "2026-03-02T11:30"),
        (ST_JOHNS, "2026-03-02T12:30", "2026-03-02T20:30"),
        (LORD_HOWE, "2026-03-01T22:00", "2026-03-02T06:00"),
    ],
)
def test_a_window_is_open_from_its_first_minute_and_closed_at_its_last(
    zone: str, opens: str, closes: str
) -> None:
    rule = window(hours("09:00", "17:00"), zone=zone)
    for instant, before in [(opens, False), (closes, True)]:
        assert is_open(rule, utc(instant) - MOMENT) is before
        assert is_open(rule, utc(instant)) is not before
    assert next_change(rule, utc(opens)) == utc(closes)
    assert next_change(rule, utc(opens) - MOMENT) == utc(opens)


@pytest.mark.parametrize(
    ("rule", "start", "end", "expected"),
    [
        # The clocks go from 02:00 to 03:00 on 29 March, from 03:00 back to 02:00 on 25 October.
        pytest.param(
            window(hours("01:00", "04:00"), zone=PARIS),
            *("2026-03-28T12:00", "2026-03-29T12:00"),
            ["opens 29 00:00", "closes 29 02:00"],
            id="Paris, the hour that is skipped is missing in the middle",
        ),
        pytest.param(
            window(hours("02:15", "02:45"), zone=PARIS),
            *("2026-03-28T12:00", "2026-03-30T12:00"),
            ["opens 30 00:15", "closes 30 00:45"],
            id="Paris, a skipped hour never comes",
        ),
        pytest.param(
            window(hours("02:30", "04:00"), zone=PARIS),
            *("2026-03-28T12:00", "2026-03-29T12:00"),
            ["opens 29 01:00", "closes 29 02:00"],
            id="Paris, what begins in the skipped hour opens after it",
        ),
        pytest.param(
            window(hours("01:00", "02:30"), zone=PARIS),
            *("2026-03-28T12:00", "2026-03-29T12:00"),
            ["opens 29 00:00", "closes 29 01:00"],
            id="Paris, what ends in the skipped hour closes before it",
        ),
        pytest.param(
            window(hours("02:15", "02:45"), zone=PARIS),
            *("2026-10-24T12:00", "2026-10-25T12:00"),
            ["opens 25 00:15", "closes 25 00:45", "opens 25 01:15", "closes 25 01:45"],
            id="Paris, both passes of the repeated hour belong",
        ),
        pytest.param(
            window(hours("02:00", "03:00"), zone=PARIS),
            *("2026-10-24T12:00", "2026-10-25T12:00"),
            ["opens 25 00:00", "closes 25 02:00"],
            id="Paris, the repeated hour is one opening of two hours",
        ),
        pytest.param(
            window(hours("01:00", "02:30"), zone=PARIS),
            *("2026-10-24T12:00", "2026-10-25T12:00"),
            ["opens 24 23:00", "closes 25 00:30", "opens 25 01:00", "closes 25 01:30"],
            id="Paris, the clock that is turned back opens it again",
        ),
        # Half an hour: forward at 02:00 on 4 October, back at 02:00 on 5 April.
        pytest.param(
            window(hours("01:45", "02:15"), zone=LORD_HOWE),
            *("2026-04-04T06:00", "2026-04-05T06:00"),
            ["opens 04 14:45", "closes 04 15:00", "opens 04 15:15", "closes 04 15:45"],
            id="Lord Howe, half an hour comes twice",
        ),
        pytest.param(
            window(hours("02:00", "02:30"), hours("02:40", "03:00"), zone=LORD_HOWE),
            *("2026-10-03T06:00", "2026-10-04T06:00"),
            ["opens 03 15:40", "closes 03 16:00"],
            id="Lord Howe, half an hour never comes",
        ),
        # Half an hour off: forward at 02:00 on 8 March, back at 02:00 on 1 November.
        pytest.param(
            window(hours("00:00", "02:00"), hours("03:00", "04:00"), zone=ST_JOHNS),
            *("2026-03-08T00:00", "2026-03-08T12:00"),
            ["opens 08 03:30", "closes 08 06:30"],
            id="St John's, two windows meet where the clock jumps",
        ),
        pytest.param(
            window(hours("01:00", "02:00"), zone=ST_JOHNS),
            *("2026-11-01T00:00", "2026-11-01T12:00"),
            ["opens 01 03:30", "closes 01 05:30"],
            id="St John's, both passes",
        ),
        pytest.param(
            window(hours("22:00", "06:00", frozenset({Weekday.SAT})), zone=PARIS),
            *("2026-10-22T12:00", "2026-10-26T12:00"),
            ["opens 24 20:00", "closes 25 05:00"],
            id="Paris, a night is an hour longer",
        ),
        pytest.param(
            window(hours("00:00", "24:00"), zone=KOLKATA),
            *("2026-03-01T00:00", "2026-03-05T12:00"),
            [],
            id="Kolkata, from midnight to the next is always",
        ),
        pytest.param(
            window(hours("18:00", "24:00", frozenset({Weekday.SUN})), zone="UTC"),
            *("2026-03-01T00:00", "2026-03-03T12:00"),
            ["opens 01 18:00", "closes 02 00:00"],
            id="the end of a day is no hour of the next",
        ),
        pytest.param(
            window(hours("09:00", "12:00"), hours("11:00", "17:00"), zone="UTC"),
            *("2026-03-01T00:00", "2026-03-02T00:00"),
            ["opens 01 09:00", "closes 01 17:00"],
            id="open hours that overlap are one",
        ),
        pytest.param(
            window(hours("22:00", "06:00", frozenset({Weekday.SUN})), zone="UTC"),
            *("2026-03-01T00:00", "2026-03-03T12:00"),
            ["opens 01 22:00", "closes 02 06:00"],
            id="what ends before it begins ends on the next day, also over the week's end",
        ),
    ],
)
def test_when_a_window_opens_and_closes(
    rule: WindowRule, start: str, end: str, expected: list[str]
) -> None:
    assert changes(rule, start, end) == expected


def test_frozen_days_are_whole_local_days_with_the_last_one_included() -> None:
    freeze = Freeze(date(2026, 3, 28), date(2026, 3, 29), "end of quarter")
    rule = window(zone=PARIS, freezes=(freeze,))
    # The second day has 23 hours.
    assert changes(rule, "2026-03-01T00:00", "2026-05-01T00:00") == [
        "closes 27 23:00",
        "opens 29 22:00",
    ]


def test_a_freeze_beats_an_open_hour() -> None:
    freeze = Freeze(date(2026, 3, 3), date(2026, 3, 3))
    rule = window(hours("22:00", "06:00"), freezes=(freeze,))
    assert changes(rule, "2026-03-02T12:00", "2026-03-04T12:00") == [
        "opens 02 22:00",
        "closes 03 00:00",
        "opens 04 00:00",
        "closes 04 06:00",
    ]


@pytest.mark.parametrize(
    ("now", "state", "text", "since"),
    [
        (
            "2026-03-06T15:59",
            "satisfied",
            "it is open until Fri 2026-03-06 17:00 CET (Europe/Paris)",
            "2026-03-06T08:00",
        ),
        (
            "2026-03-06T16:00",
            "failed",
            "it is closed and opens Mon 2026-03-09 09:00 CET (Europe/Paris)",
            "2026-03-06T16:00",
        ),
        (
            "2026-12-20T12:00",
            "failed",
            (
                "it is closed, frozen from 2026-12-18 to 2027-01-03 included (year's end), and"
                " opens Mon 2027-01-04 09:00 CET (Europe/Paris)"
            ),
            "2026-12-17T16:00",
        ),
    ],
)
def test_a_closed_window_says_when_it_opens(now: str, state: str, text: str, since: str) -> None:
    freeze = Freeze(date(2026, 12, 18), date(2027, 1, 3), "year's end")
    rule = window(hours("09:00", "17:00", WORKDAYS), zone=PARIS, freezes=(freeze,))
    told = judge(rule, facts(), utc(now))
    assert (told.state.value, told.text, told.since) == (state, text, utc(since))


def test_a_window_that_never_opens_says_so_and_one_that_never_closes_too() -> None:
    frozen = window(freezes=(Freeze(date(2020, 1, 1), date(2040, 1, 1)),))
    told = judge(frozen, facts(), utc("2026-03-02T12:00"))
    assert told.text.endswith("does not open within the next year")
    assert opens_at(frozen, utc("2026-03-02T12:00")) is None
    assert judge(window(hours("00:00", "24:00")), facts(), utc("2026-03-02")).text == "it is open"
    # The skipped hour of this one comes on other days.
    rare = window(hours("02:15", "02:45", frozenset({Weekday.SUN})), zone=PARIS)
    assert opens_at(rare, utc("2026-03-23T00:00")) == utc("2026-04-05T00:15")


def test_the_opening_is_found_nearly_a_year_ahead() -> None:
    frozen = window(freezes=(Freeze(date(2026, 1, 1), date(2026, 12, 31)),))
    assert opens_at(frozen, utc("2026-01-01T00:00")) == utc("2027-01-01T00:00")
