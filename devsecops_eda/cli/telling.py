"""What `emit`, `wait` and `rescan` share: their options, and what they print."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

import click
import durationpy

from devsecops_eda.cli.exit_codes import ExitCode, of_verdict
from devsecops_eda.cli.output import colours
from devsecops_eda.errors import BrokerUnreachableError
from devsecops_eda.model import Decision, Event, Outcome, Verdict
from devsecops_eda.reports import plain, render_decision, sentence
from devsecops_eda.reports.machine import decision_document, written
from devsecops_eda.waiting import Patience

if TYPE_CHECKING:
    from devsecops_eda.cli.context import App
    from devsecops_eda.client import Client

T = TypeVar("T")

OUTPUT_VERSION = 1
MAX_WAIT_S = 7 * 24 * 3600


def seconds_of(ctx: click.Context, param: click.Parameter, value: str | None) -> float | None:
    """Return a span of time, ``90s``, ``15m`` or ``1h30m``, in seconds."""
    if value is None:
        return None
    try:
        seconds = float(durationpy.from_str(value).total_seconds())
    except (durationpy.DurationError, OverflowError) as error:
        raise click.BadParameter(
            f"{value!r} is no duration; write it like 90s, 15m or 1h30m", ctx, param
        ) from error
    if not 0 < seconds <= MAX_WAIT_S:
        raise click.BadParameter(f"{value!r} is not above zero and at most 168h", ctx, param)
    return seconds


@contextmanager
def connected(app: App) -> Iterator[Client]:
    """Give a client for the configured broker; it believes whom the configuration names."""
    from devsecops_eda.client import Client

    settings = app.settings
    client = Client(
        settings.broker.url,
        ca_file=settings.broker.ca_file,
        identities=settings.identities,
        spool=settings.state_dir / "spool",
    )
    with client:
        yield client


@dataclass
class Conversation:
    """What one command tells, hears and prints. Text: as it comes. JSON: once, at the end."""

    form: str
    flow: str
    repo: str
    gate: str
    event_id: str | None = None
    subject: str | None = None
    pending: Decision | None = field(default=None, init=False)
    _heard: bool = field(default=False, init=False)

    def begin(self, about: str) -> None:
        """Say at once which flow this is: it goes on when we do not."""
        # JSON on standard output is one document; whoever reads a log wants to know now.
        to_stderr = self.form == "json"
        click.echo(f"flow {self.flow}  {plain(about)}  gate {plain(self.gate)}", err=to_stderr)

    def hear(self, event: Event) -> None:
        """Say on standard error what an event of the flow means for who waits."""
        self._heard = True
        if isinstance(event.data, Outcome):
            # What the gate compares with is scanned in the same flow.
            other = self.subject is not None and event.subject != self.subject
            click.echo(_progress(event.data, base=event.subject if other else None), err=True)
        elif isinstance(event.data, Decision) and event.data.verdict is Verdict.PENDING:
            if self.pending is None and event.data.gate == self.gate:
                click.echo(f"  {plain(self.gate)}: pending", err=True)
            if event.data.gate == self.gate:
                self.pending = event.data

    def end(self, decision: Decision | None) -> ExitCode:
        """Print the decision, or how far it is, and return the exit code."""
        shown = decision or self.pending
        if self.form == "json":
            click.echo(written(self._document("waited", shown)), nl=False)
        elif shown is not None:
            click.echo(render_decision(shown, colour=colours()), nl=False)
        if decision is None and self._heard:
            self.hint("still pending")
        elif decision is None:
            self.hint(
                "still pending, and nothing was heard of this flow (is the gate running? was this"
                " commit told, with the same --branch and --target?)",
                then="to wait again",
            )
        return of_verdict(decision.verdict if decision else None)

    def told(self, status: str) -> ExitCode:
        """Print what became of an event nobody waits for: published or spooled."""
        if self.form == "json":
            click.echo(written(self._document(status, None)), nl=False)
        else:
            click.echo(f"{status} {self.event_id}")
        return ExitCode.ALLOW

    def hint(self, why: str, *, then: str = "the flow goes on") -> None:
        """Say how to go on waiting."""
        click.echo(
            f"{why}; {then}: devsecops-eda wait --repo {plain(self.repo)}"
            f" --gate {plain(self.gate)} --flow {self.flow}",
            err=True,
        )

    def reaching(self, act: Callable[[], T], timeout_s: float) -> T:
        """Return ``act()``, tried again for ``timeout_s`` seconds while there is no broker.

        Raises:
            BrokerUnreachableError: there was none all the time, or it was lost later.
        """
        said = False

        def attempt() -> T:
            nonlocal said
            try:
                return act()
            except BrokerUnreachableError as error:
                if not said:
                    click.echo(f"{plain(str(error))}: trying for {timeout_s:g} s", err=True)
                said = True
                raise

        return Patience(timeout_s).wait_out(
            attempt, what="the broker", errors=BrokerUnreachableError
        )

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Say on Ctrl-C that only the waiting ends."""
        try:
            yield
        except KeyboardInterrupt:
            self.hint("interrupted")
            raise

    def _document(self, status: str, decision: Decision | None) -> dict[str, Any]:
        return {
            "version": OUTPUT_VERSION,
            "status": status,
            "flow": self.flow,
            "event": self.event_id,
            "verdict": decision.verdict.value if decision else None,
            "decision": decision_document(decision) if decision else None,
        }


def _progress(outcome: Outcome, *, base: str | None = None) -> str:
    name = f"  {plain(outcome.check)}"
    if base is not None:
        name += f" on {plain(base.rpartition('@')[2][:12])}, to compare with"
    if outcome.failure is not None:
        failure = outcome.failure
        return f"{name}: no verdict: {failure.reason.value}: {sentence(failure.detail)}"
    if not outcome.applicable:
        return f"{name}: nothing to look at"
    counts = ", ".join(f"{count} {word}" for word, count in outcome.counts().items() if count)
    return f"{name}: {counts or 'no findings'}"
