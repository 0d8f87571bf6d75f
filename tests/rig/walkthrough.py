"""A page of the documentation walked by an operator: its commands, verbatim, on hosts of its own.

A host is a systemd in namespaces, on this machine's files. All hosts of one walk share one network
that nobody else has; each name leads to another address of its loopback interface.
"""

import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.rig.pages import Block, parsed
from tests.rig.provide import ROOT
from tests.rig.systemd import CommandError, Systemd

NAMES = {"RabbitMQ's": "mq.example", "the gate's": "gate.example", "the workers'": "work.example"}
"""Hosts as the first line of a block calls them, and their names."""
EVERYWHERE = "each"
FORGE = "git.example"
SOURCE = "/usr/local/src/devsecops_eda"
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
FETCHING = "Packages"
"""What is below such a heading may use this machine's network, all else only that of the hosts."""
_FIRST_LINE = re.compile(r"# on (.*?) host(, with three hosts)?\n")
_CARRIED = "/run/carried"
# Instead of ssh: what is sent to a host waits in a folder until the block is over.
_SCP = f"""#!/usr/bin/env bash
set -eu
[[ $1 == -p && ${{*: -1}} =~ ^root@([a-z.]+):(/.+)/$ ]]
to={_CARRIED}/${{BASH_REMATCH[1]}}${{BASH_REMATCH[2]}}
mkdir -p "$to"
cp -p -- "${{@:2:$#-2}}" "$to/"
"""
# Of an earlier use of these programs on this machine.
_EMPTIED = ("/var/lib/rabbitmq/mnesia", "/var/lib/prometheus/metrics2")


@dataclass(frozen=True, slots=True)
class Step:
    """Some commands of the page: below which heading, on which host, and for how many hosts."""

    heading: str
    host: str
    three_only: bool
    text: str


def steps(page: str) -> list[Step]:
    """Return the commands of a page's text, in order.

    Raises:
        ValueError: a block does not say where it is run, or names a host that there is not.
    """
    return [_step(block) for block in parsed(page) if block.language == "sh"]


def _step(block: Block) -> Step:
    first = _FIRST_LINE.match(block.text)
    if first is None:
        raise ValueError(f"a block below {block.heading!r} does not say on which host")
    host, three_only = first.groups()
    if host not in {EVERYWHERE, *NAMES}:
        raise ValueError(f"there is no host called {host!r}")
    return Step(block.heading, host, bool(three_only), block.text[first.end() :])


class Walk:
    """The hosts of one walk, one or three of them; a context manager that leaves nothing behind.

    Args:
        folder: an empty folder of the test.
        number: 1 for one host with all names, 3 for one each.
        opening: what an operator does first in each shell: the page's variables.
    """

    def __init__(self, folder: Path, *, number: int, opening: Step) -> None:
        assert number in (1, len(NAMES))
        assert opening.host == EVERYWHERE
        self._folder = folder
        self._number = number
        self._opening = opening.text
        self._stack = ExitStack()
        self.hosts: dict[str, Systemd] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            over = self._folder / "over"
            _copy_of_the_project(over / SOURCE.lstrip("/"))
            started: list[Systemd] = []
            for index in range(self._number):
                folder = self._folder / f"host-{index}"
                folder.mkdir()
                first = started[0] if started else None
                machine = Systemd(folder, over=over, alone=first is None, beside=first)
                started.append(stack.enter_context(machine))
                self._furnish(machine)
            self.hosts = {who: started[at % self._number] for at, who in enumerate(NAMES)}
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.close()

    @property
    def machines(self) -> list[Systemd]:
        """Each host once."""
        return list(dict.fromkeys(self.hosts.values()))

    def _furnish(self, machine: Systemd) -> None:
        machine.run("rm", "-rf", *_EMPTIED)
        names = {name: f"127.0.0.{at}" for at, name in enumerate((*NAMES.values(), FORGE), 2)}
        known = machine.path("/etc/hosts").read_text()
        lines = "".join(f"{address} {name}\n" for name, address in names.items())
        machine.write("/etc/hosts", f"{known}\n{lines}")
        machine.write("/usr/local/bin/scp", _SCP, mode=0o755)

    def serve(self, repositories: Path) -> None:
        """Let the forge serve all repositories below a folder over https, to everybody."""
        key, certificate = self._folder / "forge.key", self._folder / "forge.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
             "-subj", f"/CN={FORGE}", "-addext", f"subjectAltName=DNS:{FORGE}",
             "-keyout", key, "-out", certificate],
            check=True, capture_output=True,
        )  # fmt: skip
        for machine in self.machines:
            believed = machine.path(AUTHORITIES).read_text()
            machine.write(AUTHORITIES, believed + certificate.read_text())
        # In the hosts' network, with this machine's files.
        server = subprocess.Popen(
            ["nsenter", f"--target={self.machines[0].pid}", "--net", sys.executable, "-m",
             "tests.rig.forge", repositories, certificate, key],
            cwd=ROOT, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        self._stack.callback(server.wait, 30)
        self._stack.callback(server.kill)

    def carry_out(self, step: Step) -> str:
        """Carry out a step where it says, and return what was printed there.

        Raises:
            CommandError: it failed; with its commands.
        """
        if step.three_only and self._number == 1:
            return ""
        everywhere = step.host == EVERYWHERE
        machines = self.machines if everywhere else [self.hosts[step.host]]
        said = "".join(self._shell(machine, step) for machine in machines)
        self._deliver()
        return said

    def _shell(self, machine: Systemd, step: Step) -> str:
        environ = {"HOME": "/root", "DEBIAN_FRONTEND": "noninteractive"}
        online = FETCHING in step.heading
        if online:
            environ |= {name: text for name, text in os.environ.items() if name.startswith("PIP_")}
        shell = ("bash", "-euo", "pipefail", "-c", f"{self._opening}\n{step.text}")
        try:
            return machine.run(*shell, environ=environ, online=online)
        except CommandError as error:
            raise CommandError(f"{step.heading}:\n{step.text}\n{error}") from None

    def _deliver(self) -> None:
        for sender in self.machines:
            for who, name in NAMES.items():
                box = sender.path(f"{_CARRIED}/{name}")
                if box.exists():
                    shutil.copytree(box, self.hosts[who].path("/"), dirs_exist_ok=True)
                    shutil.rmtree(box)


def _copy_of_the_project(folder: Path) -> None:
    """Copy what a fresh clone has, with what is not committed yet."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout  # fmt: skip
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
