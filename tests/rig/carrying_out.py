"""A Dockerfile carried out without an engine: each instruction in order, in roots of our own.

No engine runs where this project is tested. So the base image is a Debian made by debootstrap,
a stage is an overlay on what it is built from, and a command runs in namespaces of its own with
that root. Only as root, and only in a mount namespace that nobody else has (`carried_out`).
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dockerfile_parse import DockerfileParser

from tests.rig.provide import CACHE, ROOT

SUITE = "bookworm"
# From here on the root is the new one, as it is in a container: a chroot would forbid bubblewrap
# its namespaces.
ENTER = """
root=$1; shift
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
while [ "$1" != -- ]; do
    mkdir -p "$root$(dirname "$1")"
    if [ -d "$1" ]; then mkdir -p "$root$1"; else touch "$root$1"; fi
    mount --bind -o ro "$1" "$root$1"; shift
done
shift
cd "$root"; mkdir -p .old; pivot_root . .old; cd /
umount -l /.old; rmdir /.old
exec "$@"
"""
LOOPBACK_UP = (
    "import fcntl, os, socket, struct, sys;"
    "fcntl.ioctl(socket.socket(), 0x8914, struct.pack('16sh', b'lo', 65));"
    "os.execvp(sys.argv[1], sys.argv[1:])"
)


@dataclass
class Stage:
    """What one stage has come to: its root and what holds for the next instruction in it."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"


def debian() -> Path:
    """Return the root of a small Debian with Python, made once and kept in the rig's cache."""
    root = CACHE / f"debian-{SUITE}"
    if not (root / "complete").exists():
        if shutil.which("debootstrap") is None:
            raise SystemExit("debootstrap is not here: apt-get install debootstrap")
        shutil.rmtree(root, ignore_errors=True)
        include = "--include=ca-certificates,python3,python3-venv"
        subprocess.run(
            ("debootstrap", "--variant=minbase", include, SUITE, str(root)),
            check=True,
            stdout=sys.stderr,
            timeout=900,
        )
        # As the official images of Python have it.
        (root / "usr/local/bin/python").symlink_to("/usr/bin/python3")
        (root / "complete").touch()
    return root


