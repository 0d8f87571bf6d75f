"""What `emit`, `wait`, `rescan` and `ci` share: connecting, and what they print."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import FrameType
from typing import TYPE_CHECKING, Any, TypeVar

import click
import durationpy

from devsecops_eda.cli.exit_codes import ExitCode, of_verdict
from devsecops_eda.cli.hearing import line_of, override_line
from devsecops_eda.cli.output import colours
from devsecops_eda.errors import BrokerUnreachableError
from devsecops_eda.model import ApprovalRequested, Decision, Event, OverrideTold, Verdict
from devsecops_eda.reports import plain, render_decision
from devsecops_eda.reports.machine import decision_document, written
from devsecops_eda.waiting import Patience

if TYPE_CHECKING:
    from devsecops_eda.cli.context import App
    from devsecops_eda.client import Client, Overrides

Handler = signal.Handlers | Callable[[int, FrameType | None], Any] | int
T = TypeVar("T")

OUTPUT_VERSION = 1
MAX_WAIT_S = 7 * 24 * 3600

_OF_A_GATE = (Decision, ApprovalRequested, OverrideTold)
"""What a gate says of itself before it decides."""


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
        # Where a CI system traces its jobs, ours is a part of that.
        traceparent=app.environ.get("TRACEPARENT"),
    )
    with client:
        yield client


class _GoneByError(Exception):
    """An override of what is pending is in force, and whoever waits goes by it."""


@dataclass
class Conversation:
    """What one command tells, hears and prints. Text: as it comes. JSON: once, at the end.

    With ``accept_override`` an override of the decision that is in force makes the exit code 0.
    """

    form: str
    flow: str
    repo: str
    gate: str
    event_id: str | None = None
    subject: str | None = None
    environment: str | None = None
    accept_override: bool = False
    pending: Decision | None = field(default=None, init=False)
    said_at: float = field(default_factory=time.monotonic, init=False)
    overrides: Overrides = field(init=False)
    _said: set[str] = field(default_factory=set, init=False)
    _heard: bool = field(default=False, init=False)
    _speaks: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        from devsecops_eda.client import Overrides

        self.overrides = Overrides()

    def begin(self, about: str) -> None:
        """Say at once which flow this is: it goes on when we do not."""
        # JSON on standard output is one document; whoever reads a log wants to know now.
        to_stderr = self.form == "json"
        where = f" for {plain(self.environment)}" if self.environment else ""
        click.echo(
            f"flow {self.flow}  {plain(about)}{where}  gate {plain(self.gate)}", err=to_stderr
        )

    def hear(self, event: Event) -> None:
        """Say on standard error what an event of the flow means for who waits, once."""
        self._heard = True
        self.overrides.hear(event)
        decision = event.data
        if isinstance(decision, _OF_A_GATE) and decision.gate == self.gate:
            self._speaks = True
        if isinstance(decision, Decision) and decision.verdict is Verdict.PENDING:
            # Another gate of the flow, or this one about another environment, is not asked.
            if (decision.gate, decision.environment) != (self.gate, self.environment):
                return
            self.pending = decision
        line = line_of(event, gate=self.gate, subject=self.subject)
        if line is not None and line not in self._said:
            self._said.add(line)
            self.said_at = time.monotonic()
            click.echo(line, err=True)
        if self.accept_override and self._override_of(self.pending):
            # Nobody waits for votes that an override is there to do without.
            raise _GoneByError

    def decided(self, ask: Callable[[], Decision | None]) -> Decision | None:
        """Return what ``ask`` does, None where it is pending and an override is gone by."""
        try:
            return ask()
        except _GoneByError:
            return None

    def end(self, decision: Decision | None) -> ExitCode:
        """Print the decision, or how far it is, and return the exit code."""
        shown = decision or self.pending
        override = self._override_of(shown)
        if self.form == "json":
            click.echo(written(self._document("waited", shown, override)), nl=False)
        elif shown is not None:
            click.echo(render_decision(shown, colour=colours()), nl=False)
            # Whoever breaks the glass over it, or looks it up on the gate's host, names it.
            click.echo(f"  decision {shown.id}")
        if override is not None:
            told = override_line(override)
            accepted = "" if self.accept_override else " (--accept-override goes by it)"
            click.echo(f"{told}{accepted}", err=self.form == "json")
            if self.accept_override:
                return ExitCode.ALLOW
        if decision is None and self._speaks:
            self.hint("still pending")
        elif decision is None and self._heard:
            self.hint(
                f"still pending, and the gate has said nothing of {plain(self.gate)} (is there such"
                " a gate, and does this event ask it? is the gate running?)"
            )
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
            click.echo(written(self._document(status, None, None)), nl=False)
        else:
            click.echo(f"{status} {self.event_id}")
        return ExitCode.ALLOW

    def hint(self, why: str, *, then: str = "the flow goes on") -> None:
        """Say how to go on waiting."""
        where = f" --environment {plain(self.environment)}" if self.environment else ""
        click.echo(
            f"{why}; {then}: devsecops-eda wait --repo {plain(self.repo)}"
            f" --gate {plain(self.gate)}{where} --flow {self.flow}",
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
        """Say on Ctrl-C and SIGTERM that only the waiting ends."""
        before = _interrupting(signal.SIGTERM)
        try:
            yield
        except KeyboardInterrupt:
            self.hint("interrupted")
            raise
        finally:
            if before is not None:
                signal.signal(signal.SIGTERM, before)

    def _override_of(self, decision: Decision | None) -> OverrideTold | None:
        return self.overrides.active(decision, now=datetime.now(UTC)) if decision else None

    def _document(
        self, status: str, decision: Decision | None, override: OverrideTold | None
    ) -> dict[str, Any]:
        return {
            "version": OUTPUT_VERSION,
            "status": status,
            "flow": self.flow,
            "event": self.event_id,
            "verdict": decision.verdict.value if decision else None,
            "decision": decision_document(decision) if decision else None,
            "override": _override(override) if override else None,
        }


def _override(told: OverrideTold) -> dict[str, Any]:
    return {
        "id": told.override,
        "state": told.state.value,
        "actor": told.actor,
        "reason": told.reason,
        "incident": told.incident,
        "expires_at": told.expires_at.isoformat().replace("+00:00", "Z"),
    }


def _interrupting(number: signal.Signals) -> Handler | None:
    """Let a signal do what Ctrl-C does, and return what it did before; None in another thread."""
    if threading.current_thread() is not threading.main_thread():
        return None

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    return signal.signal(number, interrupt)
