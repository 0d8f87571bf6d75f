"""Manifests: exact versions are pins, whatever else is a gap that says why and no secret."""

import pytest

from devsecops_eda.checks.manifests import MAX_INCLUDED, is_manifest, read_manifests
from devsecops_eda.model import Gap
from tests.scantree import tree


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("requirements.txt", True),
        ("a/requirements-dev.txt", True),
        ("dev_requirements.txt", True),
        ("requirements.prod.txt", True),
        ("requirements/base.txt", True),
        ("constraints.txt", False),
        ("requirements.pip", True),
        ("poetry.lock", True),
        ("x/uv.lock", True),
        ("pdm.lock", True),
        ("Pipfile.lock", True),
        ("pylock.toml", True),
        ("pylock.dev.toml", True),
        ("requirements.in", False),
        ("notes.txt", False),
        ("my.lock", False),
        ("Cargo.lock", False),
        ("pyproject.toml", False),
    ],
)
def test_manifests_are_known_by_name(path: str, wanted: bool) -> None:
    assert is_manifest(path) is wanted


def read(text: str | bytes) -> tuple[list[str], list[str]]:
    manifests = read_manifests(tree({"requirements.txt": text}))
    return list(manifests.places), [gap.reason for gap in manifests.gaps]


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        ("Django==3.2.0", "django==3.2.0"),
        ("django[argon2] == 3.2 ; python_version < '3.8'  # why", "django==3.2"),
        ("django===3.2", "django==3.2"),
        ("django==3.2,>=3", "django==3.2"),
        ("django (==3.2)", "django==3.2"),
        ("django==3.2 --hash=sha256:aa --hash=sha256:bb", "django==3.2"),
        ("django==3.2 \\\n    --hash=sha256:aa \\\n    --hash=sha256:bb", "django==3.2"),
        ("djan\\\ngo==3.2", "django==3.2"),
        ("a.b_c==1.0.0RC1", "a-b-c==1.0.0rc1"),
        ("\ufeffdjango==3.2", "django==3.2"),
        ("django==3.2\r\n", "django==3.2"),
        ("--no-binary :all:\n--pre\ndjango==3.2", "django==3.2"),
        ("# caf\u00e9\ndjango==3.2".encode("latin-1"), "django==3.2"),
        ("django==3.2".encode("utf-16"), "django==3.2"),
        (b"\xfe\xff" + "django==3.2".encode("utf-16-be"), "django==3.2"),
    ],
)
def test_an_exact_version_is_a_pin_however_it_is_written(text: str | bytes, pinned: str) -> None:
    assert read(text) == ([pinned], [])


@pytest.mark.parametrize(
    ("text", "gap"),
    [
        ("django>=3.2", "unpinned: django>=3.2"),
        ("django", "unpinned: django"),
        ("django==3.*", "unpinned: django==3.*"),
        ("django!=3.1", "unpinned: django!=3.1"),
        ("django===abc", "unpinned: django===abc"),
        ("django @ https://u:p@x/d.zip", "from a URL, no released version: django"),
        ("https://u:p@x/d.zip", "no released version: a URL"),
        ("git+ssh://git@x/y.git#egg=why", "no released version: why"),
        ("./local/pkg", "no released version: ./local/pkg"),
        ("-e .", "editable, no released version: ."),
        ("-e git+https://u:p@x/y#egg=why", "editable, no released version: why"),
        ("--editable=git+https://u:p@x/y", "editable, no released version: a URL"),
        ("-i https://u:p@x/", "the option -i changes where packages come from"),
        ("--index-url=https://u:p@x/", "the option --index-url changes where packages come from"),
        ("--find-links wheels", "the option --find-links changes where packages come from"),
        ("django==${VERSION}", "an environment variable decides: django"),
        ("-r other.txt", "includes a file outside the tree: other.txt"),
        ("-r ../../etc/passwd", "includes a file outside the tree: ../../etc/passwd"),
        ("-r https://u:p@x/r.txt", "includes a file outside the tree"),
        ("\x1b[31m red", "no released version: ?[31m"),
        ("DB_PASSWORD=hush", "no released version: DB_PASSWORD"),
        ("password: hush", "no released version: a URL"),
        ("'hush'", "no released version: no name"),
        ("--index-url https://u:hush@x/${INDEX}", "an environment variable decides: a URL"),
        ("x @ https://u:hush@x/${X}", "an environment variable decides: x"),
        ("${HUSH}", "an environment variable decides: no name"),
        ("- https://u:hush@x/", "the option - changes where packages come from"),
        (b"a\0b", "not text in an encoding pip reads"),
        (b"\xff\xfe\x00\xd8", "not text in an encoding pip reads"),
    ],
)
def test_what_is_no_exact_version_is_a_gap_without_secrets(text: str | bytes, gap: str) -> None:
    assert read(text) == ([], [gap])


