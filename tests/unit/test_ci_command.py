"""The command of a CI job, up to where it needs a broker."""

from __future__ import annotations

from pathlib import Path

import pytest

from devsecops_eda.cli import run
from devsecops_eda.cli.exit_codes import ExitCode

HEAD = "1" * 40
PULL_REQUEST = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": "pull_request", "GITHUB_SHA": HEAD}


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder that is the working directory, in no CI system."""
    for name in ("GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "checkout"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("DEVSECOPS_EDA_STATE_DIR", str(tmp_path / "state"))
    return folder


@pytest.mark.parametrize("variables", [{}, {"DEVSECOPS_EDA_BROKER_URL": ""}, {
    "DEVSECOPS_EDA_BROKER_URL": "amqp://ci@127.0.0.1:1/", "DEVSECOPS_EDA_BROKER_PASSWORD": "",
}])  # fmt: skip
def test_a_job_without_credentials_is_told_what_to_do_and_ends_with_4(
    checkout: Path,
    variables: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert run(["ci", "--repo", "a", "--sha", HEAD]) == ExitCode.NOT_AUTHORISED
    said = capsys.readouterr().err
    assert "devsecops-eda scan" in said
    assert "--or-scan" in said


def test_a_configuration_inside_the_checkout_does_not_say_where_the_broker_is(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (checkout / "devsecops-eda.toml").write_text('[broker]\nurl = "amqp://evil@127.0.0.1:1/"\n')
    assert run(["ci", "--repo", "a", "--sha", HEAD]) == ExitCode.NOT_AUTHORISED
    assert "no credentials" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("argv", "environ", "says"),
    [
        ([], {}, "there is no commit; say it with --sha"),
        (["--sha", HEAD], {}, "bare commit; say it with --branch"),
        (["--sha", HEAD, "--branch", "b"], {}, "--repo KEY"),
        (["--sha", "main", "--branch", "b", "--repo", "a"], {}, "no revision of a commit"),
        (["--artifact", "sha256:" + "0" * 64, "--repo", "a"], {}, "--environment"),
        (
            ["--artifact", "sha256:12", "--environment", "prod", "--repo", "a"],
            {},
            "'sha256:12' is no revision of an artifact: sha256: and 64 lower-case hex digits",
        ),
        (["--repo", "a"], PULL_REQUEST, "say it with --sha"),
        (
            ["--repo", "a", "--sha", HEAD],
            PULL_REQUEST,
            "say it with --branch",
        ),
        (["--output", "pdf=x"], {}, "junit=PATH"),
    ],
)
def test_what_is_missing_is_asked_for_by_its_option(
    checkout: Path,
    argv: list[str],
    environ: dict[str, str],
    says: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DEVSECOPS_EDA_BROKER_URL", "amqp://ci:hunter2@127.0.0.1:1/")
    assert run(["ci", *argv]) == ExitCode.USAGE
    said = capsys.readouterr()
    assert says in " ".join(said.err.split())
    assert "hunter2" not in said.err + said.out
