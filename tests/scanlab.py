"""Real scans of small folders: the check, its scanner in the sandbox, and what came of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from devsecops_eda.checks import CheckSettings, Scanner
from devsecops_eda.model import (
    CommitFacts,
    Event,
    EventType,
    Outcome,
    OutcomeStatus,
    ScanRequested,
    Subject,
)
from devsecops_eda.scanning import Assignment, Scanning
from devsecops_eda.settings import Settings
from devsecops_eda.workspace import ScanTree, copy_folder

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)


@dataclass
class Lab:
    """Scans folders of files with one check, as worker and laptop do."""

    state_dir: Path
    tmp: Path
    checks: dict[str, CheckSettings] = field(default_factory=dict)

    def export(self, subject: Subject, *, ref: str | None, into: Path) -> ScanTree:
        return copy_folder(self.tmp / "tree", into)

    def gather(self, subject: Subject, *, ref: str | None, target: str | None) -> CommitFacts:
        raise AssertionError("no scanner asks for commit facts")

    def write(self, name: str, files: Mapping[str, str | bytes]) -> Path:
        root = self.tmp / name
        root.mkdir(exist_ok=True)
        for path, content in files.items():
            file = root / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
        return root

    def scan(self, check: Scanner, files: Mapping[str, str | bytes]) -> Outcome:
        self.write("tree", files)
        subject = Subject.tree("sha256:" + "0" * 64)
        cause = Event(
            id="1",
            source="urn:test",
            type=EventType.SCAN_REQUESTED,
            subject=str(subject),
            time=NOW,
            correlationid="00000000-0000-0000-0000-000000000000",
            data=ScanRequested(subject, check.name),
        )
        scanning = Scanning(
            Settings(state_dir=self.state_dir, checks=self.checks),
            self,
            work=self.tmp / "work",
            clock=lambda: NOW,
        )
        return scanning.outcome(check, Assignment(check.name, subject, cause, None, None))


def found(outcome: Outcome) -> set[tuple[str, str, int]]:
    assert outcome.status is OutcomeStatus.COMPLETED, outcome.failure
    return {(f.rule, f.path, f.line) for f in outcome.findings}


def osv(
    identifier: str, package: str, *events: dict[str, str], **more: object
) -> dict[str, str | bytes]:
    document = {
        "id": identifier,
        "modified": "2026-11-23T00:00:00Z",
        "published": "2026-01-02T03:04:05Z",
        "summary": f"{package} is bad",
        "affected": [
            {
                "package": {"ecosystem": "PyPI", "name": package},
                "ranges": [{"type": "ECOSYSTEM", "events": list(events)}] if events else [],
                **({"versions": more.pop("versions")} if "versions" in more else {}),
            }
        ],
        **more,
    }
    return {f"{identifier}.json": json.dumps(document)}
