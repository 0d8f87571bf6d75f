"""From an event to the outcome of one check: what the worker and the in-process bus share."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Protocol

from devsecops_eda import sandbox
from devsecops_eda.checks import Check, CheckSettings, Inputs, Plan, Report, Scanner, Selection
from devsecops_eda.checks.commit import Commit
from devsecops_eda.errors import CheckError, ConfigurationError, FailureReason
from devsecops_eda.model import CommitFacts, Coverage, Outcome, Subject, Tool
from devsecops_eda.scanners import bind_paths, environment, program
from devsecops_eda.scanning.absent import absent
from devsecops_eda.scanning.assignment import Assignment
from devsecops_eda.scanning.phases import Phases
from devsecops_eda.scanning.place import Place, workplace
from devsecops_eda.scanning.quoting import without_what_it_read
from devsecops_eda.scanning.shaping import completed, coverage_of, failed, told, tool_name
from devsecops_eda.settings import Settings
from devsecops_eda.workspace import ScanTree, git_version

LOG = logging.getLogger(__name__)


SCANNER_PHASE = "scanner"
"""The phase in which the scanner itself runs; all others are ours."""


class Source(Protocol):
    """Where trees and commit facts come from: a mirror of ours, or the checkout on a laptop."""

    def gather(
        self, subject: Subject, *, ref: str | None, target: str | None
    ) -> CommitFacts | None:
        """Return what git says about the subject and its merge base with ``target``.

        None where git has nothing to say: a plain folder.
        """
        ...

    def export(self, subject: Subject, *, ref: str | None, into: Path) -> ScanTree:
        """Write the scan tree of the subject below ``into``."""
        ...


class Scanning:
    """Carries out one check. Safe to use from several threads at once."""

    def __init__(
        self,
        settings: Settings,
        source: Source,
        *,
        work: Path,
        clock: Callable[[], datetime],
        stop: threading.Event | None = None,
        phases: Phases | None = None,
    ) -> None:
        """Take where trees come from and ``work``, the folder for what lives as long as a scan.

        Setting ``stop`` ends the scanners that run; ``phases`` is told how long what took.
        """
        self._phases = phases or Phases()
        self._stop = stop
        self._settings = settings
        self._source = source
        self._work = work
        self._clock = clock

    def outcome(self, check: Check, task: Assignment) -> Outcome:
        """Return the outcome of ``check``: facts, or a failure that says why there are none.

        Raises:
            TransientError: git server or evidence store is away; the same call may work later.
        """
        started = self._clock()
        try:
            made = self._completed(check, task)
        except CheckError as error:
            LOG.warning(
                "%s has no verdict on %s: %s: %s",
                check.name,
                task.subject,
                error.reason.value,
                error.detail,
                extra={"action": "scan_failed"},
            )
            made = failed(task, error.reason, error.detail, tool=tool_name(check))
        except ConfigurationError as error:
            made = failed(task, FailureReason.MISCONFIGURED, str(error), tool=tool_name(check))
        return replace(made, started_at=started, finished_at=self._clock(), attempts=task.attempts)

    def _completed(self, check: Check, task: Assignment) -> Outcome:
        if isinstance(check, Scanner):
            return self._scan(check, task)
        facts = self._source.gather(task.subject, ref=task.ref, target=task.target)
        if facts is None:
            return completed(task, tool=Tool("git", ""), coverage=Coverage(0, 0), applicable=False)
        report = Commit().report(facts, version=git_version())
        return completed(task, tool=report.tool, coverage=report.coverage, commit=report.facts)

    def _scan(self, check: Scanner, task: Assignment) -> Outcome:
        settings = self._settings.checks.get(check.name, CheckSettings(check.name))
        with workplace(self._work) as place:
            with self._phases.of(check.name, "tree"):
                tree = self._source.export(task.subject, ref=task.ref, into=place.folder("tree"))
            with self._phases.of(check.name, "select"):
                selection = _selection(check, tree, settings)
            if not selection.eligible and not selection.gaps:
                return completed(
                    task,
                    tool=Tool(check.tool, ""),
                    coverage=Coverage(0, 0, left_out=len(tree.left_out)),
                    applicable=False,
                )
            inputs = check.inputs(settings, now=self._clock())
            if not selection.eligible:
                coverage = coverage_of(selection, frozenset(), (), tree)
                return completed(task, tool=Tool(check.tool, ""), coverage=coverage, inputs=inputs)
            plan = self._plan(check, settings, tree, selection, inputs, place)
            done = self._run(check, plan)
            with self._phases.of(check.name, "findings"):
                report = _parsed(check, done, plan)
                return told(check, task, tree, selection, inputs, plan, report)

    def _plan(
        self,
        check: Scanner,
        settings: CheckSettings,
        tree: ScanTree,
        selection: Selection,
        inputs: Inputs,
        place: Place,
    ) -> Plan:
        return Plan(
            program=program(check.tool, state_dir=self._settings.state_dir),
            tree=tree.root,
            names={path: tree.names[path] for path in selection.eligible if path in tree.names},
            generated=place.write("generated", selection.generated),
            inputs=place.write("inputs", inputs.files),
            folders=inputs.folders,
            empty=place.folder("empty"),
            settings=settings,
        )

    def _run(self, check: Scanner, plan: Plan) -> sandbox.Completed:
        settings = plan.settings
        with self._phases.of(check.name, SCANNER_PHASE):
            return sandbox.run(
                check.command(plan),
                mode=self._settings.sandbox,
                limits=sandbox.Limits(
                    timeout_s=settings.timeout_s,
                    memory_bytes=settings.memory_bytes,
                    output_bytes=settings.output_bytes,
                ),
                read_only=(
                    plan.tree,
                    plan.generated,
                    plan.inputs,
                    *plan.folders.values(),
                    *bind_paths(check.tool, state_dir=self._settings.state_dir),
                ),
                cwd=plan.empty,
                env=environment(check.tool, state_dir=self._settings.state_dir),
                stop=self._stop,
            )


def _parsed(check: Scanner, done: sandbox.Completed, plan: Plan) -> Report:
    try:
        return check.parse(done.stdout, plan)
    except CheckError as error:
        # The scanner's own words help, but they are hostile input, and may quote what it read.
        LOG.warning(
            "%s exited with %d: %r",
            check.tool,
            done.returncode,
            without_what_it_read(done.stderr, _read_by(plan)),
            extra={"action": "bad_output"},
        )
        raise CheckError(
            error.reason, f"{error.detail} ({check.tool} exited with {done.returncode})"
        ) from error


def _read_by(plan: Plan) -> Iterator[bytes]:
    for folder in (plan.tree, plan.generated):
        yield from (path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def _selection(check: Scanner, tree: ScanTree, settings: CheckSettings) -> Selection:
    selection = check.select(tree, settings)
    return replace(selection, gaps=(*selection.gaps, *absent(check, tree, settings)))
