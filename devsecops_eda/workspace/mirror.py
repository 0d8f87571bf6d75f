"""Our own copy of a repository: one per repository and host, fetched under a lock."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from devsecops_eda.errors import CheckError, FailureReason, UnavailableError
from devsecops_eda.model import CommitFacts
from devsecops_eda.sandbox import Completed
from devsecops_eda.settings import Repository
from devsecops_eda.workspace.export import export_commit
from devsecops_eda.workspace.facts import gather_facts
from devsecops_eda.workspace.git import Git, seconds_left
from devsecops_eda.workspace.remote import (
    explained,
    is_unknown_revision,
    missing_ref,
    remote_configuration,
    remote_variables,
)
from devsecops_eda.workspace.tree import Bounds, ScanTree

MAX_PACKS = 40
"""Every fetch that brings something leaves a pack; above so many they are put together."""

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
# git-check-ref-format(1)
_REF = re.compile(r"refs(?:/(?!\.)[^\x00-\x20\x7f~^:?*\[\\/]+(?<!\.lock)(?<!\.))+")
_LOCK_POLL_S = 0.1
_JUST_PUSHED_S = 1.0

# What a crash of git can leave behind; only looked for while the lock is ours.
_LEFTOVERS = (
    "*.lock",
    "refs/**/*.lock",
    "objects/pack/tmp_*",
    "objects/pack/*.keep",
    "objects/pack/*.lock",
    "objects/info/*.lock",
    "objects/??/tmp_obj_*",
)


class Mirror:
    """A repository of the operator's table, as far as it was fetched.

    Safe from several threads and processes: fetches wait for each other, reading does not.
    """

    def __init__(
        self,
        state_dir: Path,
        repository: Repository,
        *,
        bounds: Bounds | None = None,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Name the mirror; nothing is made before the first ``fetch``."""
        self._pause = pause
        self._repository = repository
        self._bounds = bounds or Bounds()
        # The URL is in the name: a key that points elsewhere from now on is another repository.
        name = hashlib.sha256(f"{repository.key}\0{repository.url}".encode()).hexdigest()[:32]
        self._folder = state_dir.absolute() / "mirrors" / name
        self._git = Git(self._folder / "repo.git")

    def fetch(self, sha: str, *, refs: Sequence[str] = (), timeout_s: float = 300.0) -> None:
        """Bring ``sha`` with its history, and every branch in ``refs`` as the server has it now.

        A branch that is gone on the server is gone here. With no ``refs`` and the commit here
        already, the server is not asked.

        Raises:
            UnavailableError: the server is away, or another fetch takes too long.
            CheckError: ``unknown_revision`` when the server has no such commit, ``fetch_refused``
                when it does not let us in or what it has is damaged.
        """
        if _SHA.fullmatch(sha) is None:
            raise CheckError(FailureReason.UNKNOWN_REVISION, f"{sha[:80]!r} is no commit id")
        wanted = [_full_ref(ref) for ref in dict.fromkeys(refs)]
        if not wanted and self.has(sha):
            return
        deadline = time.monotonic() + timeout_s
        with self._locked(deadline) as lock:
            git = self._remote(lock)
            self._prepare(git, sha, deadline)
            if self._bring(git, sha, wanted, deadline):
                self._tidy(git, deadline)
                return
            # The push that told us of the commit may not have reached this server quite yet.
            self._pause(min(_JUST_PUSHED_S, seconds_left(deadline)))
            if not self._bring(git, sha, wanted, deadline):
                raise CheckError(
                    FailureReason.UNKNOWN_REVISION,
                    f"{self._repository.key} has no commit {sha}",
                )

    def has(self, sha: str) -> bool:
        """Return whether the commit is here."""
        if not (self._git.git_dir / "HEAD").is_file():
            return False
        return self._git.run("cat-file", "-e", f"{sha}^{{commit}}").returncode == 0

    def gather(self, sha: str, *, target: str | None) -> CommitFacts:
        """Return what git says about a fetched commit; ``target`` is a branch fetched with it.

        Raises:
            CheckError: ``unknown_revision`` when it was not fetched.
        """
        self._require(sha)
        tip = self._tip(target) if target else None
        return gather_facts(self._git, sha, target=target, tip=tip)

    def export(self, sha: str, into: Path) -> ScanTree:
        """Write the scan tree of a fetched commit into the folder ``into``.

        Raises:
            CheckError: ``unknown_revision`` when it was not fetched, ``resource_limit`` when it is
                too big.
        """
        self._require(sha)
        return export_commit(self._git, sha, into, bounds=self._bounds)

    def _require(self, sha: str) -> None:
        if _SHA.fullmatch(sha) is None or not self.has(sha):
            raise CheckError(
                FailureReason.UNKNOWN_REVISION, f"{self._repository.key} has no commit {sha[:80]}"
            )

    def _tip(self, target: str) -> str | None:
        done = self._git.run("rev-parse", "--verify", "--quiet", _local(_full_ref(target)))
        return done.stdout.decode("ascii").strip() or None

    def _remote(self, lock: int) -> Git:
        return Git(
            self._git.git_dir,
            variables=remote_variables(self._repository, self._folder),
            configuration=remote_configuration(self._repository),
            lock=lock,
        )

    @contextmanager
    def _locked(self, deadline: float) -> Iterator[int]:
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise UnavailableError(
                f"the folder {self._folder} cannot be written: {error.strerror}"
            ) from error
        try:
            while True:
                try:
                    # git keeps this descriptor open as well: were we killed, whoever comes next
                    # waits until our git is gone too.
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    if time.monotonic() >= deadline:
                        raise UnavailableError(
                            f"another fetch of {self._repository.key} takes too long"
                        ) from error
                    time.sleep(_LOCK_POLL_S)
            yield lock
        finally:
            os.close(lock)

    def _prepare(self, git: Git, sha: str, deadline: float) -> None:
        if (git.git_dir / "HEAD").is_file():
            for pattern in _LEFTOVERS:
                for path in git.git_dir.glob(pattern):
                    with suppress(OSError):
                        path.unlink()
            return
        shutil.rmtree(git.git_dir, ignore_errors=True)
        kind = "sha1" if len(sha) == 40 else "sha256"
        fresh = Path(tempfile.mkdtemp(prefix="new-", dir=self._folder))
        try:
            Git(fresh).ask(
                *("init", "--quiet", "--bare", "--template=", f"--object-format={kind}"),
                timeout_s=seconds_left(deadline),
            )
            fresh.replace(git.git_dir)
        except BaseException:
            shutil.rmtree(fresh, ignore_errors=True)
            raise

    def _bring(self, git: Git, sha: str, wanted: Sequence[str], deadline: float) -> bool:
        """Fetch the branches, and the commit by itself where no branch brought it."""
        left = list(wanted)
        while left:
            done = self._ask_server(git, [f"+{ref}:{_local(ref)}" for ref in left], deadline)
            if done.returncode == 0:
                break
            gone = missing_ref(done.stderr)
            if gone not in left:
                raise explained(self._repository, done)
            left.remove(gone)
            git.run("update-ref", "-d", _local(gone))
        if self.has(sha):
            return True
        # Under a name of its own, so that it stays when things are put together.
        done = self._ask_server(git, [f"+{sha}:refs/commits/{sha}"], deadline)
        if done.returncode != 0 and not is_unknown_revision(done.stderr):
            raise explained(self._repository, done)
        return self.has(sha)

    def _ask_server(self, git: Git, refspecs: Sequence[str], deadline: float) -> Completed:
        self._refuse_absent_folder()
        cut_off = (git.git_dir / "shallow").exists()
        try:
            done = git.run(
                "fetch",
                *("--quiet", "--force", "--no-tags", "--no-write-fetch-head"),
                *("--no-recurse-submodules", "--no-show-forced-updates"),
                "--unshallow" if cut_off else "--update-shallow",
                "--",
                self._repository.url,
                *refspecs,
                timeout_s=seconds_left(deadline),
            )
        except CheckError as error:
            if error.reason is FailureReason.TIMEOUT:
                raise UnavailableError(
                    f"{self._repository.key}: the git server took too long"
                ) from error
            raise
        if done.returncode != 0:
            # It may have gone while git was at work, which then says that it is no repository.
            self._refuse_absent_folder()
        return done

    def _refuse_absent_folder(self) -> None:
        local = Path(self._repository.url.removeprefix("file://"))
        if local.is_absolute() and not local.exists():
            raise UnavailableError(f"{self._repository.key}: the folder {local} is not there")

    def _tidy(self, git: Git, deadline: float) -> None:
        packs = sum(1 for _ in (git.git_dir / "objects" / "pack").glob("*.pack"))
        if packs > MAX_PACKS:
            # Housekeeping: what it does not do today it does after the next fetch.
            with suppress(CheckError):
                git.run("repack", "-d", "--geometric=2", "-q", timeout_s=seconds_left(deadline))


def _full_ref(name: str) -> str:
    ref = name if name.startswith("refs/") else f"refs/heads/{name}"
    if _REF.fullmatch(ref) is None or ".." in ref or "@{" in ref or len(ref) > 1024:
        raise CheckError(FailureReason.UNKNOWN_REVISION, f"{name[:80]!r} is no name of a branch")
    return ref


def _local(ref: str) -> str:
    # Not under their own names: `a` can become `a/b` on the server, which git cannot store
    # beside what it still has.
    return f"refs/fetched/{hashlib.sha256(ref.encode()).hexdigest()[:40]}"
