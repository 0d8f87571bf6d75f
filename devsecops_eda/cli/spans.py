"""Spans of time on the command line, written as a policy writes them."""

from __future__ import annotations

from datetime import datetime, timedelta

import click

from devsecops_eda.policy.durations import parse_duration

_NEITHER = "{!r} is neither a span (15m, 24h, 14d) nor an instant (2027-01-31T00:00:00Z)"


def span_of(ctx: click.Context, param: click.Parameter, value: str | None) -> timedelta | None:
    """Return a span of time: ``90s``, ``15m``, ``24h``, ``14d`` or ``1h30m``."""
    if value is None:
        return None
    try:
        return parse_duration(value)
    except ValueError as error:
        raise click.BadParameter(
            f"{value!r} is no span of time; write it like 15m, 24h or 14d", ctx, param
        ) from error


def instant_or_span(
    ctx: click.Context, param: click.Parameter, value: str | None
) -> datetime | timedelta | None:
    """Return a span of time, or an instant (RFC 3339 with its offset)."""
    if value is None:
        return None
    try:
        return parse_duration(value)
    except ValueError:
        pass
    try:
        instant = datetime.fromisoformat(value)
    except ValueError as error:
        raise click.BadParameter(_NEITHER.format(value), ctx, param) from error
    if instant.tzinfo is None:
        raise click.BadParameter(f"{value!r} does not say its offset; end it in Z", ctx, param)
    return instant
