"""`devsecops-eda topology`: what an operator gets to import for jobs and people."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from devsecops_eda.cli import run

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
