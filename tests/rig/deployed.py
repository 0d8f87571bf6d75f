"""A host as an operator sets it up: installed, configured, its services under a real systemd."""

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pika

from devsecops_eda.model import Event, EventType, Outcome, OutcomeStatus
from devsecops_eda.topology import queue_name
from tests.rig.site import REPO, Site
from tests.rig.systemd import CommandError, Systemd
from tests.rig.waiting import NeverHappenedError, eventually

ROOT = Path(__file__).parents[2]
LIBRARY = "/usr/local/lib/devsecops-eda"
CREDENTIALS = "/etc/devsecops-eda/credentials"
WORKERS, GATE = "devsecops-eda-worker@", "devsecops-eda-gate.service"
REPOSITORY = "/srv/app.git"
ALONE = "".join(f"[checks.{name}]\nenabled = false\n" for name in ("commit", "semgrep", "safety"))
"""Leaves no check but those that a test names."""


def install(folder: Path) -> None:
    """Do what ``make install`` does, below ``folder``, and add the check ``nap``."""
    # Not the interpreter of the tests: it may lie in a home folder, which no service sees.
    python = next(
        str(found)
        for minor in range(sys.version_info.minor, 10, -1)
        if (found := Path(f"/usr/bin/python3.{minor}")).exists()
    )
    done = subprocess.run(
        ["make", "install", f"PYTHON={python}", f"DESTDIR={folder}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (packages,) = folder.glob(f".{LIBRARY}/lib/python3*/site-packages")
    shutil.copy(Path(__file__).with_name("napping.py"), packages / "napping.py")
    described = packages / "napping-1.dist-info"
    described.mkdir()
    (described / "METADATA").write_text("Metadata-Version: 2.1\nName: napping\nVersion: 1\n")
    (described / "entry_points.txt").write_text("[devsecops_eda.checks]\nnap = napping:Nap\n")


def worker(check: str) -> str:
    """Return the unit that works on the queue of a check."""
    return f"{WORKERS}{check}.service"


class Deployed:
    """One test's configuration of a host, on its own virtual host of the broker."""

    def __init__(self, machine: Systemd, site: Site) -> None:
        self.machine = machine
        self.site = site
        self._drop_ins: dict[str, list[str]] = {}
        self._since = time.time()

    def set_up(self, checks: str) -> None:
        """Put configuration, credentials and the repository as it is now where they belong."""
        machine = self.machine
        shutil.copytree(self.site.bare, machine.path(REPOSITORY))
        machine.run("chown", "-R", "devsecops-eda-worker", REPOSITORY)
        machine.write("/etc/devsecops-eda/policy.yaml", self.site.policy.read_text())
        for role in (*self.site.checks, "gate"):
            machine.write(f"{CREDENTIALS}/broker_url.{role}", self.site.url, mode=0o600)
        machine.write(
            "/etc/devsecops-eda/devsecops-eda.toml",
            f"""transient_wait = "120s"
[broker]
sole_user = {json.dumps(self.site.address.user)}
[repositories."{REPO}"]
url = "{REPOSITORY}"
protocols = ["file"]
[gate]
policy = "/etc/devsecops-eda/policy.yaml"
database = "sqlite:////var/lib/devsecops-eda-gate/gate.db"
[evidence]
url = "file:///var/lib/devsecops-eda/evidence"
{checks}""",
        )
        machine.run("systemd-tmpfiles", "--create", "devsecops-eda.conf")

    def tear_down(self) -> None:
        """Stop all services and forget everything, for the next test."""
        machine = self.machine
        machine.run("systemctl", "stop", "devsecops-eda-*")
        for unit in self._drop_ins:
            shutil.rmtree(machine.path(f"/etc/systemd/system/{unit}.d"), ignore_errors=True)
        machine.run("systemctl", "daemon-reload")
        machine.run("systemctl", "reset-failed")
        state = "/var/lib/devsecops-eda /var/lib/devsecops-eda-gate"
        machine.run("sh", "-c", f"rm -rf {REPOSITORY}; find {state} -mindepth 1 -delete")

    def drop_in(self, unit: str, *lines: str) -> None:
        """Add lines to the section [Service] of a unit, for this test."""
        self._drop_ins.setdefault(unit, []).extend(lines)
        self.machine.drop_in(unit, "\n".join(self._drop_ins[unit]))

    def misplay(self, unit: str, part: str, arguments: str) -> None:
        """Let a unit start the program with one part played wrongly, see ``misplayed.py``."""
        script = "/usr/local/lib/misplayed.py"
        self.machine.write(script, Path(__file__).with_name("misplayed.py").read_text())
        command = f"{LIBRARY}/bin/python {script} {part} {arguments}"
        self.drop_in(unit, "ExecStart=", f"ExecStart={command}")

    def start(self, *units: str) -> None:
        """Start services; return when all of them take events.

        Raises:
            CommandError: one does not come up; with its journal.
        """
        try:
            self.machine.run("systemctl", "start", *units)
        except CommandError as error:
            said = "\n".join(self.journal(unit)[-4000:] for unit in units)
            raise CommandError(f"{error}\n{said}") from None

    def stop(self, unit: str) -> None:
        """Stop a service; return when it has ended."""
        self.machine.run("systemctl", "stop", unit)

    def journal(self, unit: str) -> str:
        """Return what a unit said in this test, and what systemd said of it."""
        return self.machine.journal(unit, since=self._since)

    def main_pid(self, unit: str) -> int:
        """Return the main process of a unit as seen inside, 0 while there is none."""
        return int(self.machine.show(unit, "MainPID"))

    def restarts(self, unit: str) -> int:
        """Return how often systemd has started a unit again by itself."""
        return int(self.machine.show(unit, "NRestarts"))

    def commands(self, unit: str) -> Sequence[str]:
        """Return the command lines of all that runs in a unit."""
        found = []
        for pid in self.machine.in_unit(unit):
            with suppress(FileNotFoundError, ProcessLookupError):
                words = Path(f"/proc/{pid}/cmdline").read_bytes()
                found.append(words.replace(b"\0", b" ").decode())
        return found

    def await_scan(self, unit: str, command: str) -> None:
        """Return once a scanner with ``command`` in its command line runs in a unit."""
        try:
            eventually(
                lambda: any(command in one for one in self.commands(unit)),
                timeout_s=60,
                what=f"{command} runs in {unit}",
            )
        except NeverHappenedError as never:
            raise NeverHappenedError(f"{never}\n{self.journal(unit)[-4000:]}") from None

    def statuses(self, event: Event) -> list[OutcomeStatus]:
        """Return how the check ended on ``event``, as often as it was told."""
        told = self.site.tap.events(EventType.SCAN_COMPLETED, EventType.SCAN_FAILED)
        return [
            one.data.status
            for one in told
            if one.causationid == event.id and isinstance(one.data, Outcome)
        ]

    def evidence(self) -> list[Path]:
        """Return everything below the folder of evidence."""
        return list(self.machine.path("/var/lib/devsecops-eda/evidence").rglob("*"))

    def waiting(self) -> int:
        """Return how many events wait in the queue of the check nap, given back ones too."""
        with pika.BlockingConnection(pika.URLParameters(self.site.url)) as connection:
            declared = connection.channel().queue_declare(queue_name("nap"), passive=True)
            return int(declared.method.message_count)
