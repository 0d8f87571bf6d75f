"""Repositories made to harm whoever scans them: names, links, sizes, codings.

Nothing outside may be read, and whatever is not scanned has to be listed.
"""

from pathlib import Path

import pytest

from devsecops_eda.settings import Repository
from devsecops_eda.workspace import (
    Bounds,
    Mirror,
    printable_path,
)
from tests.rig.repositories import LINK, SUBMODULE, Repo
from tests.rig.trees import Export, assert_harmless, everything_in, left_out


def test_links_and_submodules_are_listed_and_not_followed(export: Export) -> None:
    tree = export(
        {
            "a.py": b"1\n",
            "passwd.py": b"/etc/passwd",
            "etc": b"/etc",
            "loop": b"loop",
            "sub": b"1" * 40,
        },
        modes={"passwd.py": LINK, "etc": LINK, "loop": LINK, "sub": SUBMODULE},
    )
    assert_harmless(tree)
    assert tree.paths == ("a.py",)
    assert left_out(tree) == {
        "passwd.py": "link",
        "etc": "link",
        "loop": "link",
        "sub": "submodule",
    }


def test_what_git_large_files_keeps_elsewhere_is_listed(export: Export) -> None:
    pointer = (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12345\n"
    )
    tree = export({"big.py": pointer, "small.py": b"1\n"})
    assert tree.paths == ("small.py",)
    assert left_out(tree) == {"big.py": "lfs_pointer"}


STRANGE_NAMES = (
    b"new\nline.py",
    b"esc\x1b[31mred.py",
    b"tab\t.py",
    b"-rf",
    b"--config=evil.py",
    b"-dir/--version/a.py",
    b"caf\xe9.py",
    b"\xff\xfe",
    "ünï/cödé.py".encode(),
    "turn\u202eyp.exe".encode(),
    b"back\\slash.py",
    b"back\\\\slash.py",
    b"back\\xe9slash.py",
    b"caf\\xe9.py",
    b"sp ace/a b.py",
    b"dollar$(touch x)`y`;.py",
    b"quote'\".py",
    b"..x/..y.py",
    b"a." + b"x" * 200,
    b"n" * 250 + b".js",
    b"_1.py",
    b"_2/_3.py",
    b"*?[]{}.py",
)


def test_strange_names_are_written_under_harmless_ones_and_found_again(export: Export) -> None:
    files = {name: b"print(%d)\n" % number for number, name in enumerate(STRANGE_NAMES)}
    tree = export(files)
    assert_harmless(tree)
    assert left_out(tree) == {}
    assert len(tree.paths) == len(files)
    for name, content in files.items():
        path = printable_path(name)
        assert tree.read(path) == content
        if name.endswith((b".py", b".js")):
            assert tree.names[path].endswith(name[-3:].decode("ascii"))


def test_names_that_rules_look_at_are_kept(export: Export) -> None:
    names = [
        "Dockerfile",
        "app/settings.py",
        "app/node_modules/x/package.json",
        "requirements-dev.txt",
        "bin/run",
        ".env",
        ".gitlab-ci.yml",
        "pyproject.toml",
        "Makefile",
    ]
    tree = export(dict.fromkeys(names, b"#!/bin/sh\n"))
    assert dict(tree.names) == {name: name for name in names}


def test_names_that_differ_in_case_alone_do_not_meet(export: Export) -> None:
    names = ["a.py", "A.py", "Lib/x.py", "lib/x.py", "LIB/x.py"]
    tree = export({name: name.encode() for name in names})
    assert_harmless(tree)
    assert len({inside.lower() for inside in tree.names.values()}) == len(names)
    assert all(tree.read(name) == name.encode() for name in names)


def test_four_hundred_folders_in_one_another_are_no_obstacle(export: Export) -> None:
    path = "/".join(f"d{n}" for n in range(400)) + "/end.py"
    tree = export({path: b"1\n", "x" * 90 + "/" + "y" * 90 + "/" + "z" * 90 + "/a.py": b"2\n"})
    assert_harmless(tree)
    assert tree.read(path) == b"1\n"
    assert tree.names[path].endswith("/end.py")


