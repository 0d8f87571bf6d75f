"""The order of the rooms and the size of what stands in them, read from the syntax tree alone."""

import ast
import configparser
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = "devsecops_eda"
MAX_MODULE_LINES = 300
MAX_FUNCTION_LINES = 50

# From the inside out; a module imports from its own group and from those above it.
GROUPS = {
    "what it is about": ("errors", "model", "policy", "remedies"),
    "how it is written down": (
        *("advisories", "archive", "cases", "checks", "codec", "definitions", "fingerprint"),
        *("reports", "rulepack"),
        *("logs", "redaction", "roles", "scope", "settings", "topology"),
    ),
    "hands": (
        *("broker", "client", "deadletters", "evidence", "ledger", "metrics", "migrations"),
        *("notify", "predicates", "sandbox"),
        *("scanners", "waiting", "workspace"),
    ),
    "the programs": (
        *(
            "__main__",
            "cli",
            "doctor",
            "embedded",
            "gate",
            "replaying",
            "scanning",
            "watch",
            "worker",
        ),
    ),
}
RANK = {room: rank for rank, rooms in enumerate(GROUPS.values()) for room in rooms}
PURE = frozenset((*GROUPS["what it is about"], *GROUPS["how it is written down"]))
# Each of these touches the world or the clock. Text that is already there may be parsed.
IMPURE = frozenset(
    (
        *("alembic", "amqp", "celery", "kombu", "multiprocessing", "pika", "signal", "socket"),
        *("sqlalchemy", "subprocess", "tempfile", "time"),
    )
)
CLOCKS = frozenset(("now", "today", "utcnow"))
# In the extra `worker`: the base install has neither.
EXTRA = frozenset(("amqp", "billiard", "celery", "kombu"))
# Loaded only when somebody asks for the command, and says then which extra is missing.
WORKER_COMMAND = Path(PACKAGE, "cli", "worker.py")
# The database of advisories is replaced file by file, beside its format.
WRITES_FILES = Path(PACKAGE, "advisories", "database.py")
# Where everything is caught, and what then stands there in place of silence; nowhere else.
CATCH_ALLS = {
    "worker/doorway.py Doorway.admit": "the door: counted and dead-lettered; five in a row end it",
    "worker/gate_program.py GateWorker._take": "a task of the gate: a dead letter",
    "scanning/answering.py Answering.answer": "a task of a check: a failed outcome",
    "gate/core.py Gate._alone": "one task of the timer: nothing is told, and tried again later",
    "worker/gate_watched.py _harmless": "counting: what is committed is said all the same",
    "worker/ticking.py Timer.run": "a thread: the next tick tries again, no health without ticks",
    "watch/readiness.py Readiness._ask": "a thread: the need is not met",
    "embedded/bus.py Bus._serve": "a thread: who waits for the scan gets the error",
    "watch/endpoint.py _Handler._answer": "the door of HTTP: 500, never an empty page",
    "cli/__init__.py run": "the process: exit code 3, where Python's 1 would be a denial",
}
HOMELESS = frozenset(("common", "helper", "helpers", "misc", "util", "utils"))


def _sources(*folders: str) -> list[Path]:
    # Test files of rules are bad code on purpose.
    return sorted(
        path.relative_to(ROOT)
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
        if "rules" not in path.relative_to(ROOT).parts
    )


def _parse(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text(), filename=str(path))


def _imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and full name of everything imported, wherever the import stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"line {node.lineno}: a relative import"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def _room(path: Path) -> str | None:
    """Return the room of a file of the package; its own ``__init__.py`` is in none."""
    if path.parts[:2] == (PACKAGE, "__init__.py"):
        return None
    return path.parts[1].removesuffix(".py")


def _outward(room: str, tree: ast.Module) -> list[str]:
    """Return the imports in ``tree`` that point outward, seen from ``room``."""
    wrong = []
    for line, name in _imports(tree):
        package, _, rest = name.partition(".")
        target = rest.partition(".")[0]
        if package == PACKAGE and target in RANK and RANK[target] > RANK[room]:
            wrong.append(f"line {line}: {room} imports {target}")
    return wrong


def _impure(tree: ast.Module) -> list[str]:
    wrong = [
        f"line {line}: {name}" for line, name in _imports(tree) if name.partition(".")[0] in IMPURE
    ]
    attributes = (node for node in ast.walk(tree) if isinstance(node, ast.Attribute))
    clocks = (node for node in attributes if node.attr in CLOCKS)
    return wrong + [f"line {node.lineno}: .{node.attr}" for node in clocks]


def _catch_alls(tree: ast.AST, within: str = "") -> Iterator[str]:
    """Yield the name of each function that catches everything and does not raise it again."""
    for node in ast.iter_child_nodes(tree):
        name = within
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{within}.{node.name}".removeprefix(".")
        elif isinstance(node, ast.ExceptHandler):
            end = node.body[-1]
            raises = isinstance(end, ast.Raise) and end.exc is None
            if _is_all(node.type) and not raises:
                yield name
        elif isinstance(node, ast.Call):
            suppresses = ast.unparse(node.func).endswith("suppress")
            if suppresses and any(map(_is_all, node.args)):
                yield name
        yield from _catch_alls(node, name)


