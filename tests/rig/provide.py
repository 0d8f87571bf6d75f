"""Get RabbitMQ, PostgreSQL, Prometheus and the like for the tests, where the machine has none.

``python -m tests.rig.provide`` installs the distribution's packages as root, and unpacks the same
packages into a cache folder as anybody else. It uses nothing but the standard library.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("DEVSECOPS_EDA_RIG_CACHE") or ROOT / ".cache" / "rig")
# Set to 1 to take the way of a user who is not root, whoever you are.
UNPACK = "DEVSECOPS_EDA_RIG_UNPACK"
PACKAGES = {
    "rabbitmq-server": "RabbitMQ",
    "postgresql": "PostgreSQL",
    "prometheus": "Prometheus",
    "prometheus-node-exporter": "its node exporter",
    "bubblewrap": "bubblewrap",
    "sqlite3": "SQLite's own program",
    "systemd": "systemd-analyze",
}
POLICY = Path("/usr/sbin/policy-rc.d")
SERVICES = {
    "rabbitmq-server": ("rabbitmq-server.service", "epmd.service", "epmd.socket"),
    "postgresql": ("postgresql.service",),
    "prometheus": ("prometheus.service",),
    "prometheus-node-exporter": ("prometheus-node-exporter.service",),
}


class CannotProvideError(RuntimeError):
    """A program that the tests need is neither here nor to be had; the message names the mend."""


@dataclass(frozen=True, slots=True)
class Broker:
    """Where RabbitMQ's own scripts are, and what must stand in the environment to run them."""

    sbin: Path
    environment: tuple[tuple[str, str], ...] = ()

    @property
    def version(self) -> str:
        """What the folder of its programs is called after."""
        return self.sbin.parent.name.rpartition("-")[2]


def newest(pattern: str, below: Path) -> Path | None:
    """Return the last by name of what matches ``pattern`` below a folder, if anything does."""
    found = sorted(below.glob(pattern))
    return found[-1] if found else None


def _unpacked() -> Path:
    return CACHE / "root"


def find_broker() -> Broker | None:
    """Return the RabbitMQ of this machine, else the unpacked one, else nothing."""
    # Debian's /usr/sbin/rabbitmq-server changes to the user rabbitmq when root calls it; the
    # scripts that it wraps run as whoever starts them.
    scripts = "usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin"
    system = newest(scripts, Path("/"))
    if system is not None and shutil.which("erl"):
        return Broker(system)
    on_path = shutil.which("rabbitmq-server")
    if on_path is not None and (Path(on_path).resolve().parent / "rabbitmq-env").exists():
        return Broker(Path(on_path).resolve().parent)
    root = _unpacked()
    own = newest(scripts, root)
    if own is None or not (root / "complete").exists():
        return None
    path = os.pathsep.join((str(root / "usr/bin"), os.environ.get("PATH", os.defpath)))
    return Broker(own, (("PATH", path), _libraries(root)))


def _libraries(root: Path) -> tuple[str, str]:
    folders = sorted({str(path.parent) for path in (root / "usr/lib").glob("*/lib*.so.*")})
    return "LD_LIBRARY_PATH", os.pathsep.join(folders)


@dataclass(frozen=True, slots=True)
class Database:
    """Where PostgreSQL's own programs are, and what must stand in the environment to run them."""

    bin: Path
    environment: tuple[tuple[str, str], ...] = ()


def find_database() -> Database | None:
    """Return the PostgreSQL server of this machine, else the unpacked one, else nothing."""
    programs = "usr/lib/postgresql/*/bin/postgres"
    system = newest(programs, Path("/"))
    if system is not None:
        return Database(system.parent)
    on_path = shutil.which("postgres")
    if on_path is not None:
        return Database(Path(on_path).resolve().parent)
    root = _unpacked()
    own = newest(programs, root)
    if own is None or not (root / "complete").exists():
        return None
    return Database(own.parent, (_libraries(root),))


def find_of_prometheus(name: str = "prometheus") -> Path | None:
    """Return one of Prometheus's programs: the machine's, else the unpacked one, else nothing."""
    found = shutil.which(name)
    own = _unpacked() / "usr/bin" / name
    if found is None and own.exists() and (_unpacked() / "complete").exists():
        return own
    return Path(found) if found else None


def find_program(name: str) -> Path | None:
    """Return a program by its name: the machine's, else the unpacked one, else nothing."""
    found = shutil.which(name) or shutil.which(name, path=str(CACHE / "bin"))
    return Path(found) if found else None


def missing() -> tuple[str, ...]:
    """Return the names of the packages whose programs are not there."""
    found = {
        "rabbitmq-server": find_broker(),
        "postgresql": find_database(),
        "prometheus": find_of_prometheus(),
        "prometheus-node-exporter": find_of_prometheus("prometheus-node-exporter"),
        "bubblewrap": find_program("bwrap"),
        "sqlite3": find_program("sqlite3"),
        "systemd": find_program("systemd-analyze"),
    }
    return tuple(package for package in PACKAGES if found[package] is None)