def _of_this_machine() -> list[str]:
    """The files by which this machine reaches its package indexes: wherever it may be told to."""
    said = subprocess.run(
        (sys.executable, "-m", "pip", "config", "list"),
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout + " ".join(value for name, value in os.environ.items() if name.startswith("PIP_"))
    named = {Path(path) for path in re.findall(r"(?<![\w/])(?:file://)?(/[\w./-]+)", said)}
    named |= {Path("/etc/resolv.conf"), Path("/etc/pip.conf"), Path("/etc/xdg/pip")}
    there = {path for path in named if path.exists()}
    return sorted(str(path) for path in there if not there & set(path.parents))


class Carrying:
    """Carries out one Dockerfile in ``folder``."""

    def __init__(self, folder: Path, base: Path, shown: Sequence[str]) -> None:
        self._folder, self._base = folder, base
        self._binds = [*_of_this_machine(), *shown]
        self.stages: dict[str, Stage] = {}

    def run(self, stage: Stage, argv: Sequence[str], *, network: bool = True) -> tuple[int, str]:
        """Run a command in the root of a stage, as its user; return its exit code and output."""
        user, _, group = stage.words.get("USER", "0:0").partition(":")
        become = ("setpriv", f"--reuid={user}", f"--regid={group}", "--clear-groups", "--")
        own = {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
        variables = {"PATH": "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **own}
        variables |= stage.arguments | stage.environment
        unshare = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--propagation=private"]
        alone: tuple[str, ...] = ()
        if not network:
            unshare.append("--net")
            alone = ("/usr/bin/python3", "-c", LOOPBACK_UP)
        change = ("env", "-i", "-C", stage.workdir, *(f"{k}={v}" for k, v in variables.items()))
        done = subprocess.run(
            (*unshare, "sh", "-euc", ENTER, "sh", str(stage.root), *self._binds, "--",
             *alone, *become, *change, *argv),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=1500, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout

    def carry_out(self, dockerfile: Path) -> None:
        """Carry out all instructions; whatever fails ends it."""
        parser = DockerfileParser(path=str(dockerfile), cache_content=True)
        before: dict[str, str] = {}
        stage = Stage(self._base)
        for one in parser.structure:
            name, value = one["instruction"], one["value"]
            if name != "COMMENT":
                print(f"{name} {value[:100]}", file=sys.stderr, flush=True)
            if name == "FROM":
                stage = self._begin(value, before)
            elif name == "ARG" and not self.stages:
                before |= dict([value.split("=", 1)])
            elif name != "COMMENT":
                self._do(stage, name, value, before)

    def _begin(self, value: str, before: dict[str, str]) -> Stage:
        source, _, name = value.partition(" AS ")
        known = self.stages.get(source)
        assert known is not None or source in ("${BASE_IMAGE}", before["BASE_IMAGE"])
        parts = [self._folder / name / part for part in ("upper", "work", "root")]
        for part in parts:
            part.mkdir(parents=True)
        upper, work, root = parts
        # A stage that is built on is finished; an overlay on a merged overlay would not do.
        lower = known.root.with_name("lower").read_text() if known else str(self._base)
        (root.parent / "lower").write_text(f"{upper}:{lower}")
        layers = f"lowerdir={lower},upperdir={upper},workdir={work}"
        subprocess.run(("mount", "-t", "overlay", "overlay", "-o", layers, str(root)), check=True)
        made = Stage(root)
        if known is not None:
            made.environment, made.words = dict(known.environment), dict(known.words)
            made.workdir, made.labels = known.workdir, dict(known.labels)
        self.stages[name] = made
        return made

    def _do(self, stage: Stage, name: str, value: str, before: dict[str, str]) -> None:
        known = stage.arguments | stage.environment
        filled = re.sub(r"\$\{?(\w+)\}?", lambda found: known.get(found[1], found[0]), value)
        match name:
            case "ARG":
                word, _, default = value.partition("=")
                stage.arguments[word] = default or before[word]
            case "ENV":
                path = known.get("PATH", "/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
                stage.environment |= dict(re.findall(r"(\w+)=(\S+)", filled.replace("$PATH", path)))
            case "LABEL":
                stage.labels |= dict(re.findall(r'([\w.]+)="([^"]*)"', filled))
            case "WORKDIR":
                stage.workdir = filled
                (stage.root / filled[1:]).mkdir(parents=True, exist_ok=True)
            case "COPY":
                self._copy(stage, filled.split())
            case "RUN":
                code, output = self.run(stage, ("/bin/sh", "-c", value))
                if code != 0:
                    raise SystemExit(f"RUN ended with {code}: {output[-3000:]}")
            case "USER" | "EXPOSE" | "HEALTHCHECK" | "ENTRYPOINT" | "CMD":
                stage.words[name] = filled
            case _:
                raise SystemExit(f"nobody here carries out {name}")

    def _copy(self, stage: Stage, words: list[str]) -> None:
        context = ROOT
        if words[0].startswith("--from="):
            context = self.stages[words.pop(0).removeprefix("--from=")].root
        *sources, target = words
        where = stage.root / str(Path(stage.workdir) / target)[1:]
        for word in sources:
            source = context / word.lstrip("/")
            if source.is_dir():
                # With links as links, and with what .dockerignore says.
                ignore = shutil.ignore_patterns("__pycache__", "*.py[co]")
                keep = None if context != ROOT else ignore
                shutil.copytree(source, where, symlinks=True, dirs_exist_ok=True, ignore=keep)
            else:
                file = where / source.name if target.endswith("/") else where
                file.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source, file)


def main(folder: str, asked: str, *shown: str) -> None:
    """Carry out the project's Dockerfile, then each command that is asked; print what they said.

    ``asked`` is a JSON list of [stage, argv]; the answers are [exit code, output]. These commands
    have no network but the loopback, and read what is ``shown`` at its own path.
    """
    carrying = Carrying(Path(folder), debian(), shown)
    carrying.carry_out(ROOT / "Dockerfile")
    answers = [
        carrying.run(carrying.stages[stage], argv, network=False)
        for stage, argv in json.loads(asked)
    ]
    stages = {
        name: {"environment": one.environment, "labels": one.labels, "words": one.words}
        for name, one in carrying.stages.items()
    }
    print(json.dumps({"stages": stages, "answers": answers}))


def carried_out(
    folder: Path, asked: Sequence[tuple[str, Sequence[str]]], *, shown: Sequence[Path] = ()
) -> Any:
    """Do all that in a mount namespace of its own, of which nothing is left."""
    done = subprocess.run(
        ("unshare", "--mount", "--propagation=private", sys.executable, "-m", __name__,
         str(folder), json.dumps(asked), *map(str, shown)),
        cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=2400,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-6000:]
    return json.loads(done.stdout.splitlines()[-1])


if __name__ == "__main__":
    main(*sys.argv[1:])
