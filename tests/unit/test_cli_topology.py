"""`devsecops-eda topology`: what an operator gets to import for jobs and people."""

from __future__ import annotations

import base64
import json
import os
import re
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from devsecops_eda.cli import run
from devsecops_eda.definitions import password_hash

BUILDERS = '[broker]\nbuilders = ["builder-app"]\n'
Export = Callable[..., tuple[int, str, str]]


@pytest.fixture
def export(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Export:
    """Run `topology export` in a folder whose configuration is that text."""
    monkeypatch.chdir(tmp_path)
    for name in tuple(os.environ):
        if name.startswith("DEVSECOPS_EDA_") or name == "CREDENTIALS_DIRECTORY":
            monkeypatch.delenv(name)

    def call(*argv: str, config: str = BUILDERS) -> tuple[int, str, str]:
        (tmp_path / "devsecops-eda.toml").write_text(config)
        code = run(("topology", "export", *argv))
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


def writes(document: Mapping[str, Any], user: str) -> str:
    """The pattern of what ``user`` may say, as Python reads it."""
    (row,) = [one for one in document["topic_permissions"] if one["user"] == user]
    return str(row["write"]).replace(r"\z", r"\Z")


def test_builders_and_approvers_are_exported_with_their_repositories(export: Export) -> None:
    code, out, _ = export(
        *("--users", "--ci", "ci-acme=acme/app,acme/lib", "--builder", "builder-app=acme/app"),
        *("--approver", "ada", "--approver", "grace=acme/app", "--approver", "grace=acme/lib"),
    )
    assert code == 0
    document = json.loads(out)
    names = [user["name"] for user in document["users"]]
    assert names[-5:] == ["ci-acme", "builder-app", "ada", "grace", "devsecops-operator"]
    flow = "aaaaaaaaaaaaaaaaaaaaaaaaaa"
    vote = f"approval.voted.{{}}._.approve.{flow}"
    for user, allowed in (
        ("ada", {"acme:app", "acme:lib", "other"}),
        ("grace", {"acme:app", "acme:lib"}),
        ("builder-app", set()),
        ("ci-acme", set()),
    ):
        pattern = writes(document, user)
        said = {
            repo
            for repo in ("acme:app", "acme:lib", "other")
            if re.search(pattern, vote.format(repo))
        }
        assert said == allowed, user
    published = f"artifact.published.acme:app._._.{flow}"
    assert re.search(writes(document, "builder-app"), published)
    assert not re.search(writes(document, "ci-acme"), published)


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (["--users", "--builder", "builder-app"], "is not USER=REPO[,REPO…]"),
        (["--users", "--builder", "builder-app="], "is not USER=REPO[,REPO…]"),
        (["--users", "--approver", "ada="], "is not USER[=REPO[,REPO…]]"),
        (["--users", "--approver", "=acme/app"], "is not USER[=REPO[,REPO…]]"),
        (["--approver", "ada"], "go with --users"),
        (["--builder", "builder-app=acme/app"], "go with --users"),
        (["--users", "--builder", "strange=acme/app"], "strange is not in [broker] builders"),
        (
            ["--users", "--approver", "ada", "--ci", "ada=acme/app"],
            "ada would be ci and approver; one user has one role",
        ),
        (
            ["--users", "--approver", "devsecops-gate"],
            "devsecops-gate would be gate and approver",
        ),
    ],
)
def test_an_account_that_would_not_do_is_refused(
    export: Export, argv: list[str], word: str
) -> None:
    code, out, err = export(*argv)
    assert (code, out) == (2, "")
    assert word in " ".join(err.split())


def test_an_approver_of_any_repository_stays_one_when_named_with_some(export: Export) -> None:
    for order in (("ada", "ada=acme/app"), ("ada=acme/app", "ada")):
        argv = [word for each in order for word in ("--approver", each)]
        code, out, _ = export("--users", *argv)
        assert code == 0
        key = "approval.voted.other._.approve.aaaaaaaaaaaaaaaaaaaaaaaaaa"
        assert re.search(writes(json.loads(out), "ada"), key)


def hashes(out: str) -> dict[str, str]:
    return {user["name"]: user["password_hash"] for user in json.loads(out)["users"]}


def test_passwords_that_are_missing_are_made_and_those_that_are_there_kept(
    export: Export, tmp_path: Path
) -> None:
    folder = tmp_path / "passwords"
    argv = ("--users", "--ci", "ci-acme=acme/app", "--passwords", "passwords", "--make-passwords")
    assert export(*argv)[0] == 0
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    made = {file.name: file.read_text() for file in folder.iterdir()}
    assert {"devsecops-gate", "devsecops-worker-semgrep", "devsecops-operator"} < set(made)
    assert all(re.fullmatch("[0-9a-f]{48}\n", text) for text in made.values())
    assert len(set(made.values())) == len(made)
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o600}

    code, out, _ = export(*argv, "--approver", "ada")
    assert code == 0
    again = {file.name: file.read_text() for file in folder.iterdir()}
    assert set(again) - set(made) == {"ada"}
    assert again | made == again
    for name, hash_ in hashes(out).items():
        salt = base64.b64decode(hash_)[:4]
        assert hash_ == password_hash(again[name].rstrip(), salt=salt)
    assert not any(text.strip() in out for text in again.values())


@pytest.mark.parametrize(
    ("argv", "word"),
    [
        (["--users", "--make-passwords"], "--make-passwords goes with --passwords FOLDER"),
        (["--passwords", "there"], "go with --users"),
        (["--users", "--passwords", "there"], "there is not there; --make-passwords makes it"),
        (
            ["--users", "--passwords", "there", "--make-passwords", "--ci", "a/b=acme/app"],
            "a/b has a / in the name",
        ),
        (
            ["--users", "--passwords", "no/way", "--make-passwords"],
            "no password can be made in no/way",
        ),
    ],
)
def test_a_folder_of_passwords_that_would_not_do_is_refused(
    export: Export, tmp_path: Path, argv: list[str], word: str
) -> None:
    code, out, err = export(*argv)
    assert (code, out) == (2, "")
    assert word in " ".join(err.split())
    assert not (tmp_path / "there").exists()


def test_a_password_behind_a_link_to_nowhere_is_not_taken_for_none(
    export: Export, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "devsecops-gate").symlink_to(tmp_path / "nowhere")
    for more in ([], ["--make-passwords"]):
        code, out, err = export("--users", "--passwords", "there", *more)
        assert (code, out) == (2, "")
        assert "there/devsecops-gate cannot be read as a password" in " ".join(err.split())
    assert not (tmp_path / "nowhere").exists()