def called(argv: Sequence[str], **more: str) -> str:
    """Run ``argv`` and return what it printed.

    Raises:
        CannotProvideError: it ended with another exit code than 0.
    """
    done = subprocess.run(
        argv,
        env={**os.environ, "LC_ALL": "C", **more},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=600,
        check=False,
    )
    if done.returncode != 0:
        last = "; ".join(done.stdout.strip().splitlines()[-3:])
        raise CannotProvideError(f"{' '.join(argv[:4])} … ended with {done.returncode}: {last}")
    return done.stdout


@contextmanager
def _no_service_starts() -> Iterator[None]:
    """Keep packages from starting servers of the system: the tests start their own."""
    if POLICY.exists():
        # Somebody else's rule about services; it stays as it is, and we look afterwards.
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink()


def install(packages: Sequence[str]) -> None:
    """Install ``packages`` from the distribution, as root, and leave no service running.

    Raises:
        CannotProvideError: apt-get could not.
    """
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    options = ("-y", "-q", "--no-install-recommends")
    called(("apt-get", "update", "-q"), **quiet)
    with _no_service_starts():
        called(("apt-get", "install", *options, *packages), **quiet)
    for package in SERVICES.keys() & set(packages):
        _no_service_at_boot(package)


def _no_service_at_boot(package: str) -> None:
    """Undo what a package enabled: nobody asked for its server on this machine."""
    if Path("/run/systemd/system").is_dir():
        called(("systemctl", "disable", "--now", *SERVICES[package]))
    elif shutil.which("systemctl"):
        called(("systemctl", "disable", *SERVICES[package]))
    if shutil.which("update-rc.d"):
        called(("update-rc.d", package, "disable"))


def unpack(packages: Sequence[str]) -> None:
    """Unpack ``packages``, and what they need and this machine lacks, into the cache folder.

    Raises:
        CannotProvideError: no apt-get and dpkg here, or the packages are not to be had.
    """
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        raise CannotProvideError("this is no Debian or Ubuntu: apt-get and dpkg are not here")
    root, archives = _unpacked(), CACHE / "archives"
    shutil.rmtree(root, ignore_errors=True)
    for folder in (root, archives, CACHE / "lists" / "partial", CACHE / "apt" / "archives/partial"):
        folder.mkdir(parents=True, exist_ok=True)
    # Package lists of our own: those of the machine may be missing, and only root may renew them.
    own: tuple[str, ...] = (
        "-o",
        f"Dir::State::lists={CACHE / 'lists'}",
        "-o",
        f"Dir::Cache={CACHE / 'apt'}",
    )
    own += ("-o", "Debug::NoLocking=1", "-o", "APT::Sandbox::User=root", "-q")
    called(("apt-get", *own, "update"))
    plan = called(("apt-get", *own, "install", "-s", "--no-install-recommends", *packages))
    names = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    called(("env", "-C", str(archives), "apt-get", *own, "download", *names))
    for archive in sorted(archives.glob("*.deb")):
        called(("dpkg", "-x", str(archive), str(root)))
    relocate(root)
    _wrap(root)
    (root / "complete").touch()
    for scratch in (archives, CACHE / "lists", CACHE / "apt"):
        shutil.rmtree(scratch)


def relocate(root: Path) -> None:
    """Make an unpacked Erlang find its own files."""
    scripts = (path for path in (root / "usr/lib/erlang").glob("**/bin/*") if path.is_file())
    for script in scripts:
        text = script.read_bytes()
        if text.startswith(b"#!") and b"=/usr/lib/erlang" in text:
            home = str(root / "usr/lib/erlang").encode()
            script.write_bytes(text.replace(b"=/usr/lib/erlang", b"=" + home))


def _wrap(root: Path) -> None:
    """Make the unpacked programs that are called by name find their own libraries."""
    libraries = newest("usr/lib/*-linux-gnu*", root) or root
    for name in ("bwrap", "sqlite3", "systemd-analyze"):
        if (root / "usr/bin" / name).exists():
            wrapper = CACHE / "bin" / name
            wrapper.parent.mkdir(exist_ok=True)
            wrapper.write_text(
                f'#!/bin/sh\nLD_LIBRARY_PATH="{libraries}:{libraries}/systemd" '
                f'exec "{root}/usr/bin/{name}" "$@"\n'
            )
            wrapper.chmod(0o755)


def provide() -> None:
    """Make everything in PACKAGES available to the tests.

    Raises:
        CannotProvideError: they are not here and neither way to them works.
    """
    wanted = missing()
    if not wanted:
        return
    names = " and ".join(PACKAGES[package] for package in wanted)
    reasons = []
    for way, packages, allowed in (
        (install, wanted, os.geteuid() == 0 and not os.environ.get(UNPACK)),
        # All of them: what was unpacked before is unpacked anew.
        (unpack, tuple(PACKAGES), True),
    ):
        if not allowed:
            continue
        print(f"getting {names} ({way.__name__})", flush=True)
        try:
            way(packages)
        except (CannotProvideError, OSError, subprocess.TimeoutExpired) as error:
            reasons.append(f"{way.__name__}: {error}")
        wanted = missing()
        if not wanted:
            return
    raise CannotProvideError(
        f"the tests need {names}; install the packages {' '.join(wanted)} ({'; '.join(reasons)})"
    )


if __name__ == "__main__":
    try:
        provide()
    except CannotProvideError as failure:
        sys.exit(f"error: {failure}")
