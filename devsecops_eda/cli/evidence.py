"""`devsecops-eda evidence`: clearing up the store of reports, on the gate's host."""

from __future__ import annotations

import json
from collections.abc import Iterable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import click

from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.errors import ConfigurationError

if TYPE_CHECKING:
    from devsecops_eda.evidence import Kept
    from devsecops_eda.ledger import Ledger

OUTPUT_VERSION = 1
"""Grows when a field of the JSON output changes its meaning or goes."""


@click.group()
def evidence() -> None:
    """Clear up the store of reports, on the gate's host."""


@evidence.command()
@click.option("--apply", is_flag=True, help="Remove it; else it is only counted.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_app
def prune(app: App, apply: bool, form: str) -> None:
    """Remove reports that are older than `gate.retention` and that the ledger names nowhere.

    What a decision rests on is named as long as the ledger keeps the decision.
    """
    from devsecops_eda.evidence import open_evidence
    from devsecops_eda.ledger import open_ledger

    settings = app.settings
    store = open_evidence(settings.evidence_url)
    before = datetime.now(UTC) - timedelta(seconds=settings.gate.retention_s)
    with closing(open_ledger(settings.gate.database, existing=True)) as ledger:
        loose = unnamed(store.old(before), ledger)
    if apply:
        loose = [kept for kept in loose if store.remove(kept, before)]
    size = sum(kept.size for kept in loose)
    if form == "json":
        document = {
            "version": OUTPUT_VERSION,
            "before": before.isoformat(),
            "removed": apply,
            "reports": len(loose),
            "bytes": size,
        }
        click.echo(json.dumps(document, indent=2))
        return
    what = "removed" if apply else "would be removed; --apply removes them"
    click.echo(
        f"{len(loose)} reports ({size / 1e6:.1f} MB) from before {before:%Y-%m-%d} that the"
        f" ledger names nowhere: {what}"
    )


def unnamed(old: Iterable[Kept], ledger: Ledger) -> list[Kept]:
    """Return those of ``old`` that ``ledger`` names nowhere.

    Raises:
        ConfigurationError: the ledger is empty; whose evidence is this?
        UnavailableError: ledger or store is away.
    """
    with ledger.reading() as records:
        if not records.naming.anything():
            raise ConfigurationError(
                "the ledger holds no event at all: is gate.database the one of the gate that"
                " reads this evidence?"
            )
    loose = {kept.place: kept for kept in old}
    places = {kept.digest: kept.place for kept in loose.values() if kept.digest}
    after, going = None, bool(places)
    while going:
        # A page at a time: one long look would keep the ledger's journal from being cleared.
        with ledger.reading() as records:
            named = records.naming.digests(after=after)
        for digest in named.digests & places.keys():
            loose.pop(places.pop(digest))
        after = named.next
        going = after is not None and bool(places)
    return list(loose.values())
