"""Scan a checkout or a folder and let the gate decide, in this process."""

from __future__ import annotations

import queue
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from devsecops_eda import codec, sandbox
from devsecops_eda.checks import Check
from devsecops_eda.embedded.bus import USER, Bus
from devsecops_eda.embedded.local import SOURCE, LocalSource
from devsecops_eda.embedded.scratch import scratch_root
from devsecops_eda.errors import InvalidSettingsError
from devsecops_eda.evidence import Evidence, open_evidence
from devsecops_eda.gate import Gate
from devsecops_eda.ledger import Message, open_ledger
from devsecops_eda.model import (
    DEFAULT_GATE,
    Decision,
    DecisionRequested,
    Event,
    EventType,
    Identity,
    Outcome,
    Subject,
    Verdict,
)
from devsecops_eda.policy import COMMIT_CHECK, CheckRule, Policy
from devsecops_eda.predicates import CelEvaluator
from devsecops_eda.reports import Context
from devsecops_eda.scanning import Answering, Phase, Phases, Scanning, the_check
from devsecops_eda.settings import Repository, SandboxMode, Settings
from devsecops_eda.topology import GATE_CHECK, Topology

REMOTE = "origin"
TICK_S = 0.5
STOP_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a scan in this process led to.

    ``outcomes`` are those of the judged subject, one per check, with all their findings.
    ``notes`` are sentences the reader has to know before believing it. ``root`` is where the
    paths of findings lead to on this machine. ``phases`` say where the time went.
    """

    decision: Decision
    outcomes: tuple[Outcome, ...]
    subject: Subject
    root: Path
    notes: tuple[str, ...] = ()
    context: Context = field(default_factory=Context)
    phases: tuple[Phase, ...] = ()


def scan(
    path: Path,
    *,
    settings: Settings,
    policy: Policy,
    gate: str = DEFAULT_GATE,
    base: str | None = None,
    checks: Sequence[str] = (),
    repo: str | None = None,
    on_event: Callable[[Event], None] = lambda event: None,
) -> ScanResult:
    """Scan the checkout or folder at ``path`` and return the gate's decision.

    A clean checkout is judged as its commit, a dirty one or a plain folder as a tree. ``base``
    is the revision it is compared with. ``checks`` are those to run, all configured ones if
    empty. ``repo`` is the repository it is judged as, by the rules that are about that one.
    ``on_event`` sees every event in this thread, as it is published. Nothing is written
    below ``path``; nothing stays behind.

    Raises:
        ConfigurationError: no such folder, an unknown check, a rule folder that cannot be read.
        CheckError: the repository cannot be read (``unknown_revision``).
        KeyboardInterrupt: passed on at once; what ran is ended.
    """
    phases = Phases()
    running = {name: the_check(name) for name in _names(checks, settings)}
    policy, notes = _applicable(policy, running, gate)
    with (
        phases.of("", "total"),
        tempfile.TemporaryDirectory(
            prefix="devsecops-eda-", dir=scratch_root(), ignore_cleanup_errors=True
        ) as folder,
    ):
        work = Path(folder)
        settings, more = _local(settings, work)
        trees = work / "trees"
        with LocalSource(path, base=base, work=trees, phases=phases, repo=repo) as source:
            here = _repository(source.repo, path, settings.repositories.get(source.repo))
            settings = replace(settings, repositories={source.repo: here})
            run = _Run(settings, policy, source, running, gate, work, phases)
            result = run.result(on_event, (*notes, *more))
    return replace(result, phases=tuple(phases.done))


def _names(checks: Sequence[str], settings: Settings) -> tuple[str, ...]:
    """Return the checks to run; what git says is always asked, the others rest on it."""
    if not checks:
        return tuple(settings.checks)
    return tuple(dict.fromkeys((*checks, COMMIT_CHECK)))


def _applicable(
    policy: Policy, checks: Collection[str], gate: str
) -> tuple[Policy, tuple[str, ...]]:
    """Return the rules that can be judged here, and what to say of the others of ``gate``.

    People, windows and other gates are a matter of an installation: nobody votes here.
    """
    rules = tuple(
        rule for rule in policy.rules if isinstance(rule, CheckRule) and rule.check in checks
    )
    left = [rule for rule in policy.rules_of(gate) if rule not in rules]
    # A gate that is unknown is a matter of the decision.
    if not rules or (left and len(left) == len(policy.rules_of(gate))):
        raise InvalidSettingsError(
            f"no rule of the gate {gate} is about the checks that were chosen"
        )
    unrun = [rule.id for rule in left if isinstance(rule, CheckRule)]
    beyond = [f"{rule.id} ({rule.kind})" for rule in left if not isinstance(rule, CheckRule)]
    notes = []
    if unrun:
        notes.append(f"Not judged, because their checks were not run: {', '.join(unrun)}.")
    if beyond:
        notes.append(f"Not judged in a local scan, only by a gate: {', '.join(beyond)}.")
    if len(rules) == len(policy.rules):
        return policy, ()
    return replace(policy, name=f"{policy.name} (part)", rules=rules), tuple(notes)


def _local(settings: Settings, work: Path) -> tuple[Settings, tuple[str, ...]]:
    notes: tuple[str, ...] = ()
    lacking = sandbox.missing(settings.sandbox)
    if lacking is not None and settings.sandbox is not SandboxMode.NONE:
        notes = (f"Scanners run without isolation: {lacking}.",)
        settings = replace(settings, sandbox=SandboxMode.NONE)
    evidence = work / "evidence"
    evidence.mkdir(mode=0o700)
    return replace(settings, evidence_url=evidence.as_uri()), notes


def _repository(key: str, path: Path, configured: Repository | None) -> Repository:
    protected = (configured or Repository(key=key, url=str(path))).protected
    # What it is compared with is a branch here, or the remote's as git names it here.
    names = (*protected, *(f"{REMOTE}/{name}" for name in protected))
    return Repository(key=key, url=str(path), protected=names, protocols=("file",))


class _Run:
    """One flow from its first event to the decision."""

    def __init__(
        self,
        settings: Settings,
        policy: Policy,
        source: LocalSource,
        checks: Mapping[str, Check],
        gate: str,
        work: Path,
        phases: Phases,
    ) -> None:
        self._settings = settings
        self._source = source
        self._gate_name = gate
        self._stop = threading.Event()
        self._evidence: Evidence = open_evidence(settings.evidence_url)
        self._scanning = Scanning(
            settings, source, work=work / "scans", clock=_now, stop=self._stop, phases=phases
        )
        self._ledger = open_ledger("sqlite://")
        self._predicates = CelEvaluator()
        self._gate = Gate(
            ledger=self._ledger,
            policy=policy,
            checks=tuple(checks),
            repositories=settings.repositories,
            evidence=self._evidence,
            predicates=self._predicates,
        )
        consumers: dict[str, Callable[[Event], None]] = {
            name: self._consumer(check) for name, check in checks.items()
        }
        consumers[GATE_CHECK] = self._judge
        self._bus = Bus(Topology(tuple(checks)), consumers)
        self._checks = tuple(checks)

    def result(self, on_event: Callable[[Event], None], notes: tuple[str, ...]) -> ScanResult:
        """Run the flow and return what it led to."""
        self._bus.start()
        try:
            events = self._source.first_events(_now(), checks=self._checks)
            for event in events:
                self._bus.publish(event)
            self._bus.publish(self._question(events[0].correlationid))
            decision, outcomes = self._await(on_event)
        finally:
            self._stop.set()
            self._bus.stop(timeout_s=STOP_TIMEOUT_S)
            self._ledger.close()
            self._predicates.close()
        return ScanResult(
            decision=decision,
            outcomes=outcomes,
            subject=self._source.subject,
            root=self._source.root,
            notes=(*notes, *self._source.notes),
        )

    def _question(self, flow: str) -> Event:
        return Event(
            id=Identity(USER, SOURCE, flow).slot("decision.requested"),
            source=SOURCE,
            type=EventType.DECISION_REQUESTED,
            subject=str(self._source.subject),
            time=_now(),
            correlationid=flow,
            data=DecisionRequested(self._source.repo, self._gate_name),
        )

    def _await(self, on_event: Callable[[Event], None]) -> tuple[Decision, tuple[Outcome, ...]]:
        outcomes: dict[str, Outcome] = {}
        ticked = time.monotonic()
        while True:
            if self._bus.broken:
                raise self._bus.broken[0]
            try:
                event = self._bus.seen.get(timeout=TICK_S)
            except queue.Empty:
                event = None
            if event is not None:
                on_event(event)
                data = event.data
                if isinstance(data, Outcome) and data.subject == self._source.subject:
                    outcomes[data.check] = self._whole(event, data)
                if (
                    isinstance(data, Decision)
                    and data.gate == self._gate_name
                    and data.verdict is not Verdict.PENDING
                ):
                    return data, tuple(outcomes.values())
            if time.monotonic() - ticked >= TICK_S:
                ticked = time.monotonic()
                self._say(self._gate.tick(_now(), owner=USER))

    def _whole(self, event: Event, outcome: Outcome) -> Outcome:
        if event.datadigest is None:
            return outcome
        return codec.outcome_from_evidence(self._evidence.get(event.datadigest))

    def _judge(self, event: Event) -> None:
        self._say(self._gate.take(event, user=USER, now=_now()))

    def _say(self, messages: tuple[Message, ...]) -> None:
        for message in messages:
            self._bus.publish(codec.decode(message.body))

    def _consumer(self, check: Check) -> Callable[[Event], None]:
        answering = Answering(
            check,
            self._scanning,
            evidence=self._evidence,
            clock=_now,
            wait_s=0.0,
            max_attempts=self._settings.max_attempts,
        )

        def consume(event: Event) -> None:
            answer = answering.answer(event, user=USER)
            if not self._stop.is_set():
                self._bus.publish(answer)

        return consume


def _now() -> datetime:
    return datetime.now(UTC)
