"""What the doctor says: one finding after the other, and how to mend each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How it stands with one thing. What could not be looked at is neither well nor broken."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    NOT_CHECKED = "not_checked"


CHECKS = {
    "versions": "this program, Python and RabbitMQ in versions that go together",
    "protection": "what the broker's version does not protect",
    "broker": "RabbitMQ takes messages: no alarm, and nothing secret in the clear",
    "queues": "exchanges and queues stand with the arguments that the promise rests on",
    "bindings": "every event reaches the queues that want it",
    "consumers": "somebody works on each queue; what the policy requires first",
    "dead letters": "nothing was refused that nobody has looked at",
    "consumer timeout": "the broker waits longer than the longest scan",
    "permissions": "each user may do what its role needs, and no more",
    "clock": "this machine's clock goes with the broker's and the database's",
    "policy": "the policy can be read, and asks for nothing that nobody answers",
    "people": "those whom the policy asks can vote",
    "repositories": "what git needs to fetch them",
    "ledger": "the gate's memory can be reached and has the tables of this release",
    "evidence": "the store of reports takes and gives",
    "state": "the state folder can be used and has room",
    "configuration": "no secret lies in a file that everybody can read",
    "sandbox": "scanners are kept apart from this machine",
    "scanners": "the scanners are here, in the tested versions",
    "data": "vulnerability data and rules are there and young enough",
}
"""Every check by its name, and what is well when it says so."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One sentence on one thing; ``mend`` says what to do, "" where there is nothing to do."""

    check: str
    state: State
    text: str
    mend: str = ""

    def __post_init__(self) -> None:
        if self.check not in CHECKS:
            raise ValueError(f"there is no check {self.check!r}")
        if self.state in (State.WARN, State.FAIL) and not self.mend:
            raise ValueError("what is wrong says how to mend it")


@dataclass(frozen=True, slots=True)
class Examined:
    """All findings. ``looked`` is False where the broker itself could not be looked at."""

    findings: tuple[Finding, ...]
    looked: bool

    def count(self, state: State) -> int:
        """Return how many findings are in that state."""
        return sum(one.state is state for one in self.findings)


def ok(check: str, text: str) -> Finding:
    """Return that something is well."""
    return Finding(check, State.OK, text)


def warn(check: str, text: str, mend: str) -> Finding:
    """Return that something will hurt one day."""
    return Finding(check, State.WARN, text, mend)


def fail(check: str, text: str, mend: str) -> Finding:
    """Return that something is broken."""
    return Finding(check, State.FAIL, text, mend)


def not_checked(check: str, why: str, mend: str = "") -> Finding:
    """Return that something could not be looked at, and why."""
    return Finding(check, State.NOT_CHECKED, f"not checked: {why}", mend)


def some(names: Iterable[str], *, most: int = 5) -> str:
    """Return names for a sentence, the first few of them."""
    listed = sorted(names)
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return ", ".join(listed[:most]) + more
