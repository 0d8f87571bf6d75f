"""Trees and facts from mirrors of the configured repositories."""

from __future__ import annotations

from pathlib import Path

from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.model import CommitFacts, Subject, SubjectKind
from devsecops_eda.settings import Settings
from devsecops_eda.workspace import Mirror, ScanTree

FETCH_TIMEOUT_S = 300.0
"""With the waiting before it and the scan after it, half of the broker's consumer timeout."""


class MirrorSource:
    """Fetches what is asked for into one mirror per repository. Only git gets the credential."""

    def __init__(self, settings: Settings) -> None:
        """Take the configured repositories and the state folder."""
        self._settings = settings

    def gather(self, subject: Subject, *, ref: str | None, target: str | None) -> CommitFacts:
        """Return what git says about a commit.

        Raises:
            UnavailableError: the git server is away.
            CheckError: unknown repository or revision, or the server refuses us.
        """
        mirror = self._fetched(subject, ref, target)
        return mirror.gather(subject.revision, target=target)

    def export(self, subject: Subject, *, ref: str | None, into: Path) -> ScanTree:
        """Write the tree of a commit below ``into``; raises as ``gather`` does."""
        return self._fetched(subject, ref, None).export(subject.revision, into)

    def _fetched(self, subject: Subject, ref: str | None, target: str | None) -> Mirror:
        if subject.kind is not SubjectKind.COMMIT:
            raise CheckError(
                FailureReason.UNKNOWN_REVISION,
                f"a {subject.kind.value} cannot be fetched: {subject}",
            )
        repository = self._settings.repositories.get(subject.repo or "")
        if repository is None:
            raise CheckError(
                FailureReason.UNKNOWN_REPOSITORY,
                f"the configuration names no repository {subject.repo!r}",
            )
        mirror = Mirror(self._settings.state_dir, repository)
        refs = tuple(name for name in (ref, target) if name)
        mirror.fetch(subject.revision, refs=refs, timeout_s=FETCH_TIMEOUT_S)
        return mirror
