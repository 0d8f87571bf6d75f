"""What files are called in a scan tree, and how paths of a repository are written down."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devsecops_eda.workspace.names import Reason, SafeNames, printable_path, refused

NAMES = st.binary(min_size=1, max_size=12).map(lambda raw: raw.replace(b"\0", b"x"))


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"a/b.py", "a/b.py"),
        ("cödé.py".encode(), "cödé.py"),
        (b"back\\slash", "back\\\\slash"),
        (b"caf\xe9", "caf\\xe9"),
        (b"new\nline", "new\\x0aline"),
        (b"esc\x1b[0m", "esc\\x1b[0m"),
        ("turn\u202e".encode(), "turn\\u202e"),
        ("tag\U000e0041".encode(), "tag\\U000e0041"),
        (b"nel\xc2\x85", "nel\\u0085"),
    ],
)
def test_a_path_is_written_so_that_it_can_stand_anywhere(raw: bytes, text: str) -> None:
    assert printable_path(raw) == text


@given(st.binary(max_size=30), st.binary(max_size=30))
def test_no_two_paths_are_written_alike(one: bytes, other: bytes) -> None:
    assert (printable_path(one) == printable_path(other)) == (one == other)


@given(st.binary(max_size=60))
def test_every_path_is_written_in_characters_that_print(raw: bytes) -> None:
    text = printable_path(raw)
    assert text.isprintable()
    text.encode("utf-8")


@given(st.sets(st.lists(NAMES, min_size=1, max_size=4).map(b"/".join), max_size=30))
def test_whatever_the_paths_their_places_are_harmless_and_differ(paths: set[bytes]) -> None:
    safe = SafeNames()
    places = {path: safe.place(path) for path in sorted(paths)}
    folders = safe.new_folders()
    assert len({place.lower() for place in places.values()}) == len(paths)
    for place in places.values():
        assert place.isascii()
        assert not place.startswith("/")
        parts = place.split("/")
        assert all(part and part[0] != "-" and part.strip(".") for part in parts)
        assert all(part[0] != "." for part in parts[:-1])
        assert place.rpartition("/")[0] + "/" in ["/", *folders]
    # No folder has the name of a file, and each comes after the one that holds it.
    assert not {folder.rstrip("/").lower() for folder in folders} & {
        place.lower() for place in places.values()
    }
    for number, folder in enumerate(folders):
        above = folder.rstrip("/").rpartition("/")[0]
        assert not above or f"{above}/" in folders[:number]


def test_folders_are_told_once() -> None:
    safe = SafeNames()
    safe.place(b"a/b/c.py")
    assert safe.new_folders() == ["a/", "a/b/"]
    safe.place(b"a/b/d.py")
    assert safe.new_folders() == []


@pytest.mark.parametrize(
    ("raw", "place"),
    [
        (b"src/app/settings.py", "src/app/settings.py"),
        (b"Dockerfile", "Dockerfile"),
        (b".env", ".env"),
        (b".github/workflows/ci.yml", "_1/workflows/ci.yml"),
        (b"my file.py", "_1.py"),
        (b"-rf", "_1"),
        (b"HEAD", "_1"),
        (b"x/Head", "x/_1"),
        (b".gitignore", "_1.gitignore"),
        (b"caf\xe9.test.js", "_1.js"),
    ],
)
def test_what_is_harmless_stays_and_the_extension_always(raw: bytes, place: str) -> None:
    assert SafeNames().place(raw) == place


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"a.py", None),
        (b"digit/x.py", None),
        (b".github/x.yml", None),
        (b".gitignore", None),
        (b"git/config", None),
        (b".git/config", Reason.VERSION_CONTROL),
        (b"a/.GIT/config", Reason.VERSION_CONTROL),
        (b"a/.git", Reason.VERSION_CONTROL),
        (b".git. /x", Reason.VERSION_CONTROL),
        (b"gIT~1/x", Reason.VERSION_CONTROL),
        (b".HG/x", Reason.VERSION_CONTROL),
        (b"a/.svn/x", Reason.VERSION_CONTROL),
        (b"a/.semgrepignore", Reason.SCANNER_CONFIGURATION),
        (b".SemgrepIgnore", Reason.SCANNER_CONFIGURATION),
        (b".bandit", Reason.SCANNER_CONFIGURATION),
        (b".safety-policy.yml", Reason.SCANNER_CONFIGURATION),
    ],
)
def test_what_never_comes_into_a_tree(raw: bytes, reason: Reason | None) -> None:
    assert refused(raw) is reason
