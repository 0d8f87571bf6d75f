"""The demonstration: the real scanners on the sample, through the whole flow."""

import re
from pathlib import Path

from tests.rig.programs import Programs

EXAMPLES = Path(__file__).parents[2] / "examples"


def test_the_demo_shows_events_findings_of_both_scanners_and_a_deny_and_exits_with_0(
    scanner_state: Path, programs: Programs
) -> None:
    env = {"DEVSECOPS_EDA_STATE_DIR": str(scanner_state)}
    demo = programs.run("demo", env=env, timeout_s=200)
    log = demo.log
    assert demo.exit_code == 0, log
    for event in ("scan.requested", "scan.completed", "decision.requested", "decision.made"):
        assert f" s  {event} " in log
    assert "python-sql-injection" in log
    assert "CVE-2020-14343" in log
    assert "python-hardcoded-secret" in log
    assert "DENY  gate merge" in log
    assert "would have exited with 1 (deny)" in log
    assert "What to do next" in log
    assert log.index("Events as they flow") < log.index("python-sql-injection")
    assert log.index("DENY") < log.index("What to do next")


def test_the_samples_secret_stands_in_no_report_and_in_no_file_of_the_source(
    scanner_state: Path, programs: Programs
) -> None:
    env = {"DEVSECOPS_EDA_STATE_DIR": str(scanner_state)}
    log = programs.run("demo", env=env, timeout_s=200).log
    assert "python-hardcoded-secret" in log
    assert re.search(r"k9[0-9a-f]{8}", log) is None
    names = {path.name for path in EXAMPLES.rglob("*")}
    assert "local_settings.py" not in names


def test_a_demo_whose_flow_did_not_work_exits_with_3_and_names_the_mend(
    tmp_path: Path, programs: Programs
) -> None:
    demo = programs.run("demo", env={"DEVSECOPS_EDA_STATE_DIR": str(tmp_path / "empty")})
    assert demo.exit_code == 3
    assert "devsecops-eda scanners install" in demo.log
    assert "The flow did not work" in demo.log


def test_a_demo_without_its_sample_says_where_to_find_it(
    tmp_path: Path, programs: Programs
) -> None:
    demo = programs.run("demo", "--sample", tmp_path)
    assert demo.exit_code == 2
    assert "the sample comes with the source" in demo.log
    assert "Traceback" not in demo.log
