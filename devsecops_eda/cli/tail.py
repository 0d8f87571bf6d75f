"""`devsecops-eda events tail`: what is said on the exchange, as it is said."""

from __future__ import annotations

import json
import math
import sys
from typing import TYPE_CHECKING

import click

from devsecops_eda.cli.context import App, pass_app
from devsecops_eda.errors import InvalidEventError
from devsecops_eda.model import Decision, Event, Outcome
from devsecops_eda.reports import plain, sentence
from devsecops_eda.topology import MAX_KEY_BYTES, Identities

if TYPE_CHECKING:
    from devsecops_eda.broker import Incoming

OUTPUT_VERSION = 1
MAX_BEHIND = 10_000
"""As many events the broker keeps for us while we do not read; then the oldest go."""
_EXPIRES_S = 300.0
_LOOK_S = 60.0


@click.command()
@click.argument("keys", metavar="[KEY]...", nargs=-1)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option("--count", type=click.IntRange(min=1), help="End after so many events.")
@pass_app
def tail(app: App, keys: tuple[str, ...], form: str, count: int | None) -> None:
    """Print events as they come, from now on, until Ctrl-C.

    KEY is a binding key of the events exchange (default "#", all): `scan.#`,
    `decision.made.*.prod.deny.#`. JSON is one document per line. What the door would refuse is
    printed too, with the reason.
    """
    from uuid6 import uuid7

    from devsecops_eda.broker import Deadline, address_of
    from devsecops_eda.client.replies import ReplyQueue

    for key in keys:
        if len(key.encode()) > MAX_KEY_BYTES:
            raise click.UsageError(f"a key has at most {MAX_KEY_BYTES} bytes")
    settings = app.settings
    replies = ReplyQueue(
        address_of(settings.broker),
        keys=keys or ("#",),
        flow=str(uuid7()),
        expires_s=_EXPIRES_S,
        deadline=Deadline.after(math.inf),
        max_length=MAX_BEHIND,
    )
    with replies:
        click.echo("listening", err=True)
        seen = 0
        while count is None or seen < count:
            message = replies.take(Deadline.after(_LOOK_S))
            if message is not None:
                seen += 1
                click.echo(_line(message, form, settings.identities))
                # A reader behind a pipe wants it now.
                sys.stdout.flush()


def _line(message: Incoming, form: str, identities: Identities) -> str:
    from devsecops_eda.client.replies import delivery_of
    from devsecops_eda.codec import open_door

    event, refused = None, None
    try:
        event = open_door(delivery_of(message), identities=identities)
    except InvalidEventError as error:
        refused = error
    if form == "text":
        user = plain(message.properties.user_id or "-")
        if event is None:
            return f"refused {plain(message.key)} by {user}: {sentence(str(refused))}"
        return f"{event.time:%H:%M:%S} {_sentence(event)}  flow {event.correlationid}  by {user}"
    document = {
        "version": OUTPUT_VERSION,
        "key": message.key,
        "user": message.properties.user_id,
        "event": _document(message, event),
        "refused": refused and {"reason": refused.reason.value, "detail": refused.detail},
    }
    return json.dumps(document)


def _document(message: Incoming, event: Event | None) -> object:
    from devsecops_eda.codec import encode

    return None if event is None else json.loads(encode(event))


def _sentence(event: Event) -> str:
    words = [event.type.value, plain(event.subject)]
    match event.data:
        case Outcome() as outcome:
            count = len(outcome.findings)
            found = f"{count} finding" + ("" if count == 1 else "s")
            failure = outcome.failure.reason.value if outcome.failure else None
            words += [plain(outcome.check), failure or found]
        case Decision() as decision:
            words += [plain(decision.gate), decision.verdict.value]
    return " ".join(words)
