"""From an event to the event that answers it, whatever goes wrong on the way."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime

from devsecops_eda.checks import Check
from devsecops_eda.errors import CheckError, FailureReason, TransientError
from devsecops_eda.evidence import Evidence
from devsecops_eda.model import Event, Identity, Outcome
from devsecops_eda.scanning.assignment import Assignment, assignment
from devsecops_eda.scanning.core import Scanning
from devsecops_eda.scanning.shaping import failed, tool_name
from devsecops_eda.scanning.telling import outcome_event
from devsecops_eda.waiting import Patience

LOG = logging.getLogger(__name__)


class Answering:
    """One check with everything it needs to answer. Safe to use from several threads."""

    def __init__(
        self,
        check: Check,
        scanning: Scanning,
        *,
        evidence: Evidence,
        clock: Callable[[], datetime],
        wait_s: float,
        max_attempts: int,
    ) -> None:
        """Take the check, and for how many seconds what is away is waited out in place."""
        self._check = check
        self._scanning = scanning
        self._evidence = evidence
        self._clock = clock
        self._wait_s = wait_s
        self._max_attempts = max_attempts

    @property
    def check(self) -> str:
        """Return the name of the check."""
        return self._check.name

    def answer(self, event: Event, *, user: str, attempts: int = 1) -> Event:
        """Return the terminal event of this check on ``event``. Raises nothing.

        ``user`` is who said the event; ``attempts`` counts this one. After ``max_attempts`` the
        scanner is not run again: who kills his worker each time shall not do it for ever.
        """
        task = assignment(event, self._check.name, attempts=attempts)
        identity = Identity(user, event.source, event.id)
        # Shared: were git and the evidence store each given all of it, the broker's consumer
        # timeout would strike before the answer is there.
        patience = Patience(self._wait_s)
        try:
            return self._told(self._outcome(task, patience), task, identity, patience)
        except CheckError as error:
            reason, detail = error.reason, error.detail
        except TransientError as error:
            reason, detail = FailureReason.UNAVAILABLE, str(error)
        except Exception as error:
            # One of the two edges where everything is caught: a bug of ours is told as no
            # verdict, which keeps the gate closed, and not as a dead letter.
            LOG.exception("%s failed", self._check.name, extra={"action": "check_failed"})
            reason, detail = (
                FailureReason.INTERNAL,
                f"the check itself failed: {type(error).__name__}",
            )
        return self._told(self._failed(task, reason, detail), task, identity, Patience(0))

    def _outcome(self, task: Assignment, patience: Patience) -> Outcome:
        if task.attempts > self._max_attempts:
            died = task.attempts - 1
            return self._failed(
                task,
                FailureReason.CRASHED,
                f"not done in {died} tries: the worker died, or could not tell its outcome",
            )
        return patience.wait_out(
            lambda: self._scanning.outcome(self._check, task),
            what=f"{self._check.name} on {task.subject}",
        )

    def _told(
        self, outcome: Outcome, task: Assignment, identity: Identity, patience: Patience
    ) -> Event:
        return patience.wait_out(
            lambda: outcome_event(
                outcome,
                cause=task.cause,
                identity=identity,
                evidence=self._evidence,
                now=self._clock(),
            ),
            what="the evidence store",
        )

    def _failed(self, task: Assignment, reason: FailureReason, detail: str) -> Outcome:
        return failed(task, reason, detail, tool=tool_name(self._check))
