"""Worker and gate with a part played by the test: a slow check, or a death at a chosen point.

Run as ``python -m tests.rig.cast worker CHECK`` or ``… gate``. Everything else is the real thing:
settings, Celery, sandbox, mirror, evidence, ledger, broker.
"""

import argparse
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pika
from celery.signals import celeryd_init

from devsecops_eda.broker import PublishingThread, address_of, outgoing
from devsecops_eda.checks import (
    Check,
    CheckSettings,
    Inputs,
    Plan,
    RawFinding,
    Report,
    Scanner,
    Selection,
    Tree,
)
from devsecops_eda.cli.config import load
from devsecops_eda.ledger import Message
from devsecops_eda.model import CommitFacts, DataVersion, Event, Severity, Subject
from devsecops_eda.model import Gap as Unseen
from devsecops_eda.policy import load_policy
from devsecops_eda.scanning import MirrorSource, the_check
from devsecops_eda.settings import Settings
from devsecops_eda.worker.gate_program import OneConnection, run_gate
from devsecops_eda.worker.refusing import DeadLetter
from devsecops_eda.worker.scan_program import FreshConnections, run_worker
from devsecops_eda.workspace import ScanTree

DATE = "date"
"""The file, in the folder of the check ``dated`` below the state folder, that dates its data."""


class Gap(StrEnum):
    """Where a process can be told to die, once."""

    AFTER_FETCH = "after_fetch"
    AFTER_SCAN = "after_scan"
    BEFORE_CONFIRM = "before_confirm"
    BEFORE_ACK = "before_ack"
    AFTER_COMMIT = "after_commit"


