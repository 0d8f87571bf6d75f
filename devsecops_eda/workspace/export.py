"""A commit's files out of git objects: no checkout, no archive, no filter, no attribute."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.workspace.git import LOCAL_TIMEOUT_S, Git, records
from devsecops_eda.workspace.names import Reason, printable_path
from devsecops_eda.workspace.tree import Bounds, ScanTree, TreeWriter

MAX_LISTING_BYTES = 256 * 1024**2
"""As long the listing of a tree may be; a million files have a hundred bytes each."""

_LINK = b"120000"
_SUBMODULE = b"160000"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of ``git ls-tree``; ``size`` is 0 where git gives none."""

    mode: bytes
    object_id: bytes
    size: int
    path: bytes


def entry(record: bytes) -> Entry:
    """Read one record of ``git ls-tree -r -z -l``.

    Raises:
        CheckError: git says that it does not have the object (``unknown_revision``).
    """
    head, _, path = record.partition(b"\t")
    mode, _, object_id, size = head.split()
    if size == b"BAD":
        raise CheckError(
            FailureReason.UNKNOWN_REVISION,
            f"the content of {printable_path(path)} is not here (a partial clone?)",
        )
    return Entry(mode, object_id, 0 if size == b"-" else int(size), path)


def export_commit(
    git: Git, revision: str, into: Path, *, bounds: Bounds, timeout_s: float = LOCAL_TIMEOUT_S
) -> ScanTree:
    """Write the tree of ``revision`` into the folder ``into``.

    Raises:
        CheckError: an object is missing, or the tree is over a bound.
    """
    writer = TreeWriter(into, bounds)
    wanted = []
    with git.stream(
        "ls-tree", "-r", "-z", "-l", "--full-tree", revision, timeout_s=timeout_s
    ) as listing:
        for record in records(listing):
            found = entry(record)
            if found.mode == _LINK:
                writer.leave_out(found.path, Reason.LINK)
            elif found.mode == _SUBMODULE:
                writer.leave_out(found.path, Reason.SUBMODULE)
            elif writer.wants(found.path, found.size):
                wanted.append(found)
    with tempfile.TemporaryFile() as questions:
        questions.write(b"".join(one.object_id + b"\n" for one in wanted))
        questions.seek(0)
        with git.stream(
            "cat-file", "--batch", "--buffer", stdin=questions, timeout_s=timeout_s
        ) as answers:
            for one, content in zip(wanted, _contents(answers, wanted), strict=True):
                writer.write(one.path, content)
    return writer.finish()


def _contents(answers: IO[bytes], wanted: list[Entry]) -> Iterator[bytes]:
    for one in wanted:
        head = answers.readline().split()
        if len(head) != 3 or head[0] != one.object_id or int(head[2]) != one.size:
            raise EOFError(f"git does not give the object {one.object_id!r}")
        content = answers.read(one.size)
        if len(content) != one.size or answers.read(1) != b"\n":
            raise EOFError("git broke off")
        yield content


def tree_digest(git: Git, revision: str) -> str:
    """Return ``sha256:<hex>`` over modes, object ids and paths of the whole tree.

    Two commits with the same tree agree, whatever their history.

    Raises:
        CheckError: the listing is longer than MAX_LISTING_BYTES (``resource_limit``).
    """
    digest = hashlib.sha256()
    length = 0
    with git.stream("ls-tree", "-r", "-z", "--full-tree", revision) as listing:
        while chunk := listing.read(256 * 1024):
            digest.update(chunk)
            length += len(chunk)
            # A tree of trees that are all the same unfolds to any size at no cost.
            if length > MAX_LISTING_BYTES:
                raise CheckError(
                    FailureReason.RESOURCE_LIMIT,
                    f"the listing of the tree is longer than {MAX_LISTING_BYTES} bytes",
                )
    return "sha256:" + digest.hexdigest()
