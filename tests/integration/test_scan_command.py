"""`scan` as a developer calls it."""

import json
import os
import pty
import shutil
import signal
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sarif_kit.validate import validation_errors

from devsecops_eda.advisories import import_osv
from tests.rig.programs import DEVSECOPS_EDA, Programs
from tests.rig.site import git
from tests.rig.waiting import eventually

EXAMPLES = Path(__file__).parents[2] / "examples"
SHOP = EXAMPLES / "vulnerable-shop"


@pytest.fixture
def config(scanner_state: Path, tmp_path: Path) -> Path:
    """A configuration with the sample's vulnerability data."""
    import_osv(EXAMPLES / "advisories", tmp_path / "database", date=datetime.now(UTC))
    file = tmp_path / "config.toml"
    file.write_text(f'state_dir = "{scanner_state}"\n[checks.safety]\ndatabase = "database"\n')
    return file


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """A copy of the sample."""
    return Path(shutil.copytree(SHOP, tmp_path / "shop"))


def listing(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def test_a_scan_denies_writes_its_reports_and_leaves_nothing_behind(
    config: Path, shop: Path, tmp_path: Path, programs: Programs
) -> None:
    before = listing(shop)
    outputs = ("--output", f"sarif={tmp_path / 'r.sarif'}", "--output", f"json={tmp_path / 'r'}")
    scan = programs.run("--config", config, "scan", shop, *outputs)
    assert scan.exit_code == 1, scan.log
    assert "\x1b" not in scan.log
    assert listing(shop) == before
    assert validation_errors(json.loads((tmp_path / "r.sarif").read_text())) == []
    report = json.loads((tmp_path / "r").read_text())
    assert report["decision"]["verdict"] == "deny"
    assert {finding["check"] for finding in report["findings"]} == {"safety", "semgrep"}


def test_a_clean_folder_is_allowed(config: Path, tmp_path: Path, programs: Programs) -> None:
    clean = tmp_path / "clean"
    clean.mkdir()
    (clean / "a.py").write_text("print('hello')\n")
    (clean / "requirements.txt").write_text("itsdangerous==2.1.2\n")
    scan = programs.run("--config", config, "scan", clean)
    assert scan.exit_code == 0, scan.log
    assert "ALLOW  gate merge" in scan.log


def test_without_vulnerability_data_there_is_no_verdict_and_the_mend_is_named(
    scanner_state: Path, tmp_path: Path, programs: Programs
) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "requirements.txt").write_text("itsdangerous==2.1.2\n")
    scan = programs.run("scan", folder, env={"DEVSECOPS_EDA_STATE_DIR": str(scanner_state)})
    assert scan.exit_code == 3
    assert "no verdict from safety" in scan.log
    assert "devsecops-eda data import" in scan.log
    assert "To rescan is to run `scan` again" in scan.log


def test_a_configuration_inside_what_is_scanned_is_not_read(
    config: Path, shop: Path, programs: Programs
) -> None:
    (shop / "devsecops-eda.toml").write_text("[checks.semgrep]\nenabled = false\n")
    scan = programs.run("scan", ".", cwd=shop, env={"DEVSECOPS_EDA_CONFIG": ""})
    assert "devsecops-eda.toml inside the scanned folder was not read" in scan.log
    assert "semgrep" in scan.log


def test_ctrl_c_ends_a_scan_at_once_and_with_it_the_scanners(
    config: Path, tmp_path: Path, programs: Programs
) -> None:
    large = tmp_path / "large"
    large.mkdir()
    source = (SHOP / "shop" / "app.py").read_text()
    for number in range(400):
        (large / f"m{number}.py").write_text(source * 5)
    scan = programs.devsecops_eda("--config", config, "scan", large)
    eventually(
        lambda: any("semgrep" in one.command for one in scan.family()),
        timeout_s=60,
        what="semgrep at work",
    )
    scan.signal(signal.SIGINT)
    assert scan.wait(timeout_s=30) == 130
    assert "Traceback" not in scan.log


@pytest.mark.parametrize("no_color", [False, True])
def test_a_person_at_a_terminal_gets_colours_and_lines_unless_they_said_no(
    config: Path, tmp_path: Path, *, no_color: bool
) -> None:
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "a.py").write_text("import os\n\n\ndef f(x):\n    os.system('ls ' + x)\n")
    main, side = pty.openpty()
    env = {**os.environ, "TERM": "xterm", **({"NO_COLOR": "1"} if no_color else {})}
    with subprocess.Popen(
        [DEVSECOPS_EDA, "--config", str(config), "scan", "--checks", "semgrep", str(folder)],
        stdin=subprocess.DEVNULL,
        stdout=side,
        stderr=subprocess.PIPE,
        env=env,
    ) as child:
        os.close(side)
        shown = b""
        while True:
            try:
                part = os.read(main, 65536)
            except OSError:  # EIO: the other end is closed
                break
            if not part:
                break
            shown += part
        child.wait(120)
    os.close(main)
    assert (b"\x1b[" in shown) is not no_color
    assert b"| os.system('ls ' + x)" in shown


ORGANISATION = """\
version: 1
name: organisation
within: 30m
applies_to: {repositories: ["acme/*"], branch: protected}
gates: {merge: {}}
rules:
  - {id: read, kind: scan, gates: [merge], check: commit}
"""


def test_a_checkout_is_judged_by_the_rules_of_the_repository_it_is_said_to_be(
    config: Path, tmp_path: Path, programs: Programs
) -> None:
    checkout, policy = tmp_path / "checkout", tmp_path / "policy.yaml"
    checkout.mkdir()
    policy.write_text(ORGANISATION)
    git("init", "-q", "-b", "main", cwd=checkout)
    git("commit", "-q", "--allow-empty", "-m", "first", cwd=checkout)
    git("checkout", "-q", "-b", "topic", cwd=checkout)
    words = ("--config", config, "scan", checkout, "--checks", "commit", "--base", "main")
    unnamed = programs.run(*words, "--policy", policy)
    assert unnamed.exit_code == 3, unnamed.log
    assert "--repo KEY says which one it is" in unnamed.log
    named = programs.run(*words, "--policy", policy, "--repo", "acme/app")
    assert named.exit_code == 0, named.log
    assert "acme/app@" in named.log
    elsewhere = programs.run(*words, "--policy", policy, "--repo", "other/app")
    assert elsewhere.exit_code == 3, elsewhere.log


def test_a_base_may_be_whatever_git_takes_for_a_commit(
    config: Path, tmp_path: Path, programs: Programs
) -> None:
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    git("init", "-q", "-b", "main", cwd=checkout)
    for number in range(2):
        git("commit", "-q", "--allow-empty", "-m", f"{number}", cwd=checkout)
    first = git("rev-parse", "HEAD~1", cwd=checkout)
    words = ("--config", config, "scan", checkout, "--checks", "commit", "--base")
    scan = programs.run(*words, "HEAD~1", "--format", "json")
    assert scan.exit_code == 0, scan.log
    assert json.loads(scan.log)["decision"]["target"] == first
    for nothing in ("HEAD~7", "-x", "a b"):
        refused = programs.run(*words[:-1], f"--base={nothing}")
        assert refused.exit_code == 2, refused.log
        assert f"--base: there is no revision '{nothing}' here" in refused.log
