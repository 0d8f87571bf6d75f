"""Metadata and lock files agree with each other and name no host."""

import ast
import configparser
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
SCANNERS = ("safety", "semgrep")
LOCKS = {
    "requirements/run.txt": ("install_requires", "worker"),
    "requirements/all.txt": ("install_requires", "all"),
}


def _named(section: str, key: str) -> set[str]:
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    lines = config[section][key].strip().splitlines()
    return {line for line in lines if not line.startswith("#")}


def _extra(name: str) -> set[str]:
    if name == "install_requires":
        return _named("options", name)
    return _named("options.extras_require", name)


def _pins(lock: str) -> dict[str, Requirement]:
    lines = re.sub(r"\\\n\s*", " ", (ROOT / lock).read_text()).splitlines()
    requirements = [
        Requirement(re.split(r" --hash=| #", line)[0]) for line in lines if line[:1].isalnum()
    ]
    return {canonicalize_name(one.name): one for one in requirements}


def _files_of_pins() -> list[str]:
    files = [*ROOT.glob("requirements/*.txt"), *ROOT.glob("devsecops_eda/scanners/*.txt")]
    return sorted(str(path.relative_to(ROOT)) for path in files)


@pytest.mark.parametrize("lock", _files_of_pins())
def test_every_line_of_a_lock_is_pinned_and_hashed_and_names_no_host(lock: str) -> None:
    text = re.sub(r"\\\n\s*", " ", (ROOT / lock).read_text())
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert lines
    pinned = re.compile(
        r"[\w.\-\[\],]+==[\w.!+]+( ; [^#]+?)?( +--hash=sha256:[0-9a-f]{64})+( +#.*)?"
    )
    assert [line for line in lines if not pinned.fullmatch(line)] == []
    assert "://" not in text


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_what_the_metadata_ask_for(lock: str) -> None:
    pins = _pins(lock)
    for extra in LOCKS[lock]:
        for wanted in map(Requirement, _extra(extra)):
            (version,) = pins[canonicalize_name(wanted.name)].specifier
            assert wanted.specifier.contains(version.version), f"{wanted} in {lock}"


def _imported() -> dict[str, set[str]]:
    """Return the distributions that the package imports from, with the files that do."""
    found: dict[str, set[str]] = {}
    known = packages_distributions()
    for path in sorted((ROOT / "devsecops_eda").rglob("*.py")):
        place = path.relative_to(ROOT)
        # Test files of rules import what they like.
        if "rules" in place.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module]
            for top in {name.partition(".")[0] for name in names}:
                if top != "devsecops_eda" and top not in sys.stdlib_module_names:
                    (distribution, *_) = known.get(top, [top])
                    found.setdefault(canonicalize_name(distribution), set()).add(str(place))
    return found


def test_what_is_imported_is_asked_for() -> None:
    asked = _extra("install_requires") | _extra("worker") | _extra("postgres")
    names = {canonicalize_name(Requirement(line).name) for line in asked}
    assert {name: files for name, files in _imported().items() if name not in names} == {}


def test_the_extra_all_is_all_extras() -> None:
    assert _extra("all") == _extra("worker") | _extra("scanners") | _extra("postgres")


@pytest.mark.parametrize("scanner", SCANNERS)
def test_a_scanner_has_one_version_wherever_it_is_installed(scanner: str) -> None:
    (wanted,) = (one for one in map(Requirement, _extra("scanners")) if one.name == scanner)
    own = _pins(f"devsecops_eda/scanners/{scanner}.txt")[scanner]
    assert own.specifier == wanted.specifier


def test_only_the_build_back_end_is_named_outside_setup_cfg() -> None:
    tables = re.findall(r"(?m)^\[(.+)\]$", (ROOT / "pyproject.toml").read_text())
    assert tables == ["build-system"]
