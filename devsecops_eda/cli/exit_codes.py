"""What the programs' exit codes mean: an interface, so one table."""

from __future__ import annotations

from enum import IntEnum

from devsecops_eda.errors import (
    ConfigurationError,
    DevSecOpsError,
    InvalidEventError,
    NotAuthorisedError,
)
from devsecops_eda.model import Verdict


class ExitCode(IntEnum):
    """How a command ended."""

    ALLOW = 0
    DENY = 1
    USAGE = 2
    COULD_NOT_EVALUATE = 3
    NOT_AUTHORISED = 4
    PENDING = 8
    INTERRUPTED = 130


MEANING = {
    ExitCode.ALLOW: ("allow", "the gate allows; for other commands: done"),
    ExitCode.DENY: ("deny", "the gate denies; what the report names has to be mended"),
    ExitCode.USAGE: ("usage", "the command line, the configuration or the policy is wrong"),
    ExitCode.COULD_NOT_EVALUATE: (
        "could not evaluate",
        "no verdict: a scanner failed, a service is away, an event was not taken",
    ),
    ExitCode.NOT_AUTHORISED: (
        "not authorised",
        "the broker refuses these credentials or rights, or there are none",
    ),
    ExitCode.PENDING: ("still pending", "the time to wait is over and nothing is decided yet"),
    ExitCode.INTERRUPTED: ("interrupted", "Ctrl-C, or SIGTERM while it waits"),
}
"""A name and a sentence for each code."""

_OF_VERDICT = {
    Verdict.ALLOW: ExitCode.ALLOW,
    Verdict.DENY: ExitCode.DENY,
    Verdict.PENDING: ExitCode.PENDING,
    Verdict.ERROR: ExitCode.COULD_NOT_EVALUATE,
}


def of_verdict(verdict: Verdict | None) -> ExitCode:
    """Return the exit code for a decision; None (no decision yet) is still pending."""
    return ExitCode.PENDING if verdict is None else _OF_VERDICT[verdict]


def of_error(error: DevSecOpsError) -> ExitCode:
    """Return the exit code for an error of ours."""
    return code_of(type(error))


def code_of(kind: type[DevSecOpsError]) -> ExitCode:
    """Return the exit code for errors of that class."""
    if issubclass(kind, ConfigurationError | InvalidEventError):
        return ExitCode.USAGE
    if issubclass(kind, NotAuthorisedError):
        return ExitCode.NOT_AUTHORISED
    return ExitCode.COULD_NOT_EVALUATE