def test_configuration_of_scanners_is_listed_and_not_written(export: Export) -> None:
    names = [
        ".semgrepignore",
        "sub/.semgrepignore",
        ".semgrep.yml",
        ".bandit",
        ".safety-policy.yml",
        ".gitleaks.toml",
        ".gitleaksignore",
        ".trivyignore",
        "trivy.yaml",
        ".checkov.yaml",
        ".hadolint.yaml",
        "zizmor.yml",
        ".github/zizmor.yml",
        "ruff.toml",
        ".Bandit",
    ]
    tree = export({**dict.fromkeys(names, b"*\n"), "a.py": b"1\n"})
    assert tree.paths == ("a.py",)
    assert left_out(tree) == dict.fromkeys(names, "scanner_configuration")
    assert [path.name for path in everything_in(tree)] == ["a.py"]


def test_lists_of_what_to_ignore_are_scanned_and_not_obeyed(export: Export) -> None:
    tree = export(
        {
            ".gitignore": b"*\n",
            ".gitattributes": b"* export-ignore\n* filter=x working-tree-encoding=UTF-16\n",
            ".ignore": b"*\n",
            "a.py": b"caf\xc3\xa9\r\n",
        }
    )
    assert_harmless(tree)
    assert len(tree.paths) == 4
    assert tree.read("a.py") == b"caf\xc3\xa9\r\n"
    assert tree.read(".gitignore") == b"*\n"


def test_a_file_that_is_too_big_is_listed(export: Export) -> None:
    tree = export({"big.py": b"#" * 1001, "small.py": b"#" * 1000}, bounds=Bounds(file_bytes=1000))
    assert tree.paths == ("small.py",)
    assert left_out(tree) == {"big.py": "too_big"}


@pytest.mark.parametrize("coding", ["utf-16", "utf-16-be", "utf-32", "utf-32-le"])
def test_wide_text_is_written_as_utf_8(export: Export, coding: str) -> None:
    mark = "" if coding in ("utf-16", "utf-32") else "\ufeff"
    tree = export({"secret.txt": f"{mark}password = 'é'\n".encode(coding)})
    assert tree.read("secret.txt").decode("utf-8-sig") == "password = 'é'\n"
    assert [(note.path, note.reason) for note in tree.notes] == [("secret.txt", "transcoded")]


def test_what_only_begins_like_wide_text_stays_as_it_is(export: Export) -> None:
    tree = export({"x.bin": b"\xff\xfe\x00\xd8\x00", "nul.py": b"\0\0print(1)\n"})
    assert tree.read("x.bin") == b"\xff\xfe\x00\xd8\x00"
    assert tree.notes == ()


def test_python_in_a_coding_scanners_cannot_read_is_noted(export: Export) -> None:
    tree = export(
        {
            "utf7.py": b"# coding: utf-7\nx = 1\n",
            "second.py": b"#!/usr/bin/env python\n# -*- coding: cp037 -*-\n",
            "script": b"#!/usr/bin/python3\n# coding=rot13\n",
            "nonsense.py": b"# coding: no-such-thing\n",
            "utf8.py": b"# -*- coding: utf-8 -*-\n",
            "latin.py": b"# coding: latin-1\n",
            "third.py": b"x = 1\ny = 2\n# coding: utf-7\n",
            "readme.txt": b"# coding: utf-7\n",
        }
    )
    noted = {note.path for note in tree.notes if note.reason == "declared_coding"}
    assert noted == {"utf7.py", "second.py", "script", "nonsense.py"}
    assert len(tree.paths) == 8


def test_the_digest_knows_content_and_what_is_left_out(repo: Repo, tmp_path: Path) -> None:
    trees: list[tuple[dict[str | bytes, bytes], dict[str | bytes, str]]] = [
        ({"a.py": b"1\n"}, {}),
        ({"a.py": b"2\n"}, {}),
        ({"b.py": b"1\n"}, {}),
        ({"a.py": b"1\n", "l": b"x"}, {"l": LINK}),
        ({"a.py": b"1\n", "l": b"x"}, {}),
        ({b"a.py\0"[:4]: b"1\n", "caf\\xe9": b""}, {}),
        ({"a.py": b"1\n", b"caf\xe9": b""}, {}),
    ]
    digests = []
    repository = Repository("acme/app", str(repo.path), protocols=("file",))
    mirror = Mirror(tmp_path / "state", repository)
    for number, (files, modes) in enumerate(trees):
        sha = repo.commit(files, modes=modes)
        mirror.fetch(sha, refs=["main"])
        digests.append(mirror.export(sha, tmp_path / str(number)).digest)
    assert len(set(digests)) == len(trees)
