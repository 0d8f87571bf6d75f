"""What holds for whatever window and instant, near the days on which clocks are changed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from devsecops_eda.policy.kinds.windows import instants, is_open, judge, opens_at
from devsecops_eda.policy.model import Freeze, OpenHours, Weekday, WindowRule
from tests.judging import facts

MOMENT = timedelta(microseconds=1)
ZONES = [
    *("UTC", "Europe/Paris", "Asia/Kolkata", "America/St_Johns", "Australia/Lord_Howe"),
    *("America/Sao_Paulo", "Africa/Casablanca"),
]
minutes_ = st.integers(0, 95).map(lambda quarter: quarter * 15)
hours_ = st.builds(
    OpenHours, st.frozensets(st.sampled_from(Weekday), min_size=1), minutes_, minutes_
)
freezes_ = st.builds(
    lambda first, days: Freeze(first, first + timedelta(days=days)),
    st.dates(date(2026, 1, 1), date(2027, 6, 1)),
    st.integers(0, 20),
)
windows_ = st.builds(
    lambda opens, freezes, zone: WindowRule(
        id="window",
        gates=frozenset({"merge"}),
        zone=zone,
        opens=tuple(opens),
        freezes=tuple(freezes),
    ),
    st.lists(hours_, min_size=1, max_size=3),
    st.lists(freezes_, max_size=2),
    st.sampled_from(ZONES),
)
TURNS = [
    datetime(2026, *day, hour, tzinfo=UTC)
    for day in [(2, 14), (3, 8), (3, 22), (3, 29), (4, 4), (10, 3), (10, 25), (11, 1)]
    for hour in (0, 14)
]
near_ = st.builds(
    lambda turn, minute: turn + timedelta(minutes=minute),
    st.sampled_from(TURNS),
    st.integers(-1440, 1440),
)


@settings(max_examples=100)
@given(windows_, near_)
def test_nothing_changes_before_the_instants_that_are_named(
    rule: WindowRule, now: datetime
) -> None:
    following = min((one for one in instants(rule, facts(), now) if one > now), default=None)
    end = min(following or now + timedelta(days=3), now + timedelta(days=3))
    told = judge(rule, facts(), now)
    assert judge(rule, facts(), end - MOMENT) == told
    # Looked at minute by minute, by somebody who knows no calendar.
    instant = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
    while instant < end:
        assert is_open(rule, instant) == is_open(rule, now)
        instant += timedelta(minutes=1)


@settings(max_examples=300)
@given(windows_, near_)
def test_the_local_time_alone_says_whether_it_is_open(rule: WindowRule, now: datetime) -> None:
    local = now.astimezone(ZoneInfo(rule.zone))
    # In a repeated hour there is another instant with this local time, else it is the same one.
    other = local.replace(fold=1 - local.fold).astimezone(UTC)
    if other.astimezone(local.tzinfo).replace(tzinfo=None) == local.replace(tzinfo=None):
        assert is_open(rule, other) == is_open(rule, now)
    opens = opens_at(rule, now)
    assert opens is None or is_open(rule, opens)