class Death:
    """Dies with signal 9 at one gap, once: the mark in the file system outlives it."""

    def __init__(self, gap: Gap | None, mark: Path | None) -> None:
        self.gap = gap
        self._mark = mark

    def at(self, gap: Gap) -> None:
        """Die here, if here is the place and it did not happen before."""
        if gap is not self.gap or self._mark is None:
            return
        try:
            os.close(os.open(self._mark, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


class Sleepy(Scanner):
    """A scanner that takes a second and finds nothing; it looks at every file."""

    name = "sleepy"
    tool = "semgrep"
    findings = 0
    seconds = "1"

    def __init__(self, death: Death) -> None:
        self._death = death

    def select(self, tree: Tree, settings: CheckSettings | None = None) -> Selection:
        return Selection(tree.paths)

    def inputs(self, settings: CheckSettings, *, now: datetime) -> Inputs:
        return Inputs(rules_digest="sha256:" + "0" * 64)

    def command(self, plan: Plan) -> Sequence[str]:
        return ["/usr/bin/sleep", self.seconds]

    def parse(self, output: bytes, plan: Plan) -> Report:
        self._death.at(Gap.AFTER_SCAN)
        name = next(iter(plan.names.values()))
        found = (
            RawFinding("rule", name, 1, Severity.LOW, f"{number} " + "x" * 500, code=str(number))
            for number in range(self.findings)
        )
        return Report("1.0", tuple(found), scanned=frozenset(plan.names.values()))


class Bulky(Sleepy):
    """Finds so much that its outcome goes to the evidence store."""

    name = "bulky"
    findings = 400
    seconds = "0"


class Swift(Sleepy):
    """Takes no longer than starting it takes."""

    name = "swift"
    seconds = "0"


class Killer(Sleepy):
    """Kills the process that runs it, each time."""

    name = "killer"
    seconds = "0"

    def parse(self, output: bytes, plan: Plan) -> Report:
        os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError("unreachable")


class Dated(Sleepy):
    """Finds two things, cannot look at a third, and looks with data that a file dates."""

    name = "dated"
    findings = 2

    def select(self, tree: Tree, settings: CheckSettings | None = None) -> Selection:
        return Selection(tree.paths, (Unseen("elsewhere", "it lies elsewhere"),))

    def inputs(self, settings: CheckSettings, *, now: datetime) -> Inputs:
        assert settings.database is not None
        date = datetime.fromisoformat((settings.database / DATE).read_text())
        return Inputs("sha256:" + "0" * 64, DataVersion("sha256:" + "1" * 64, date))


class DyingSource(MirrorSource):
    """A mirror whose process may die with the tree just written."""

    def __init__(self, settings: Settings, death: Death) -> None:
        super().__init__(settings)
        self._death = death

    def export(self, subject: Subject, *, ref: str | None, into: Path) -> ScanTree:
        tree = super().export(subject, ref=ref, into=into)
        self._death.at(Gap.AFTER_FETCH)
        return tree

    def gather(self, subject: Subject, *, ref: str | None, target: str | None) -> CommitFacts:
        return super().gather(subject, ref=ref, target=target)


class DyingPublisher:
    """Publishes, and may die before it knows, or when it knows and nobody was told."""

    def __init__(self, settings: Settings, death: Death) -> None:
        self._url = settings.broker.url
        self._inner = FreshConnections(address_of(settings.broker))
        self._death = death

    def tell(self, event: Event) -> None:
        if self._death.gap is Gap.BEFORE_CONFIRM:
            self._tell_unconfirmed(event)
            self._death.at(Gap.BEFORE_CONFIRM)
        self._inner.tell(event)
        self._death.at(Gap.BEFORE_ACK)

    def bury(self, letter: DeadLetter) -> None:
        self._inner.bury(letter)

    def _tell_unconfirmed(self, event: Event) -> None:
        message = outgoing(event)
        parameters = pika.URLParameters(self._url)
        user = parameters.credentials.username
        with pika.BlockingConnection(parameters) as connection:
            connection.channel().basic_publish(
                message.exchange,
                message.key,
                message.body,
                pika.BasicProperties(**message.properties, user_id=user),
            )


class DyingSpeaker(OneConnection):
    """A gate that may die with a decision committed and not yet said."""

    death: Death

    def repeat(self, message: Message) -> None:
        if message.key.startswith("decision.made."):
            self.death.at(Gap.AFTER_COMMIT)
        super().repeat(message)


def _check(name: str, death: Death) -> Check:
    parts = {cls.name: cls for cls in (Sleepy, Swift, Bulky, Killer, Dated)}
    return parts[name](death) if name in parts else the_check(name)


def _settings(config: Path, checks: Sequence[str]) -> Settings:
    settings = load(config, os.environ).settings
    folder = settings.state_dir / Dated.name
    given = {name: CheckSettings(name) for name in checks}
    if Dated.name in given:
        given[Dated.name] = CheckSettings(Dated.name, database=folder)
    return replace(settings, checks=given)


def _recycle(conf: Any, **_: Any) -> None:
    conf.worker_max_tasks_per_child = 1


def main(argv: Sequence[str]) -> int:
    """Be a worker or the gate."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--checks", required=True, help="all checks of this site, by comma")
    parser.add_argument("--die", type=Gap)
    parser.add_argument("--mark", type=Path)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--recycle", action="store_true", help="a new pool child for each task")
    parser.add_argument("role", choices=["worker", "gate"])
    parser.add_argument("check", nargs="?")
    given = parser.parse_args(argv)
    logging.basicConfig(level="INFO", format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    settings = _settings(given.config, given.checks.split(","))
    death = Death(given.die, given.mark)
    if given.recycle:
        celeryd_init.connect(_recycle)
    if given.role == "worker":
        return run_worker(
            settings,
            _check(given.check, death),
            slots=given.slots,
            source=DyingSource(settings, death),
            publisher=DyingPublisher(settings, death),
        )
    file = settings.gate.policy
    assert file is not None
    policy = load_policy(file.read_text(), file=str(file), checks=settings.checks)

    def speaker(thread: PublishingThread) -> OneConnection:
        made = DyingSpeaker(thread)
        made.death = death
        return made

    return run_gate(settings, policy, speaker=speaker)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
