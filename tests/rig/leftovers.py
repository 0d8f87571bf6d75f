"""Which processes are there, read from /proc: what a test has started must be gone after it."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Running:
    """One process, told apart from a later one with the same pid by its start."""

    pid: int
    parent: int
    session: int
    started: int
    command: str


def _read(pid: int) -> Running | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        argv = (
            Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        )
    except (FileNotFoundError, ProcessLookupError):
        return None
    # The name stands in brackets and may hold brackets and spaces itself.
    name, _, rest = stat.rpartition(")")
    fields = rest.split()
    if fields[0] in "ZX":
        return None
    return Running(
        pid=pid,
        parent=int(fields[1]),
        session=int(fields[3]),
        started=int(fields[19]),
        command=argv.strip() or name.partition("(")[2],
    )


def processes() -> tuple[Running, ...]:
    """Return all living processes; a zombie has ended and is not among them."""
    pids = (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return tuple(found for found in map(_read, pids) if found is not None)


def descendants(pid: int) -> frozenset[Running]:
    """Return the children of ``pid``, their children and so on, as they are now."""
    everyone = processes()
    found: set[Running] = set()
    parents = {pid}
    while parents:
        children = {one for one in everyone if one.parent in parents} - found
        found |= children
        parents = {one.pid for one in children}
    return frozenset(found)


def alive(these: frozenset[Running]) -> frozenset[Running]:
    """Return those of ``these`` that still run."""
    still = set()
    for one in these:
        now = _read(one.pid)
        if now is not None and now.started == one.started:
            still.add(one)
    return frozenset(still)


def with_environment(entry: str) -> frozenset[Running]:
    """Return the processes started with ``entry`` (``NAME=value``) in their environment."""
    wanted = entry.encode()
    found = set()
    for one in processes():
        try:
            environment = Path(f"/proc/{one.pid}/environ").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
        if wanted in environment:
            found.add(one)
    return frozenset(found)
