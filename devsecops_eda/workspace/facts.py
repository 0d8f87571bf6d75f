"""What git says about a commit."""

from __future__ import annotations

from collections.abc import Sequence

from devsecops_eda.checks.commit import MAX_CHANGED_FILES, MAX_COMMITTERS
from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.model import ChangedFile, CommitFacts, Signature
from devsecops_eda.workspace.export import tree_digest
from devsecops_eda.workspace.git import Git
from devsecops_eda.workspace.names import printable_path

MAX_HISTORY = 200
"""As many commits of the target branch are told."""

_MAX_RANGE = 50_000

_DIFF = ("--no-ext-diff", "--no-textconv", "--ignore-submodules=none", "--no-color")


def gather_facts(git: Git, sha: str, *, target: str | None, tip: str | None) -> CommitFacts:
    """Return what git says about the commit ``sha``; ``tip`` is the newest commit of ``target``.

    Changed files are those that differ from the merge base. Where there is no target, or the
    commit is on it already (a push to the target), they are those that differ from its first
    parent; where target and commit have nothing in common, all files. Committers are those of the
    commits between base and head, head included. Without a target its history is that of ``sha``.

    Raises:
        CheckError: an object is missing, or git takes too long.
    """
    parents = _parents(git.ask("cat-file", "commit", sha))
    base = merge_base(git, sha, tip) if tip else None
    if base == sha or tip is None:
        origin = parents[0] if parents and _has(git, parents[0]) else None
    else:
        origin = base
    return CommitFacts(
        author=_signatures(git, ["-1", sha], names="%an%n%ae")[0],
        committers=_committers(git, sha, base or origin),
        parents=parents,
        tree_digest=tree_digest(git, sha),
        changed_files=changes(git, origin, sha),
        target=target,
        merge_base=base,
        target_history=_history(git, tip or sha),
    )


def merge_base(git: Git, sha: str, tip: str) -> str | None:
    """Return the best common ancestor of two commits, None where there is none (or it is cut off).

    Raises:
        CheckError: git broke.
    """
    done = git.run("merge-base", sha, tip)
    if done.returncode not in (0, 1):
        raise CheckError(FailureReason.INTERNAL, f"git merge-base failed for {sha} and {tip}")
    return done.stdout.decode("ascii").strip() or None


def changes(git: Git, origin: str | None, revision: str | None) -> tuple[ChangedFile, ...]:
    """Return what differs: no ``origin`` is the empty tree, no ``revision`` the work tree.

    At most one more than MAX_CHANGED_FILES are told, so that it shows when there are more.

    Raises:
        CheckError: an object is missing, or git takes too long.
    """
    empty = git.ask("hash-object", "-t", "tree", "/dev/null").decode("ascii").strip()
    arguments = ["-r", "-z", "-M", "-l1000", "--name-status", *_DIFF]
    if revision is None:
        command = ["diff", *arguments[1:], origin or empty, "--"]
    else:
        command = ["diff-tree", *arguments, origin or empty, revision, "--"]
    return changed_files(git.ask(*command))


def changed_files(answer: bytes) -> tuple[ChangedFile, ...]:
    """Read ``git diff --name-status -z``, up to one more than MAX_CHANGED_FILES."""
    found: list[ChangedFile] = []
    words = iter(answer.split(b"\0"))
    for status in words:
        if not status or len(found) > MAX_CHANGED_FILES:
            break
        letter = status[:1].decode("ascii")
        first = printable_path(next(words))
        if letter in "RC":
            found.append(ChangedFile(printable_path(next(words)), letter, first))
        else:
            found.append(ChangedFile(first, letter))
    return tuple(found)


def _committers(git: Git, sha: str, base: str | None) -> tuple[Signature, ...]:
    """Return who wrote or committed any of the commits from ``base`` to ``sha``, each once.

    Who rebases another's work is its committer, and the other one stays its author: neither
    approves his own. One more than MAX_COMMITTERS are told where there are more, or may be.
    """
    span = ["-1", sha] if base is None or base == sha else [f"{base}..{sha}"]
    head = _signatures(git, ["-1", sha], names="%cn%n%ce")
    bound = f"--max-count={_MAX_RANGE}"
    committed = _signatures(git, [bound, *span], names="%cn%n%ce")
    wrote = _signatures(git, [bound, *span], names="%an%n%ae")
    everybody = tuple(dict.fromkeys([*head, *committed, *wrote]))
    if len(committed) >= _MAX_RANGE:
        # Whoever else there is stays unknown: that has to show.
        everybody += (Signature("", ""),) * (MAX_COMMITTERS + 1)
    return everybody[: MAX_COMMITTERS + 1]


def _signatures(git: Git, span: Sequence[str], *, names: str) -> list[Signature]:
    answer = git.ask(
        "log", "-z", "--no-mailmap", "--encoding=UTF-8", f"--format={names}", *span, "--"
    )
    found = []
    for record in answer.split(b"\0"):
        if record:
            name, _, email = record.decode("utf-8", "replace").partition("\n")
            found.append(Signature(name, email.strip("\n")))
    return found


def _parents(commit: bytes) -> tuple[str, ...]:
    # Out of the object itself: where history is cut off, `git log` tells of no parents.
    head = commit.partition(b"\n\n")[0]
    return tuple(
        line.removeprefix(b"parent ").decode("ascii")
        for line in head.split(b"\n")
        if line.startswith(b"parent ")
    )


def _history(git: Git, tip: str) -> tuple[str, ...]:
    answer = git.ask("rev-list", "--first-parent", f"--max-count={MAX_HISTORY}", tip, "--")
    return tuple(answer.decode("ascii").split())


def _has(git: Git, sha: str) -> bool:
    return git.run("cat-file", "-e", f"{sha}^{{commit}}").returncode == 0
