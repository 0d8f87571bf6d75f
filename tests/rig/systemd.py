"""A real systemd in namespaces of its own, without a container runtime: for root, on Linux."""

import os
import subprocess
import uuid
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.rig.leftovers import processes
from tests.rig.waiting import eventually

CGROUPS = Path("/sys/fs/cgroup")
# Set to 2 to take the hierarchy of version 2 where those of version 1 stand beside it.
VERSION = "DEVSECOPS_EDA_RIG_CGROUPS"
SYSTEMD = Path("/lib/systemd/systemd")
START_S = 30.0
COMMAND_S = 300.0
PATH = "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class CommandError(AssertionError):
    """A command inside ended otherwise than well; the message has its output."""


class Systemd:
    """One systemd as process 1; all that runs below it ends with it.

    Args:
        folder: an empty folder of the test.
        over: what is laid over this machine's files, as ``DESTDIR`` of an installation has it.
        alone: with a network of its own, in which there is nothing but its loopback interface.
        beside: in the network of another one, which is alone.
    """

    def __init__(
        self,
        folder: Path,
        *,
        over: Path,
        alone: bool = False,
        beside: "Systemd | None" = None,
    ) -> None:
        self._name = f"devsecops-eda-rig-{uuid.uuid4().hex[:8]}"
        self._base = folder / "base"
        self._over = over
        self._alone = alone
        self._beside = beside
        self._log = folder / "boot.log"
        self._outer: subprocess.Popen[bytes] | None = None
        self._groups: list[Path] = []
        self.pid = 0

    def __enter__(self) -> Self:
        assert os.geteuid() == 0, "only root can start a systemd of its own"
        assert SYSTEMD.exists(), f"{SYSTEMD} is missing: apt-get install systemd"
        self._base.mkdir()
        try:
            self._boot()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def _boot(self) -> None:
        script = Path(__file__).with_name("systemd_boot.sh")
        enter = [f"echo $$ >{group}/cgroup.procs" for group in self._make_cgroups()]
        namespaces = "--mount --pid --fork --kill-child --uts --ipc --cgroup"
        namespaces += " --net" * self._alone
        version = "2" if _unified() else "1"
        there = f"nsenter --target={self._beside.pid} --net " if self._beside else ""
        boot = f'{there}unshare {namespaces} sh "{script}" "{self._base}" "{self._over}" {version}'
        with self._log.open("wb") as log:
            self._outer = subprocess.Popen(
                ["sh", "-euc", "\n".join((*enter, f"exec {boot}"))],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        eventually(self._is_up, timeout_s=START_S, what="systemd runs")

    def _is_up(self) -> bool:
        assert self._outer is not None
        assert self._outer.poll() is None, f"it did not start: {self._log.read_text()}"
        children = [one for one in processes() if one.parent == self._outer.pid]
        if not children or "systemd --system" not in children[0].command:
            return False
        self.pid = children[0].pid
        return self._run(["systemctl", "is-system-running"]).stdout.strip() == "running"

    def _make_cgroups(self) -> list[Path]:
        """Make a group of its own in every hierarchy, below ours: all it does stays in there."""
        unified = _unified()
        if unified:
            wanted = " ".join(f"+{one}" for one in ("memory", "pids") if one in _controls(unified))
            (unified / "cgroup.subtree_control").write_text(wanted)
        for ours in [unified] if unified else _our_groups():
            group = ours / self._name
            group.mkdir()
            self._groups.append(group)
            for name in ("cpuset.cpus", "cpuset.mems"):
                if (group / name).exists() and not unified:
                    # Nothing can join before it has some.
                    (group / name).write_text((ours / name).read_text())
        return self._groups

    def _end(self) -> None:
        if self._outer is not None:
            # With process 1 of the namespace everything in it ends; unshare(1) waits for that.
            if self._outer.poll() is None:
                self._outer.kill()
            self._outer.wait(30)
        eventually(self._cgroups_are_gone, timeout_s=30, what="its cgroups are gone")

    def _cgroups_are_gone(self) -> bool:
        for top in self._groups:
            for group, _, _ in os.walk(top, topdown=False):
                try:
                    Path(group).rmdir()
                except OSError:
                    return False
        return True

    def _run(
        self,
        argv: Sequence[str],
        environ: Mapping[str, str] | None = None,
        *,
        online: bool = False,
    ) -> subprocess.CompletedProcess[str]:
        spaces = ("--mount", "--pid", "--uts", "--ipc", "--cgroup") if online else ("--all",)
        return subprocess.run(
            ["nsenter", f"--target={self.pid}", *spaces, *argv],
            env={**(environ or {}), "PATH": PATH},
            cwd="/",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )

    def run(
        self, *argv: str, environ: Mapping[str, str] | None = None, online: bool = False
    ) -> str:
        """Run a command inside, as root, and return what it printed.

        It is given nothing of our environment unless ``environ`` says so, and where the machine is
        ``alone`` our network only if ``online``: what fetches packages needs it.

        Raises:
            CommandError: it ended otherwise than with 0.
        """
        done = self._run(argv, environ, online=online)
        if done.returncode:
            raise CommandError(f"{argv} ended with {done.returncode}: {done.stdout}{done.stderr}")
        return done.stdout

    @property
    def limits_memory(self) -> bool:
        """Whether `MemoryMax=` has something to act with: version 2 may stand there without."""
        unified = _unified()
        return unified is None or "memory" in _controls(unified)

    def path(self, inside: str) -> Path:
        """Return a path of ours for one inside."""
        return Path(f"/proc/{self.pid}/root{inside}")

    def write(self, inside: str, text: str, *, mode: int = 0o644) -> None:
        """Write a file inside."""
        path = self.path(inside)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        path.chmod(mode)

    def drop_in(self, unit: str, text: str) -> None:
        """Add lines to the section [Service] of a unit."""
        self.write(f"/etc/systemd/system/{unit}.d/rig.conf", f"[Service]\n{text}\n")
        self.run("systemctl", "daemon-reload")

    def show(self, unit: str, name: str) -> str:
        """Return one property of a unit."""
        return self.run("systemctl", "show", "--value", "--property", name, unit).strip()

    def journal(self, unit: str, *, since: float = 0) -> str:
        """Return what a unit said, and what systemd said of it, ``since`` then (Unix time)."""
        words = ("--no-pager", "--output=cat", f"--since=@{since:.6f}", "--unit", unit)
        return self.run("journalctl", *words)

    def in_unit(self, unit: str) -> tuple[int, ...]:
        """Return the process ids, as we see them, of all that runs in a unit."""
        group = self.show(unit, "ControlGroup")
        inside = "/sys/fs/cgroup" if _unified() else "/sys/fs/cgroup/systemd"
        found: list[int] = []
        for folder, _, _ in os.walk(self.path(inside + group)) if group else ():
            found += map(int, (Path(folder) / "cgroup.procs").read_text().split())
        return tuple(found)


def _our_groups() -> Iterator[Path]:
    """Yield the group that we are in, for each hierarchy of version 1 and what stands beside."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, names, path = line.split(":", 2)
        hierarchy = names.removeprefix("name=") or "unified"
        if (CGROUPS / hierarchy).is_dir():
            yield CGROUPS / hierarchy / path.lstrip("/")


def _unified() -> Path | None:
    """Return where the one hierarchy of version 2 is, None where those of version 1 are taken."""
    if (CGROUPS / "cgroup.controllers").exists():
        return CGROUPS
    beside = CGROUPS / "unified"
    if os.environ.get(VERSION) != "2":
        return None
    assert (beside / "cgroup.controllers").exists(), f"no hierarchy of version 2 is at {beside}"
    return beside


def _controls(unified: Path) -> list[str]:
    return (unified / "cgroup.controllers").read_text().split()
