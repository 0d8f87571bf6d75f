"""The checkout or folder at hand as the source of trees, and the events that tell of it."""

from __future__ import annotations

import re
import threading
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid5

from devsecops_eda.errors import CheckError, FailureReason, InvalidSettingsError
from devsecops_eda.model import (
    NAMESPACE,
    CommitFacts,
    CommitPushed,
    Event,
    EventType,
    ScanRequested,
    Subject,
    SubjectKind,
    commit_pushed_id,
    flow_of,
)
from devsecops_eda.scanning import Phases
from devsecops_eda.workspace import Checkout, ScanTree, copy_folder

SOURCE = "urn:devsecops-eda:scan"
DETACHED = "HEAD"
_NO_REF = re.compile(r"\A-|\.\.|@\{|[\x00-\x20\x7f~^:?*\[\\]|.{256}", re.DOTALL)
"""What no name of a ref has, as the schemas of events say it."""


class LocalSource:
    """A clean checkout is its commit; a dirty one and a plain folder are a tree.

    Every tree is written once and shared by the checks. Nothing is written below ``path``.
    """

    def __init__(
        self, path: Path, *, base: str | None, work: Path, phases: Phases, repo: str | None = None
    ) -> None:
        """Look at ``path``; trees are written below ``work``, ``phases`` is told how long it took.

        ``repo`` is the key it is judged as; else one that no operator's rule names.

        Raises:
            InvalidSettingsError: no such folder, ``base`` given for a plain folder, or one such as
                ``HEAD~2`` that means no commit. A branch that is not there has no verdict later.
        """
        if not path.is_dir():
            raise InvalidSettingsError(f"there is no folder {path}")
        self.root = path.resolve()
        self.notes: tuple[str, ...] = ()
        self._phases = phases
        self._base: str | None = None
        self._work = work
        self._work.mkdir(mode=0o700)
        self._trees: dict[str, ScanTree] = {}
        self._turn = threading.Lock()
        self._checkout = Checkout(self.root) if Checkout.is_one(self.root) else None
        if base is not None and self._checkout is None:
            raise InvalidSettingsError(f"--base needs a git checkout, {path} is none")
        if base is not None and self._checkout is not None:
            self._base = _ref(base, self._checkout)
        name = self._checkout.repo_name() if self._checkout else self.root.name
        self.repo = repo or f"local/{name}"
        self.subject = self._subject()

    def close(self) -> None:
        """Give back what was made beside the checkout."""
        if self._checkout is not None:
            self._checkout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def first_events(self, now: datetime, *, checks: tuple[str, ...]) -> tuple[Event, ...]:
        """Return what tells the checks of the subject: one push, or one request per check."""
        seed = str(uuid5(NAMESPACE, f"scan/{self.subject}/{now.isoformat()}"))
        flow = flow_of(seed)
        if self.subject.kind is SubjectKind.COMMIT:
            push = CommitPushed(self.repo, self._ref(), self.subject.revision, target=self._base)
            event_id = commit_pushed_id(
                repo=push.repo, ref=push.ref, sha=push.sha, target=push.target
            )
            return (
                Event(
                    id=event_id,
                    source=SOURCE,
                    type=EventType.COMMIT_PUSHED,
                    subject=str(self.subject),
                    time=now,
                    correlationid=flow,
                    data=push,
                ),
            )
        return tuple(
            Event(
                id=str(uuid5(NAMESPACE, f"{seed}/{check}")),
                source=SOURCE,
                type=EventType.SCAN_REQUESTED,
                subject=str(self.subject),
                time=now,
                correlationid=flow,
                data=ScanRequested(
                    subject=self.subject, check=check, target=self._base, reason="scan"
                ),
            )
            for check in checks
        )

    def gather(
        self, subject: Subject, *, ref: str | None, target: str | None
    ) -> CommitFacts | None:
        """Return what git says; None for a plain folder, of which it says nothing.

        Compared is with ``base`` alone: a branch is no base of itself.

        Raises:
            CheckError: ``unknown_revision``.
        """
        if self._checkout is None:
            return None
        sha = subject.revision if subject.kind is SubjectKind.COMMIT else None
        return self._checkout.gather(sha, target=self._base)

    def export(self, subject: Subject, *, ref: str | None, into: Path) -> ScanTree:
        """Return the tree of ``subject``, written when first asked for.

        Raises:
            CheckError: ``unknown_revision`` or ``resource_limit``.
        """
        with self._turn:
            if str(subject) not in self._trees:
                self._trees[str(subject)] = self._write(subject)
            return self._trees[str(subject)]

    def _subject(self) -> Subject:
        checkout = self._checkout
        if checkout is not None:
            with self._phases.of("", "git status"):
                dirty = checkout.is_dirty()
            head = checkout.head()
            if not dirty and head is not None:
                return Subject.commit(self.repo, head)
        tree = self._timed_write(None)
        subject = Subject.tree(tree.digest, self.repo)
        self._trees[str(subject)] = tree
        return subject

    def _write(self, subject: Subject) -> ScanTree:
        if subject.kind is not SubjectKind.COMMIT or self._checkout is None:
            raise CheckError(FailureReason.UNKNOWN_REVISION, f"{subject} is not at hand")
        return self._timed_write(subject.revision)

    def _timed_write(self, sha: str | None) -> ScanTree:
        into = self._work / (sha or "tree")
        with self._phases.of("", "write tree"):
            if self._checkout is None:
                return copy_folder(self.root, into)
            if sha is None:
                return self._checkout.snapshot(into)
            return self._checkout.export(sha, into)

    def _ref(self) -> str:
        branch = self._checkout.branch() if self._checkout else None
        return branch or DETACHED


def _ref(base: str, checkout: Checkout) -> str:
    """Return ``base`` as an event may name it: a ref as it is, else the commit that it means."""
    if _NO_REF.search(base) is None:
        return base
    commit = checkout.commit(base)
    if commit is None:
        raise InvalidSettingsError(f"--base: there is no revision {base[:80]!r} here")
    return commit
