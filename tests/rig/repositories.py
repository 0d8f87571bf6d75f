"""Real git repositories, made by plumbing: a tree can hold what no work tree could."""

import os
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

FILE, EXECUTABLE, LINK, SUBMODULE = "100644", "100755", "120000", "160000"
UNKNOWN = "0" * 40
"""A commit that no repository has."""


class Repo:
    """A bare repository in a folder of its own."""

    def __init__(self, path: Path, *arguments: str) -> None:
        """Make it."""
        self.path = path
        self.git("init", "--quiet", "--bare", "--initial-branch=main", *arguments, str(path))

    def git(self, *arguments: str, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> str:
        """Run git in it and return what it says."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.path if self.path.is_dir() else self.path.parent,
            input=stdin,
            capture_output=True,
            check=False,
            env=environment(env),
        )
        assert done.returncode == 0, done.stderr.decode(errors="replace")
        return done.stdout.decode(errors="surrogateescape").strip()

    def blob(self, content: bytes) -> str:
        """Keep bytes and return their id."""
        return self.git("hash-object", "-w", "--stdin", stdin=content)

    def commit(
        self,
        files: Mapping[str | bytes, bytes],
        *,
        branch: str = "main",
        parents: Sequence[str] | None = None,
        modes: Mapping[str | bytes, str] | None = None,
        author: str = "Ann",
        committer: str = "Carl",
    ) -> str:
        """Make a commit that holds exactly ``files``, move ``branch`` there and return its id.

        Parents are the branch as it was, unless given. A submodule's content is its commit's id.
        """
        lines = []
        for path, content in files.items():
            mode = (modes or {}).get(path, FILE)
            oid = content.decode() if mode == SUBMODULE else self.blob(content)
            lines.append(b"%s %s\t%s\0" % (mode.encode(), oid.encode(), os.fsencode(path)))
        with tempfile.TemporaryDirectory() as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self.git("update-index", "-z", "--index-info", stdin=b"".join(lines), env=index)
            tree = self.git("write-tree", env=index)
        return self.commit_tree(
            tree, branch=branch, parents=parents, author=author, committer=committer
        )

    def commit_tree(
        self,
        tree: str,
        *,
        branch: str = "main",
        parents: Sequence[str] | None = None,
        author: str = "Ann",
        committer: str = "Carl",
    ) -> str:
        """Make a commit of a tree that is there, move ``branch`` there and return its id."""
        if parents is None:
            known = self.git("for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}")
            parents = known.split()
        who = {
            "GIT_AUTHOR_NAME": author,
            "GIT_AUTHOR_EMAIL": f"{author.lower()}@example.org",
            "GIT_COMMITTER_NAME": committer,
            "GIT_COMMITTER_EMAIL": f"{committer.lower()}@example.org",
        }
        options = [word for parent in parents for word in ("-p", parent)]
        sha = self.git("commit-tree", tree, *options, "-m", "a commit", env=who)
        self.git("update-ref", f"refs/heads/{branch}", sha)
        return sha


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Git's environment in tests: nothing of whoever runs them."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_AUTHOR_NAME": "Ann",
        "GIT_AUTHOR_EMAIL": "ann@example.org",
        "GIT_COMMITTER_NAME": "Carl",
        "GIT_COMMITTER_EMAIL": "carl@example.org",
        **(more or {}),
    }


def git_in(folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> str:
    """Run git in a work tree and return what it says."""
    done = subprocess.run(
        ["git", *arguments], cwd=folder, capture_output=True, check=False, env=environment(env)
    )
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout.decode(errors="replace").strip()
