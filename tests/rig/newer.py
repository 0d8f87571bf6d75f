"""RabbitMQ of a newer Debian beside the machine's own, unpacked into the rig's cache.

``python -m tests.rig.newer 4`` gets it. No root, no chroot and nothing on the machine itself: the
packages, with the C library they were built for, lie in a folder, and what is to run there is
started by that library's own loader. The signature of the packages is checked by apt.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.rig.provide import (
    CACHE,
    Broker,
    CannotProvideError,
    called,
    find_broker,
    newest,
    relocate,
)

# A key of RELEASES: all nodes of the tests are of that series, not of the machine's own.
CHOICE = "DEVSECOPS_EDA_RIG_RABBITMQ"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
DEBIAN = "http://deb.debian.org/debian"
# What a node is made of; of the rest (Python, passwd, dpkg) it needs nothing.
_NEEDED = re.compile(r"rabbitmq-server|erlang-\S+|lib(?!python)\S+(?<!-bin)")
# Both words of a wrapper's own: the programs are told the name by which they were called.
_WRAPPER = '#!/bin/sh\nexec "{loader}" --library-path "{libraries}" --argv0 "$0" "{real}" "$@"\n'


@dataclass(frozen=True, slots=True)
class Release:
    """A series of RabbitMQ, and the Debian that has it."""

    suite: str
    least: tuple[int, int]

    def has(self, version: str) -> bool:
        """Say whether ``version`` is one of this series, or a later one of the same major."""
        major, minor = (int(word) for word in version.split(".")[:2])
        return major == self.least[0] and (major, minor) >= self.least


RELEASES = {"4": Release("trixie", (4, 0)), "4.3": Release("forky", (4, 3))}


def find_newer(series: str) -> Broker | None:
    """Return the RabbitMQ of ``series`` in the cache, else nothing.

    Raises:
        CannotProvideError: nobody knows a Debian with such a series.
    """
    if series not in RELEASES:
        known = " and ".join(RELEASES)
        raise CannotProvideError(f"RabbitMQ {series} is not to be had here; {known} are")
    root = _root(series)
    scripts = newest("usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin", root)
    if scripts is None or not (root / "complete").exists():
        return None
    path = os.pathsep.join((str(root / "usr/bin"), os.environ.get("PATH", os.defpath)))
    return Broker(scripts, (("PATH", path),))


def find_chosen() -> Broker | None:
    """Return the RabbitMQ that CHOICE names, else the machine's own, else nothing.

    Raises:
        CannotProvideError: CHOICE names none that could be here.
    """
    series = os.environ.get(CHOICE)
    return find_newer(series) if series else find_broker()


def _root(series: str) -> Path:
    return CACHE / f"rabbitmq-{series}"


def get(series: str) -> None:
    """Unpack the RabbitMQ of ``series`` into the cache, where it is not there yet.

    Raises:
        CannotProvideError: no apt-get and dpkg here, or the packages are not to be had.
    """
    if find_newer(series) is not None:
        return
    for program in ("apt-get", "dpkg"):
        if shutil.which(program) is None:
            raise CannotProvideError(f"this is no Debian or Ubuntu: {program} is not here")
    if not KEYRING.exists():
        raise CannotProvideError(f"{KEYRING} is not here: apt-get install debian-archive-keyring")
    release, root = RELEASES[series], _root(series)
    print(f"getting RabbitMQ {series} of Debian {release.suite} (unpack)", flush=True)
    shutil.rmtree(root, ignore_errors=True)
    scratch = root / "scratch"
    for folder in ("lists/partial", "cache/archives/partial", "debs"):
        (scratch / folder).mkdir(parents=True)
    # A Debian in which nothing is installed, with no source but one.
    (scratch / "status").touch()
    (scratch / "sources.list").write_text(
        f"deb [signed-by={KEYRING}] {_mirror()} {release.suite} main\n"
    )
    own = [
        f"-oDir::Etc::sourcelist={scratch}/sources.list",
        "-oDir::Etc::sourceparts=/dev/null",
        f"-oDir::State::status={scratch}/status",
        f"-oDir::State::lists={scratch}/lists",
        f"-oDir::Cache={scratch}/cache",
        "-oDebug::NoLocking=1",
        "-oAPT::Sandbox::User=root",
        "-q",
    ]
    called(("apt-get", *own, "update"))
    plan = called(("apt-get", *own, "install", "-s", "--no-install-recommends", "rabbitmq-server"))
    planned = (line.split()[1] for line in plan.splitlines() if line.startswith("Inst "))
    names = [name for name in planned if _NEEDED.fullmatch(name)]
    called(("env", "-C", str(scratch / "debs"), "apt-get", *own, "download", *names))
    for archive in sorted((scratch / "debs").glob("*.deb")):
        called(("dpkg", "-x", str(archive), str(root)))
    relocate(root)
    _load_by_its_own(root)
    shutil.rmtree(scratch)
    (root / "complete").touch()


def _mirror() -> str:
    """Return where this machine gets its Debian from, else where everybody can."""
    said = called(
        ("apt-get", "indextargets", "--format", "$(ORIGIN)|$(LABEL)|$(REPO_URI)",
         "Created-By: Packages")
    )  # fmt: skip
    rows = (line.split("|") for line in said.splitlines())
    return next((uri for origin, label, uri in rows if origin == label == "Debian"), DEBIAN)


def _load_by_its_own(root: Path) -> None:
    """Let a script stand for each program: it starts it with the loader and libraries of ``root``.

    In the environment they would also hold for the machine's own programs that a node starts.
    """
    (loader,) = (root / "usr/lib").glob("*/ld-linux*.so.*")
    for program in (root / "usr/lib/erlang").glob("**/bin/*"):
        if program.is_symlink() or not program.is_file():
            continue
        with program.open("rb") as file:
            head = file.read(4096)
        if head.startswith(b"\x7fELF") and b"/ld-linux" in head:
            real = program.rename(program.with_name(program.name + ".real"))
            program.write_text(_WRAPPER.format(loader=loader, libraries=loader.parent, real=real))
            program.chmod(0o755)


def main(*wanted: str) -> None:
    """Get each series that is ``wanted``."""
    for series in wanted:
        get(series)


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (CannotProvideError, OSError, subprocess.TimeoutExpired) as failure:
        sys.exit(f"error: {failure}")
