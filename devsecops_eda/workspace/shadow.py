"""A git directory of our own that borrows what a checkout holds and nothing of what it orders.

The configuration of a checkout can name programs in many places (file system monitor, hooks,
filters, external diff, pager, ssh), and the list grows with git. So it is not read at all: only
a few plain switches that say how files of the work tree compare are taken over.
"""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.workspace.git import Git

_MAX_FILE_BYTES = 1024 * 1024

_SWITCHES = {
    "core.filemode": ("true", "false"),
    "core.ignorecase": ("true", "false"),
    "core.autocrlf": ("true", "false", "input"),
    "core.eol": ("lf", "crlf", "native"),
    "core.sparsecheckout": ("true", "false"),
    "extensions.objectformat": ("sha1", "sha256"),
}


@dataclass(frozen=True, slots=True)
class GitFolder:
    """Where a checkout keeps its own state (``own``) and what it shares (``common``)."""

    own: Path
    common: Path


def find_git_folder(checkout: Path) -> GitFolder:
    """Return the git directory of a checkout, a linked work tree or a submodule.

    Raises:
        CheckError: ``misconfigured`` when there is none, or it belongs to somebody else than the
            checkout: a file in it may point to any repository of whoever scans.
    """
    place = checkout / ".git"
    if place.is_dir():
        own = place.resolve()
    else:
        text = _small_file(place)
        if text is None or not text.startswith(b"gitdir: "):
            raise CheckError(FailureReason.MISCONFIGURED, f"{checkout} is no git checkout")
        own = (checkout / os.fsdecode(text[8:].strip())).resolve()
    shared = _small_file(own / "commondir")
    common = (own / os.fsdecode(shared.strip())).resolve() if shared else own
    for folder in (own, common):
        if not (folder.is_dir() and (common / "objects").is_dir()):
            raise CheckError(FailureReason.MISCONFIGURED, f"{folder} is no git directory")
        if folder.stat().st_uid != checkout.stat().st_uid:
            raise CheckError(
                FailureReason.MISCONFIGURED,
                f"{checkout} and its git directory {folder} belong to different users",
            )
    if (common / "reftable").is_dir():
        raise CheckError(
            FailureReason.MISCONFIGURED, f"{common} keeps references as reftable: not supported yet"
        )
    return GitFolder(own, common)


def shadow_of(checkout: Path, found: GitFolder) -> Git:
    """Make the git directory and return git with it; whoever calls removes it.

    Raises:
        CheckError: the checkout has no HEAD that git could have written.
    """
    head = _small_file(found.own / "HEAD")
    if head is None:
        raise CheckError(FailureReason.MISCONFIGURED, f"{found.own} has no HEAD")
    shadow = Path(tempfile.mkdtemp(prefix="devsecops-eda-git-"))
    try:
        (shadow / "HEAD").write_bytes(head)
        (shadow / "config").write_text(_configuration(found))
        (shadow / "objects").symlink_to(found.common / "objects")
        (shadow / "refs").symlink_to(found.common / "refs")
        for name in ("packed-refs", "shallow"):
            content = _small_file(found.common / name, most=256 * _MAX_FILE_BYTES)
            if content is not None:
                (shadow / name).write_bytes(content)
        (shadow / "info").mkdir()
        (shadow / "info" / "exclude").write_bytes(
            _small_file(found.common / "info" / "exclude") or b""
        )
        for part in found.own.glob("sharedindex.*"):
            (shadow / part.name).symlink_to(part)
    except BaseException:
        shutil.rmtree(shadow, ignore_errors=True)
        raise
    return Git(
        shadow,
        variables={
            "GIT_WORK_TREE": str(checkout),
            "GIT_INDEX_FILE": str(found.own / "index"),
        },
        configuration=(("core.excludesFile", _own_excludes()),),
    )


def origin_url(found: GitFolder) -> str | None:
    """Return the URL of the remote ``origin`` as it stands in the checkout's configuration."""
    return _values(found).get("remote.origin.url")


def _configuration(found: GitFolder) -> str:
    values = _values(found)
    lines = ["[core]", "bare = false", "repositoryformatversion = 1"]
    for key, allowed in _SWITCHES.items():
        value = values.get(key, "").lower()
        if value in allowed:
            section, _, name = key.partition(".")
            lines += [f"[{section}]", f"{name} = {value}"]
    return "\n".join(lines) + "\n"


def _values(found: GitFolder) -> dict[str, str]:
    """Read the checkout's configuration as a plain file: nothing is included, nothing obeyed."""
    if not (found.common / "config").is_file():
        return {}
    with tempfile.TemporaryDirectory() as nowhere:
        done = Git(Path(nowhere)).run(
            "config", "--file", str(found.common / "config"), "--no-includes", "-z", "--list"
        )
    pairs = (entry.partition(b"\n") for entry in done.stdout.split(b"\0") if entry)
    return {key.decode(errors="replace"): value.decode(errors="replace") for key, _, value in pairs}


def _own_excludes() -> str:
    """Return the file in which the user who runs us lists what git shall ignore everywhere."""
    home = os.environ.get("HOME")
    if not home:
        return os.devnull
    default = Path(os.environ.get("XDG_CONFIG_HOME") or Path(home) / ".config") / "git" / "ignore"
    try:
        # The user's own configuration, which only they can write: git may read all of it.
        done = subprocess.run(
            ["git", "config", "--global", "--type=path", "--get", "core.excludesFile"],
            env={"PATH": os.environ.get("PATH", os.defpath), "HOME": home, "LC_ALL": "C"},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return os.devnull
    named = os.fsdecode(done.stdout.strip())
    return named or str(default)


def _small_file(path: Path, *, most: int = _MAX_FILE_BYTES) -> bytes | None:
    """Return what a regular file holds, None when there is none of at most that size."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(file, "rb") as opened:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            return None
        content = opened.read(most + 1)
    return content if len(content) <= most else None
