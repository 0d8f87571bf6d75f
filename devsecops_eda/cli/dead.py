"""`devsecops-eda dead`: what was refused and why; replaying and dropping it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, TypeVar

import click

from devsecops_eda.cli import dead_lines as lines
from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.deadletters import Dead, Done, Fate, Letter, Pile, Wanted, doing, obstacle
from devsecops_eda.errors import RefusalReason
from devsecops_eda.model import EventType
from devsecops_eda.policy.durations import parse_duration

OUTPUT_VERSION = 1
"""Grows when a field of the JSON output changes its meaning or goes."""
MIN_ID_CHARS = 6

_Command = TypeVar("_Command", bound=Callable[..., Any])


def _instant(ctx: click.Context, param: click.Parameter, value: str | None) -> datetime | None:
    if value is None:
        return None
    with suppress(ValueError):
        return _now() - parse_duration(value)
    with suppress(ValueError):
        instant = datetime.fromisoformat(value)
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    raise click.BadParameter(
        f"{value!r} is neither a span (2h, 7d) nor a time (2026-03-02T09:30:00Z)", ctx, param
    )


def _ids(ctx: click.Context, param: click.Parameter, value: str | Sequence[str]) -> Sequence[str]:
    ids = (value,) if isinstance(value, str) else tuple(value)
    for one in ids:
        if len(one) < MIN_ID_CHARS or set(one) - set("0123456789abcdef"):
            raise click.BadParameter(
                f"{one!r} is no letter: take {MIN_ID_CHARS} digits or more of the first column of"
                " `dead list`",
                ctx,
                param,
            )
    return ids


_FILTERS = (
    click.option(
        "--reason", "reasons", multiple=True,
        type=click.Choice([word.value for word in RefusalReason]), metavar="WORD",
        help="Refused for this reason. May be repeated, as all of these.",
    ),
    click.option("--queue", "queues", multiple=True, metavar="CHECK", help="Refused here."),
    click.option(
        "--type", "types", multiple=True, type=click.Choice([one.value for one in EventType]),
        metavar="TYPE", help="Of this type of event, by the routing key.",
    ),
    click.option("--repo", "repos", multiple=True, help="About this repository."),
    click.option("--user", "users", multiple=True, help="Said by this broker user."),
    click.option("--since", callback=_instant, metavar="TIME", help="Refused then or later."),
    click.option("--until", callback=_instant, metavar="TIME", help="Refused before then."),
)  # fmt: skip
_FORMAT = click.option(
    "--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True
)
_MEANT = (
    click.argument("ids", nargs=-1, metavar="[ID]...", callback=_ids),
    *_FILTERS,
    click.option("--all", "every", is_flag=True, help="All letters, whatever they are."),
    click.option("--yes", is_flag=True, help="Really do it; else it is only said."),
    click.option(
        "--dry-run", is_flag=True, help="Only say what would be done: so it is without --yes."
    ),
    _FORMAT,
)


def _with(options: Sequence[Callable[[_Command], _Command]]) -> Callable[[_Command], _Command]:
    def decorate(command: _Command) -> _Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@click.group()
def dead() -> None:
    """See what was refused and why, and send it to its queue once more.

    Looking takes nothing out. TIME is an instant (2026-03-02T09:30:00Z) or how long ago (2h, 7d).
    """


@dead.command("list")
@_with(_FILTERS)
@click.option(
    "--limit", type=click.IntRange(min=1), default=50, show_default=True, help="Print so many."
)
@_FORMAT
@pass_app
def list_(app: App, /, limit: int, form: str, **filters: Any) -> None:
    """List the dead letters, those refused last at the end."""
    wanted = Wanted(**filters)
    with _opened(app) as pile:
        # Without their bodies: of 20 000 letters these may be gigabytes.
        found = sorted((one.letter for one in pile.letters() if wanted.means(one.letter)), key=_age)
        total, read = pile.total, pile.read
    shown = found[-limit:]
    if form == "json":
        counts = Counter(one.reason.value for one in found)
        told = {"total": total, "read": read, "matched": len(found), "reasons": dict(counts)}
        letters = [lines.document(one) for one in shown]
        click.echo(json.dumps({"version": OUTPUT_VERSION, **told, "letters": letters}, indent=2))
        return
    for text in lines.rows(shown):
        click.echo(text)
    if len(found) > limit:
        click.echo(f"and {len(found) - limit} refused earlier; --limit shows more")
    click.echo(lines.summary(found, total=total, read=read))


@dead.command()
@click.argument("ids", metavar="ID", callback=_ids)
@_FORMAT
@pass_app
def show(app: App, ids: Sequence[str], form: str) -> None:
    """Print one letter: why, whence and when, its headers and what its content tells.

    Values that look like secrets are masked, and what is long is cut.
    """
    wanted = Wanted(ids=ids)
    one: Dead | None = None
    names: Counter[str] = Counter()
    with _opened(app) as pile:
        for each in pile.letters():
            if wanted.means(each.letter):
                one = one or each
                names[each.letter.id] += 1
    if one is None:
        raise click.UsageError(f"there is no letter {ids[0]}")
    if len(names) > 1:
        raise click.UsageError(f"{ids[0]} begins the names of {', '.join(sorted(names))}")
    why, copies = obstacle(one.letter, one.found), names[one.letter.id]
    if form == "json":
        told = lines.full_document(one, obstacle=why, copies=copies)
        click.echo(json.dumps({"version": OUTPUT_VERSION, **told}, indent=2))
    else:
        click.echo(lines.full_text(one, obstacle=why, copies=copies), nl=False)


@dead.command()
@_with(_MEANT)
@pass_app
def replay(app: App, /, yes: bool, dry_run: bool, form: str, **meant: Any) -> int:
    """Send letters once more to the queues that they came from; without --yes say which.

    A letter keeps its id, its sender and its routing key, and passes the same door; replayed twice
    it does no harm. Each replay is told as `message.replayed`. Votes, waivers, outcomes and what
    else a verdict rests on are never replayed.

    Exit status: 0 done, 2 a letter named is not there, 3 the broker did not take each of them.
    """
    from uuid6 import uuid7

    wanted = _meant(meant)
    really = yes and not dry_run
    with _opened(app) as pile:
        fates = doing.replay(
            pile,
            wanted,
            identities=app.settings.identities,
            clock=_now,
            new_id=lambda: str(uuid7()),
            really=really,
        )
        return _told(fates, wanted, verb="replay", form=form, really=really)


@dead.command()
@_with(_MEANT)
@pass_app
def drop(app: App, /, yes: bool, dry_run: bool, form: str, **meant: Any) -> int:
    """Take letters out for good; without --yes say which. Each drop is told as `message.dropped`.

    Exit status: 0 done, 2 a letter named is not there, 3 the broker did not take what tells of it.
    """
    from uuid6 import uuid7

    wanted = _meant(meant)
    really = yes and not dry_run
    with _opened(app) as pile:
        fates = doing.drop(pile, wanted, clock=_now, new_id=lambda: str(uuid7()), really=really)
        return _told(fates, wanted, verb="drop", form=form, really=really)


def _meant(given: dict[str, Any]) -> Wanted:
    every = given.pop("every")
    wanted = Wanted(**given)
    if wanted.everything and not every:
        raise click.UsageError("name letters, or filters, or --all")
    if every and not wanted.everything:
        raise click.UsageError("--all goes with no letter and no filter")
    return wanted


def _told(fates: Iterable[Done], wanted: Wanted, *, verb: str, form: str, really: bool) -> int:
    """Tell what becomes of each letter as it happens; return the exit code."""
    done: list[Done] = []
    ended = False
    try:
        for one in fates:
            done.append(one)
            if form == "text":
                click.echo(lines.done_line(one, verb=verb))
        ended = True
    finally:
        # Also when the broker went away in between: what was done was done.
        if form == "json":
            click.echo(json.dumps(_document(done, really=really), indent=2))
        elif done or ended:
            click.echo(lines.done_summary(done, verb=verb, really=really))
    lacking = [id_ for id_ in wanted.ids if not any(d.letter.id.startswith(id_) for d in done)]
    if lacking:
        by = "" if wanted == Wanted(ids=wanted.ids) else " (that the filters let by)"
        raise click.UsageError(f"there is no letter {', '.join(lacking)}{by}")
    refused = any(one.fate is Fate.REFUSED for one in done)
    return ExitCode.COULD_NOT_EVALUATE if refused else ExitCode.ALLOW


def _document(done: Sequence[Done], *, really: bool) -> dict[str, Any]:
    counts = Counter(one.fate.value for one in done)
    return {
        "version": OUTPUT_VERSION,
        "dry_run": not really,
        **{fate.value: counts[fate.value] for fate in Fate},
        "letters": [
            {**lines.document(one.letter), "fate": one.fate.value, "why": lines.said(one.why)}
            for one in done
        ],
    }


def _opened(app: App) -> Pile:
    from devsecops_eda.broker import address_of

    broker = app.settings.broker
    return Pile.open(address_of(broker), timeout_s=broker.connect_timeout_s)


def _age(letter: Letter) -> tuple[bool, datetime, str]:
    # What stands there without a time is older than everything that has one.
    return letter.last is not None, letter.last or datetime.min.replace(tzinfo=UTC), letter.id


def _now() -> datetime:
    return datetime.now(UTC)
