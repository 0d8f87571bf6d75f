"""A git checkout on this machine, whoever owns it: read, never obeyed, never written."""

from __future__ import annotations

import os
import re
import shutil
import weakref
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType

from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.model import ChangedFile, CommitFacts, Signature
from devsecops_eda.workspace.export import export_commit
from devsecops_eda.workspace.facts import changes, gather_facts, merge_base
from devsecops_eda.workspace.folder import Beneath
from devsecops_eda.workspace.git import records
from devsecops_eda.workspace.names import Reason, printable_path
from devsecops_eda.workspace.shadow import find_git_folder, origin_url, shadow_of
from devsecops_eda.workspace.tree import Bounds, ScanTree, TreeWriter

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_KEY_PART = re.compile(r"[^A-Za-z0-9._-]+")


class Checkout:
    """The checkout whose top folder is ``path``.

    Git is asked through a git directory of our own making that borrows objects, references and
    index of the checkout and nothing of its configuration; it is removed by ``close``.
    """

    def __init__(self, path: Path, *, bounds: Bounds | None = None) -> None:
        """Look at the checkout.

        Raises:
            CheckError: ``misconfigured`` when ``path`` is none, or belongs to a git directory of
                somebody else.
        """
        self.path = path.absolute()
        self._bounds = bounds or Bounds()
        self._found = find_git_folder(self.path)
        self._git = shadow_of(self.path, self._found)
        self._remove = weakref.finalize(self, shutil.rmtree, self._git.git_dir, ignore_errors=True)

    @staticmethod
    def is_one(path: Path) -> bool:
        """Return whether ``path`` is the top folder of a checkout."""
        return os.path.lexists(path / ".git")

    def close(self) -> None:
        """Remove what was made beside the checkout. Twice is harmless."""
        self._remove()

    def __enter__(self) -> Checkout:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def head(self) -> str | None:
        """Return the commit that is checked out, None before the first one."""
        return self.commit("HEAD")

    def commit(self, revision: str) -> str | None:
        """Return the commit that ``revision`` (``main``, ``HEAD~2``) means, None where none."""
        done = self._git.run(
            "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"
        )
        text = done.stdout.decode("ascii", "replace").strip()
        return text if done.returncode == 0 and _SHA.fullmatch(text) else None

    def branch(self) -> str | None:
        """Return the branch that is checked out, None where it is a bare commit."""
        done = self._git.run("symbolic-ref", "--quiet", "HEAD")
        name = done.stdout.decode(errors="replace").strip()
        return name.removeprefix("refs/heads/") if name.startswith("refs/heads/") else None

    def repo_name(self) -> str:
        """Return a name for the repository: the end of its origin's URL, else the folder's name."""
        url = origin_url(self._found) or ""
        # Host and user are no part of the name: `scheme://host/path`, or ssh's `host:path`.
        _, _, path = url.partition("://")[2].partition("/") if "://" in url else url.partition(":")
        for text in (path or url, self.path.name):
            parts = [_KEY_PART.sub("-", part) for part in text.split("/") if part]
            name = "/".join(parts[-2:]).removesuffix(".git").lower()
            if name.strip("/-."):
                return name
        return "checkout"

    def is_dirty(self) -> bool:
        """Return whether the work tree holds anything that HEAD does not, ignored files aside.

        Submodules are not looked into.
        """
        if self.head() is None:
            return True
        answer = self._git.ask(
            *("status", "--porcelain", "-z", "--no-renames", "--ignore-submodules=all"),
            "--untracked-files=normal",
        )
        return answer != b""

    def gather(self, sha: str | None, *, target: str | None) -> CommitFacts:
        """Return what git says about the commit ``sha``, or about the work tree when it is None.

        ``target`` is any revision that is here (``main``, ``origin/main``). For a work tree author
        and parents are those of HEAD, changed files are against the merge base of HEAD and the
        target (without a target: against HEAD), and the tree digest is over the files as they are.

        Raises:
            CheckError: ``unknown_revision`` when ``sha`` or ``target`` is not here.
        """
        tip = None
        if target is not None:
            tip = self.commit(target) or self.commit(f"refs/remotes/origin/{target}")
            if tip is None:
                raise CheckError(
                    FailureReason.UNKNOWN_REVISION, f"there is no revision {target[:80]!r} here"
                )
        if sha is not None:
            return gather_facts(self._git, self._known(sha), target=target, tip=tip)
        return self._gather_work_tree(target, tip)

    def export(self, sha: str, into: Path) -> ScanTree:
        """Write the scan tree of a commit into the folder ``into``, out of git objects.

        Raises:
            CheckError: ``unknown_revision`` when it is not here, ``resource_limit`` when too big.
        """
        return export_commit(self._git, self._known(sha), into, bounds=self._bounds)

    def snapshot(self, into: Path) -> ScanTree:
        """Write the scan tree of the work tree: tracked and untracked files, not ignored ones.

        Raises:
            CheckError: ``resource_limit`` when it is too big.
        """
        return self._snapshot(into)

    def _snapshot(self, into: Path | None) -> ScanTree:
        writer = TreeWriter(into, self._bounds)
        with Beneath(self.path) as beneath:
            for path, mode, absent in self._tracked():
                if mode == b"160000":
                    writer.leave_out(path, Reason.SUBMODULE)
                elif not beneath.add(path, writer) and absent:
                    writer.leave_out(path, Reason.SPARSE)
            for path in self._untracked():
                if path.endswith(b"/"):
                    writer.leave_out(path[:-1], Reason.NESTED_REPOSITORY)
                else:
                    beneath.add(path, writer)
        return writer.finish()

    def _gather_work_tree(self, target: str | None, tip: str | None) -> CommitFacts:
        head = self.head()
        if head is None:
            facts = CommitFacts(Signature("", ""), (), (), "", (), target)
            base = None
        else:
            facts = gather_facts(self._git, head, target=target, tip=tip)
            base = merge_base(self._git, head, tip) if tip else None
        origin = base if tip else head
        untracked = [
            ChangedFile(printable_path(path), "A")
            for path in self._untracked()
            if not path.endswith(b"/")
        ]
        return replace(
            facts,
            tree_digest=self._snapshot(None).digest,
            changed_files=(*changes(self._git, origin, None), *untracked),
            merge_base=base,
        )

    def _tracked(self) -> Iterator[tuple[bytes, bytes, bool]]:
        """Yield path, mode and whether it need not be there, of every file in the index."""
        last = None
        with self._git.stream("ls-files", "-z", "-t", "--stage") as listing:
            for record in records(listing):
                head, _, path = record.partition(b"\t")
                tag, mode, *_ = head.split()
                # In the middle of a merge a path has up to three entries.
                if path != last:
                    yield path, mode, tag == b"S"
                last = path

    def _untracked(self) -> Iterator[bytes]:
        with self._git.stream("ls-files", "-z", "--others", "--exclude-standard") as listing:
            yield from records(listing)

    def _known(self, sha: str) -> str:
        if _SHA.fullmatch(sha) is None or self.commit(sha) != sha:
            raise CheckError(
                FailureReason.UNKNOWN_REVISION, f"there is no commit {sha[:80]!r} in {self.path}"
            )
        return sha