def _is_all(caught: ast.expr | None) -> bool:
    if isinstance(caught, ast.Tuple):
        return any(_is_all(one) for one in caught.elts)
    return caught is None or ast.unparse(caught) in ("Exception", "BaseException")


PACKAGE_SOURCES = _sources(PACKAGE)
ALL_SOURCES = _sources(PACKAGE, "events", "tests")


@pytest.mark.parametrize("path", PACKAGE_SOURCES, ids=str)
def test_a_module_has_a_place_in_the_order_of_rooms(path: Path) -> None:
    room = _room(path)
    assert room is None or room in RANK, f"{room}: in which group of DESIGN does it stand?"


@pytest.mark.parametrize("path", PACKAGE_SOURCES, ids=str)
def test_imports_point_inward(path: Path) -> None:
    tree = _parse(path)
    room = _room(path)
    if room is None:
        assert [name for _, name in _imports(tree) if name.startswith(PACKAGE)] == []
    else:
        assert _outward(room, tree) == []


@pytest.mark.parametrize("path", [p for p in PACKAGE_SOURCES if _room(p) in PURE], ids=str)
def test_the_inner_rooms_have_no_hands_and_no_clock(path: Path) -> None:
    allowed = {"tempfile"} if path == WRITES_FILES else set()
    assert [one for one in _impure(_parse(path)) if one.partition(": ")[2] not in allowed] == []


@pytest.mark.parametrize(
    "path", [p for p in PACKAGE_SOURCES if _room(p) != "worker" and p != WORKER_COMMAND], ids=str
)
def test_celery_stays_with_the_workers(path: Path) -> None:
    assert [name for _, name in _imports(_parse(path)) if name.partition(".")[0] in EXTRA] == []


def test_everything_is_caught_at_the_edges_alone() -> None:
    found = [
        f"{path.relative_to(PACKAGE)} {name}"
        for path in PACKAGE_SOURCES
        for name in _catch_alls(_parse(path))
    ]
    assert sorted(found) == sorted(CATCH_ALLS)


@pytest.mark.parametrize("path", ALL_SOURCES, ids=str)
def test_a_module_is_short(path: Path) -> None:
    assert len((ROOT / path).read_text().splitlines()) <= MAX_MODULE_LINES


# A revision of the database is a list of columns, and one that was released never changes.
@pytest.mark.parametrize("path", [p for p in ALL_SOURCES if "versions" not in p.parts], ids=str)
def test_a_function_is_short(path: Path) -> None:
    functions = (
        node
        for node in ast.walk(_parse(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    lines = ((node.name, (node.end_lineno or node.lineno) - node.lineno + 1) for node in functions)
    assert [(name, count) for name, count in lines if count > MAX_FUNCTION_LINES] == []


@pytest.mark.parametrize("path", ALL_SOURCES, ids=str)
def test_no_module_is_a_home_for_the_homeless(path: Path) -> None:
    words = {word for part in path.with_suffix("").parts for word in part.split("_")}
    assert not words & HOMELESS


@pytest.mark.parametrize("path", ALL_SOURCES, ids=str)
def test_nothing_is_patched(path: Path) -> None:
    assert [name for _, name in _imports(_parse(path)) if name.startswith("unittest.mock")] == []


def test_every_package_of_the_tree_is_installed() -> None:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    listed = set(config["options"]["packages"].split())
    there = {
        ".".join(path.parent.parts) for path in PACKAGE_SOURCES if path.name == "__init__.py"
    } | {f"{PACKAGE}.events"}
    assert listed == there


def test_every_folder_with_modules_is_a_package() -> None:
    folders = {path.parent for path in PACKAGE_SOURCES}
    assert [str(one) for one in sorted(folders) if not (ROOT / one / "__init__.py").exists()] == []


@pytest.mark.parametrize(
    ("room", "source", "wrong"),
    [
        ("model", "import devsecops_eda.ledger", ["line 1: model imports ledger"]),
        ("policy", "from devsecops_eda import codec", ["line 1: policy imports codec"]),
        (
            "codec",
            "def f():\n    from devsecops_eda.cli.scan import x",
            ["line 2: codec imports cli"],
        ),
        ("ledger", "from devsecops_eda.model import Subject", []),
        ("gate", "from devsecops_eda import embedded", []),
    ],
)
def test_an_import_that_points_outward_is_seen(room: str, source: str, wrong: list[str]) -> None:
    assert _outward(room, ast.parse(source)) == wrong


@pytest.mark.parametrize(
    "source", ["import subprocess", "from time import monotonic", "datetime.now(UTC)"]
)
def test_hands_and_clocks_are_seen(source: str) -> None:
    assert _impure(ast.parse(source)) != []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ("try: x\n  except Exception: y", ["C.f"]),
        ("try: x\n  except (OSError, BaseException) as e: y", ["C.f"]),
        ("try: x\n  except: y", ["C.f"]),
        ("with contextlib.suppress(Exception): x", ["C.f"]),
        ("try: x\n  except BaseException:\n   y\n   raise", []),
        ("try: x\n  except OSError: y", []),
    ],
)
def test_a_catch_of_everything_is_seen(body: str, found: list[str]) -> None:
    assert list(_catch_alls(ast.parse(f"class C:\n def f():\n  {body}"))) == found
