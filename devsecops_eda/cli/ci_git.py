"""The checkout a CI job runs in, asked through git itself."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from devsecops_eda.settings.keys import without_ours

TIMEOUT_S = 30.0


@dataclass(frozen=True, slots=True)
class LocalGit:
    """Answers what `ci_job.Git` asks; None wherever git is not there or has no answer.

    Only what reads names and objects is asked: none of it runs a program that a repository names.
    """

    folder: Path

    def head(self) -> str | None:
        """Return the commit that is checked out."""
        return self._said("rev-parse", "--verify", "--quiet", "HEAD^{commit}")

    def branch(self) -> str | None:
        """Return the branch that is checked out, None for a bare commit."""
        return self._below("refs/heads/", "HEAD")

    def upstream(self) -> str | None:
        """Return the branch of the remote that the local one follows, without the remote."""
        local = self.branch()
        merge = self._said("config", "--get", f"branch.{local}.merge") if local else None
        found = merge.removeprefix("refs/heads/") if merge else None
        return found if found and found != merge else None

    def default_branch(self) -> str | None:
        """Return the default branch of ``origin`` as of the last clone."""
        return self._below("refs/remotes/origin/", "refs/remotes/origin/HEAD")

    def origin(self) -> str | None:
        """Return the URL of the remote ``origin``."""
        return self._said("config", "--get", "remote.origin.url")

    def parents(self, sha: str) -> int | None:
        """Return how many parents a commit has, also at the end of a shallow clone.

        None where it is not here.
        """
        raw = self._said("cat-file", "commit", sha)
        if raw is None:
            return None
        head = raw.partition("\n\n")[0]
        return sum(line.startswith("parent ") for line in head.splitlines())

    def has(self, revision: str) -> bool:
        """Return whether a revision is here."""
        said = self._said("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}")
        return said is not None

    def _below(self, prefix: str, name: str) -> str | None:
        ref = self._said("symbolic-ref", "--quiet", name)
        return ref.removeprefix(prefix) if ref and ref.startswith(prefix) else None

    def _said(self, *argv: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "--no-pager", *argv],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT_S,
                check=False,
                # The job's own decides how git works.
                env={
                    **without_ours(os.environ),
                    "GIT_OPTIONAL_LOCKS": "0",
                    "GIT_TERMINAL_PROMPT": "0",
                },
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        said = done.stdout.decode(errors="replace").strip()
        return said if done.returncode == 0 and said else None
