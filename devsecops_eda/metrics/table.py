"""Every metric there is: one table.

What is exported, what a label may say and `docs/metrics.md` all come from it. A label says one of
a closed set of words; any other word is counted as ``other``, so that no repository, commit or
user ever becomes a series.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from devsecops_eda.errors import FailureReason, RefusalReason
from devsecops_eda.model import Severity, Verdict

PREFIX = "devsecops_"
OTHER = "other"
"""What stands for a word that a label does not know."""


class Kind(StrEnum):
    """How a metric behaves: counters never fall, gauges do, histograms count durations."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Program(StrEnum):
    """Who exports a metric."""

    WORKER = "worker"
    GATE = "gate"


@dataclass(frozen=True, slots=True)
class Label:
    """One label and its closed set of words.

    Where ``words`` are empty the configuration closes the set: ``said`` says what with.
    """

    name: str
    words: tuple[str, ...] = ()
    said: str = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric: its name, kind and labels, what it tells, and which programs export it."""

    name: str
    kind: Kind
    help: str
    labels: tuple[Label, ...] = ()
    programs: tuple[Program, ...] = (Program.WORKER, Program.GATE)
    buckets: tuple[float, ...] = ()

    @property
    def label_names(self) -> tuple[str, ...]:
        """Return the names of its labels, in order."""
        return tuple(label.name for label in self.labels)


class Stage(StrEnum):
    """One part of the way of an event through a program."""

    WAIT = "wait"
    TREE = "tree"
    SELECT = "select"
    SCANNER = "scanner"
    FINDINGS = "findings"
    SCAN = "scan"
    TAKE = "take"
    TICK = "tick"
    PUBLISH = "publish"


class Published(StrEnum):
    """What became of one try to publish a message."""

    CONFIRMED = "confirmed"
    BLOCKED = "blocked"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    UNROUTABLE = "unroutable"
    REFUSED = "refused"
    NOT_AUTHORISED = "not_authorised"
    OTHER = OTHER


class Admission(StrEnum):
    """What the door did with one delivery."""

    ADMITTED = "admitted"
    REFUSED = "refused"
    REJECTED = "rejected"
    FAILED = "failed"


class Need(StrEnum):
    """One thing without which a program is not ready."""

    BROKER = "broker"
    SCANNER = "scanner"
    SANDBOX = "sandbox"
    DATA = "data"
    EVIDENCE = "evidence"
    LEDGER = "ledger"
    INTAKE = "intake"


COMPLETED, INCOMPLETE, NOT_APPLICABLE = "completed", "incomplete", "not_applicable"
OK, FAILED = "ok", "failed"
MACHINES, PEOPLE = "machines", "people"

QUEUE = Label("queue", said="the queue of the program, as the broker's own metrics name it")
"""Every series of every metric carries it, before its own labels."""
CHECK = Label("check", said="the checks that are configured")
GATE = Label("gate", said="the gates of the policy")
STAGE = Label("stage", tuple(Stage))
ADMISSION = Label("result", tuple(Admission))
RESULT = Label("result", (OK, FAILED))
REASON = Label("reason", tuple(RefusalReason))
RUN = Label("result", (COMPLETED, INCOMPLETE, NOT_APPLICABLE, *FailureReason))
SEVERITY = Label("severity", tuple(severity.word for severity in Severity))
PUBLISHED = Label("result", tuple(Published))
VERDICT = Label("verdict", tuple(Verdict))
AWAITS = Label("awaits", (MACHINES, PEOPLE))
NEED = Label("need", tuple(Need))
STATE = Label("state", ("busy", "all"))
VERSION = Label("version", said="the version that runs")
PROGRAM = Label("program", tuple(Program))

_WORKER, _GATE = (Program.WORKER,), (Program.GATE,)
_STAGE_BUCKETS = (0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
_DECISION_BUCKETS = (1, 2.5, 5, 10, 15, 30, 60, 120, 300, 600, 1800, 3600)

BUILD_INFO = Metric(
    "devsecops_build_info", Kind.GAUGE,
    "Always 1; which version runs as what.", (VERSION, PROGRAM),
)  # fmt: skip
BROKER_CONNECTED = Metric(
    "devsecops_broker_connected", Kind.GAUGE,
    "1 while the connection that takes events is up.",
)  # fmt: skip
BROKER_BLOCKED = Metric(
    "devsecops_broker_blocked", Kind.GAUGE,
    "1 while the broker is in a memory or disk alarm and takes nothing from us; seen when the"
    " program has something to say.",
)  # fmt: skip
READY = Metric(
    "devsecops_ready", Kind.GAUGE,
    "1 where a need is met; /readyz says 503 and why while one is not.", (NEED,),
)  # fmt: skip
SLOTS = Metric(
    "devsecops_slots", Kind.GAUGE,
    "Events that can be worked on at once, and that are.", (STATE,),
)  # fmt: skip
DELIVERIES = Metric(
    "devsecops_deliveries_total", Kind.COUNTER,
    "Deliveries at the door: admitted, refused with a reason, rejected for their size alone, or "
    "failed by a bug of ours.", (ADMISSION,),
)  # fmt: skip
REDELIVERIES = Metric(
    "devsecops_redeliveries_total", Kind.COUNTER,
    "Admitted events that had been delivered before.",
)  # fmt: skip
REFUSED = Metric(
    "devsecops_refused_total", Kind.COUNTER,
    "Messages that were put into the dead letters, or rejected for their size.", (REASON,),
)  # fmt: skip
GIVEN_BACK = Metric(
    "devsecops_given_back_total", Kind.COUNTER,
    "Events given back to the queue because something they need stayed away.",
)  # fmt: skip
STAGE_SECONDS = Metric(
    "devsecops_stage_seconds", Kind.HISTOGRAM,
    "How long each stage took. Both: wait (from the event's time to its first delivery), publish; "
    "worker: tree, select, scanner, findings, scan (all of these); gate: take, tick.",
    (STAGE, RESULT), buckets=_STAGE_BUCKETS,
)  # fmt: skip
PUBLISHES = Metric(
    "devsecops_publishes_total", Kind.COUNTER,
    "Tries to publish a message; all but `confirmed` are failures.", (PUBLISHED,),
)  # fmt: skip
SCANS = Metric(
    "devsecops_scans_total", Kind.COUNTER,
    "Runs of a check: completed, incomplete (with coverage gaps), not applicable, or why there "
    "is no verdict.", (CHECK, RUN), _WORKER,
)  # fmt: skip
FINDINGS = Metric(
    "devsecops_findings_total", Kind.COUNTER,
    "Findings of runs, before any policy or baseline.", (CHECK, SEVERITY), _WORKER,
)  # fmt: skip
COVERAGE_GAPS = Metric(
    "devsecops_coverage_gaps_total", Kind.COUNTER,
    "Files that a check should have looked at and could not.", (CHECK,), _WORKER,
)  # fmt: skip
DATA_AGE = Metric(
    "devsecops_data_age_seconds", Kind.GAUGE,
    "Age of the vulnerability data that a check looks with.", (CHECK,), _WORKER,
)  # fmt: skip
DATA_MAX_AGE = Metric(
    "devsecops_data_max_age_seconds", Kind.GAUGE,
    "How old that data may be before its check has no verdict.", (CHECK,), _WORKER,
)  # fmt: skip
LOST_REPORTS = Metric(
    "devsecops_lost_reports_total", Kind.COUNTER,
    "Reports of pool children that were dropped rather than hold up a scan.", (), _WORKER,
)  # fmt: skip
DECISIONS = Metric(
    "devsecops_decisions_total", Kind.COUNTER,
    "Decisions made; `pending` counts those who asked and were told to wait.",
    (GATE, VERDICT), _GATE,
)  # fmt: skip
DECISION_SECONDS = Metric(
    "devsecops_decision_seconds", Kind.HISTOGRAM,
    "From the time of the event that asked a gate to its first decision. `people`: votes were "
    "part of it.", (GATE, AWAITS), _GATE, _DECISION_BUCKETS,
)  # fmt: skip
PENDING = Metric(
    "devsecops_pending", Kind.GAUGE,
    "Flows that wait for a decision. `people`: a round of voting is open.",
    (GATE, AWAITS), _GATE,
)  # fmt: skip
OLDEST_PENDING = Metric(
    "devsecops_oldest_pending_seconds", Kind.GAUGE,
    "For how long the oldest of them has waited; 0 where none does.", (GATE, AWAITS), _GATE,
)  # fmt: skip
CONFLICTING_OUTCOMES = Metric(
    "devsecops_conflicting_outcomes_total", Kind.COUNTER,
    "Outcomes that say of one check on one event something else than was said before.",
    (CHECK,), _GATE,
)  # fmt: skip
OWED = Metric(
    "devsecops_owed_messages", Kind.GAUGE,
    "Messages in the ledger that no broker has confirmed yet (10 000 at most are counted).",
    (), _GATE,
)  # fmt: skip
OLDEST_OWED = Metric(
    "devsecops_oldest_owed_seconds", Kind.GAUGE,
    "For how long the oldest of them has been owed; 0 where none is.", (), _GATE,
)  # fmt: skip

METRICS: tuple[Metric, ...] = (
    BUILD_INFO, BROKER_CONNECTED, BROKER_BLOCKED, READY, SLOTS,
    DELIVERIES, REDELIVERIES, REFUSED, GIVEN_BACK, STAGE_SECONDS, PUBLISHES,
    SCANS, FINDINGS, COVERAGE_GAPS, DATA_AGE, DATA_MAX_AGE, LOST_REPORTS,
    DECISIONS, DECISION_SECONDS, PENDING, OLDEST_PENDING, CONFLICTING_OUTCOMES,
    OWED, OLDEST_OWED,
)  # fmt: skip
"""All of them, in the order of the documentation."""
