"""What is judged: a commit, an artifact or a plain tree."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_SHA = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})")
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


class SubjectKind(StrEnum):
    """The three kinds of things a flow can be about."""

    COMMIT = "commit"
    ARTIFACT = "artifact"
    TREE = "tree"


_WRITTEN = {
    SubjectKind.COMMIT: "a commit: its whole sha, 40 or 64 lower-case hex digits",
    SubjectKind.ARTIFACT: "an artifact: sha256: and 64 lower-case hex digits",
    SubjectKind.TREE: "a tree: sha256: and 64 lower-case hex digits",
}


@dataclass(frozen=True, slots=True)
class Subject:
    """One thing to judge, named so that the name alone says which bytes are meant.

    ``revision`` is the full commit sha for a commit, ``sha256:<hex>`` for an artifact or a tree.
    ``repo`` is the operator's key of the repository; a commit always has one.
    """

    kind: SubjectKind
    revision: str
    repo: str | None = None

    def __post_init__(self) -> None:
        shape = _SHA if self.kind is SubjectKind.COMMIT else _DIGEST
        if shape.fullmatch(self.revision) is None:
            raise ValueError(f"{self.revision!r} is no revision of {_WRITTEN[self.kind]}")
        if self.kind is SubjectKind.COMMIT and not self.repo:
            raise ValueError("a commit needs the repository it belongs to")

    def __str__(self) -> str:
        match self.kind:
            case SubjectKind.COMMIT:
                return f"{self.repo}@{self.revision}"
            case SubjectKind.ARTIFACT:
                return self.revision
            case SubjectKind.TREE:
                return f"tree:{self.revision}"

    @classmethod
    def commit(cls, repo: str, sha: str) -> Subject:
        """Return the subject for one commit of a repository."""
        return cls(SubjectKind.COMMIT, sha, repo)

    @classmethod
    def artifact(cls, digest: str, repo: str) -> Subject:
        """Return the subject for an artifact (``sha256:<hex>``) that belongs to a repository."""
        return cls(SubjectKind.ARTIFACT, digest, repo)

    @classmethod
    def tree(cls, digest: str, repo: str | None = None) -> Subject:
        """Return the subject for a plain folder by its content digest."""
        return cls(SubjectKind.TREE, digest, repo)


def branch_name(ref: str) -> str:
    """Return the short name of a branch: ``refs/heads/main`` and ``main`` are one branch."""
    # git allows a branch that is called as the ref of another one: whoever reads a name a second
    # time has to come to the same branch, else the one would pass for the other.
    while ref.startswith("refs/heads/"):
        ref = ref.removeprefix("refs/heads/")
    return ref
