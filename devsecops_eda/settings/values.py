"""What the operator decides, as values; no secret shows in their ``repr``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path

from devsecops_eda.checks import CheckSettings
from devsecops_eda.model import People, branch_name
from devsecops_eda.redaction import masked
from devsecops_eda.settings.listening import Listen
from devsecops_eda.topology import Identities

DEFAULT_BROKER = "amqp://guest:guest@localhost:5672/%2F"
DEFAULT_GATE_USER = "devsecops-gate"
DEFAULT_CHECKS = ("commit", "safety", "semgrep")
DEFAULT_PROTECTED = ("main", "master")


class SandboxMode(StrEnum):
    """How a scanner is kept apart from the machine."""

    BUBBLEWRAP = "bubblewrap"
    NONE = "none"


class LogFormat(StrEnum):
    """How logs are written."""

    AUTO = "auto"
    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True, repr=False)
class BrokerSettings:
    """Where RabbitMQ is and who talks there. ``url`` carries the password once it is known.

    ``management_url`` is its management API, "" where nobody named it.
    """

    url: str = DEFAULT_BROKER
    ca_file: Path | None = None
    management_url: str = ""
    sole_user: str | None = None
    gate_user: str = DEFAULT_GATE_USER
    builders: tuple[str, ...] = ()
    connect_timeout_s: float = 10.0

    def __repr__(self) -> str:
        return _shown(self)


@dataclass(frozen=True, slots=True)
class Repository:
    """One repository that may be fetched: its key on the wire, and what stands behind it.

    ``protected`` are patterns of branch names (``main``, ``release/*``).
    """

    key: str
    url: str
    protected: tuple[str, ...] = DEFAULT_PROTECTED
    credential_file: Path | None = None
    protocols: tuple[str, ...] = ("https",)

    def protects(self, ref: str) -> bool:
        """Return whether the branch named by ``ref`` is protected."""
        name = branch_name(ref)
        return any(fnmatchcase(name, pattern) for pattern in self.protected)


@dataclass(frozen=True, slots=True, repr=False)
class GateSettings:
    """Which policy the gate judges by, where it remembers, and for how long.

    ``policy`` is a file or a folder of them; None is the built-in one.
    """

    policy: Path | None = None
    database: str = ""
    retention_s: float = 400 * 86400.0
    metrics: Listen | None = None

    def __repr__(self) -> str:
        return _shown(self)


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the operator decides; what is not said lies under ``state_dir``.

    ``checks`` are the checks that run, by name; ``people`` who is who.
    """

    state_dir: Path
    broker: BrokerSettings = BrokerSettings()
    repositories: Mapping[str, Repository] = field(default_factory=dict)
    checks: Mapping[str, CheckSettings] = field(
        default_factory=lambda: {name: CheckSettings(name) for name in DEFAULT_CHECKS}
    )
    gate: GateSettings = GateSettings()
    people: People = field(default_factory=People)
    evidence_url: str = ""
    worker_metrics: Listen | None = None
    log_format: LogFormat = LogFormat.AUTO
    sandbox: SandboxMode = SandboxMode.BUBBLEWRAP
    transient_wait_s: float = 300.0
    max_attempts: int = 5

    def __post_init__(self) -> None:
        if not self.evidence_url:
            object.__setattr__(self, "evidence_url", (self.state_dir / "evidence").as_uri())
        if not self.gate.database:
            database = f"sqlite:///{self.state_dir / 'gate.db'}"
            object.__setattr__(self, "gate", replace(self.gate, database=database))

    def metrics_of(self, check: str) -> Listen | None:
        """Return where the worker of ``check`` shows its metrics, None where it does not."""
        own = self.checks[check].metrics if check in self.checks else None
        return own or self.worker_metrics

    @property
    def identities(self) -> Identities:
        """Return which broker user is which role."""
        return Identities(
            gate=self.broker.gate_user,
            workers={check.name: check.user for check in self.checks.values() if check.user},
            builders=frozenset(self.broker.builders),
            sole_user=self.broker.sole_user,
        )


def _shown(value: BrokerSettings | GateSettings) -> str:
    """Return a ``repr`` in which every URL is masked."""
    pairs = ((item.name, getattr(value, item.name)) for item in fields(value))
    shown = (f"{name}={masked(v) if isinstance(v, str) else v!r}" for name, v in pairs)
    return f"{type(value).__name__}({', '.join(shown)})"