def test_includes_are_followed_once_inside_the_tree() -> None:
    manifests = read_manifests(
        tree(
            {
                "requirements.txt": "-r deps/base.list\n-rdeps/base.list\n--requirement=loop.txt\n",
                "deps/base.list": "a==1\n-r ../loop.txt\n",
                "loop.txt": "-r requirements.txt\nb==2\n",
            }
        )
    )

    assert manifests.places == {"a==1": (("deps/base.list", 1),), "b==2": (("loop.txt", 2),)}
    assert manifests.paths == ("deps/base.list", "loop.txt", "requirements.txt")
    assert manifests.gaps == ()


def test_a_constraint_pins_what_a_requirement_leaves_open() -> None:
    manifests = read_manifests(
        tree({"requirements.txt": "-c pins.txt\nDjango\nother\n", "pins.txt": "django==3.2\n"})
    )

    assert manifests.places == {"django==3.2": (("pins.txt", 1),)}
    assert manifests.gaps == (Gap("requirements.txt", "unpinned: other"),)


def test_constraints_that_nobody_includes_count_when_they_pin() -> None:
    manifests = read_manifests(
        tree({"constraints.txt": "a==1\nb\n", "docs/constraints.txt": "Constraints\n====\n"})
    )

    assert manifests.paths == ("constraints.txt",)
    assert manifests.gaps == (Gap("constraints.txt", "unpinned: b"),)


def test_includes_are_bounded() -> None:
    files = {f"n{n}.txt": f"-r n{n + 1}.txt\n" for n in range(MAX_INCLUDED + 10)}
    manifests = read_manifests(tree({"requirements.txt": "-r n0.txt\n", **files}))

    assert [gap.reason for gap in manifests.gaps] == [f"includes more than {MAX_INCLUDED} files"]


LOCKS: dict[str, str] = {
    "poetry.lock": """
[[package]]
name = "Django"
version = "3.2"

[[package]]
name = "mine"
version = "0"
[package.source]
type = "git"
url = "https://u:p@x/y"
""",
    "uv.lock": """
[[package]]
name = "Django"
version = "3.2"
source = { registry = "https://packages.example/simple" }

[[package]]
name = "mine"
version = "0"
source = { git = "https://u:p@x/y?rev=1" }

[[package]]
name = "self"
version = "1.0"
source = { editable = "." }
""",
    "pdm.lock": """
[[package]]
name = "Django"
version = "3.2"

[[package]]
name = "mine"
version = "0"
git = "https://u:p@x/y"
""",
    "pylock.toml": """
[[packages]]
name = "Django"
version = "3.2"

[[packages]]
name = "mine"
vcs = { type = "git", url = "https://u:p@x/y" }

[[packages]]
name = "self"
directory = { path = "." }
""",
    "Pipfile.lock": """{"_meta": {},
"default": {
  "django": {"hashes": [], "version": "==3.2"},
  "mine": {"git": "https://u:p@x/y"}}, "develop": {}}""",
}


@pytest.mark.parametrize("name", LOCKS)
def test_lock_files_pin_and_their_gaps_are_told(name: str) -> None:
    manifests = read_manifests(tree({name: LOCKS[name]}))

    assert manifests.places == {"django==3.2": ((name, 3 if name == "Pipfile.lock" else 2),)}
    (gap,) = manifests.gaps
    assert gap.reason.endswith("no released version: mine")
    assert "u:p" not in repr(manifests)


@pytest.mark.parametrize("name", LOCKS)
@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "nonsense = = ", "[[package]]", '{"default": []}', "\0", "[" * 9999]
)
def test_a_broken_lock_file_is_a_gap_or_empty(name: str, text: str) -> None:
    manifests = read_manifests(tree({name: text}))

    assert manifests.places == {}
    assert {gap.reason for gap in manifests.gaps} <= {"not readable as a lock file"}


def test_a_lock_version_that_is_none_is_a_gap() -> None:
    manifests = read_manifests(
        tree({"poetry.lock": '[[package]]\nname = "a"\nversion = "not a version"\n'})
    )

    assert manifests.gaps == (Gap("poetry.lock", "no version of PEP 440: a not a version"),)
