"""What a SARIF run says of how it went: its invocation, and what could not be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from urllib.parse import quote

from devsecops_eda.model import Gap, Outcome, OutcomeStatus
from devsecops_eda.reports.machine import Json
from devsecops_eda.reports.plain import sentence
from devsecops_eda.reports.result import Lack

ROOT = "SRCROOT"
DESCRIPTORS = tuple(
    {
        "id": id_,
        "shortDescription": {"text": short},
        "fullDescription": {"text": full},
        "help": {"text": full},
    }
    for id_, short, full in (
        (
            "gap",
            "A file was not looked at.",
            "The check ought to have looked at this file and could not.",
        ),
        (
            "failure",
            "The check has no verdict.",
            "The check could not be carried out: no result does not mean no finding.",
        ),
        (
            "incomplete",
            "The log is incomplete.",
            "There are findings that could not be read: no result does not mean no finding.",
        ),
    )
)
"""What the notifications of a run can be about."""


def invocation(outcome: Outcome, lacks: Sequence[Lack]) -> Json:
    """Return how the run of one check went; with a lack it was not successful."""
    completed = outcome.status is OutcomeStatus.COMPLETED and not lacks
    notifications = [_gap(gap) for gap in outcome.coverage.gaps]
    if outcome.failure:
        why = f"{outcome.failure.reason.value}: {outcome.failure.detail}"
        notifications.append(_notification("failure", "error", why))
    notifications += [_lack(lack) for lack in lacks]
    said: Json = {
        "executionSuccessful": completed,
        "toolExecutionNotifications": notifications,
        "properties": {
            "applicable": outcome.applicable,
            "eligibleFiles": outcome.coverage.eligible,
            "scannedFiles": outcome.coverage.scanned,
        },
    }
    for name, time in (("startTimeUtc", outcome.started_at), ("endTimeUtc", outcome.finished_at)):
        if time:
            said[name] = utc(time)
    return said


def incomplete(lacks: Sequence[Lack]) -> Json:
    """Return an invocation of ours that was not successful: something belongs into this log."""
    return {
        "executionSuccessful": False,
        "toolExecutionNotifications": [_lack(lack) for lack in lacks],
    }


def _lack(lack: Lack) -> Json:
    return _notification("incomplete", "error", f"this log is incomplete: {lack.reason}")


def _gap(gap: Gap) -> Json:
    notification = _notification("gap", "warning", f"not looked at: {gap.reason}")
    if gap.path:
        notification["locations"] = [{"physicalLocation": {"artifactLocation": location(gap.path)}}]
    return notification


def _notification(id_: str, level: str, said: str) -> Json:
    return {"descriptor": {"id": id_}, "level": level, "message": {"text": text(said)}}


def location(path: str) -> Json:
    """Return the location of a file below ``SRCROOT``."""
    # A name that is no UTF-8 reaches us with its bytes as lone surrogates.
    uri = quote(path.encode("utf-8", "surrogateescape"), safe="/")
    return {"uri": uri, "uriBaseId": ROOT}


def text(given: str) -> str:
    """Return a message of one line in which a reader makes no link out of foreign words.

    SARIF 3.11.6: ``[text](target)`` in a plain text message is a link.
    """
    return sentence(given, 2000).replace("](", "] (")


def utc(time: datetime) -> str:
    """Return an instant as SARIF writes it."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
