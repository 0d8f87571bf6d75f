"""What a person may well get wrong is refused at once, in one sentence, with the right code."""

from __future__ import annotations

from pathlib import Path

import pytest

from devsecops_eda.cli import run
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.cli.together import code_after


@pytest.fixture(autouse=True)
def no_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DEVSECOPS_EDA_CONFIG", raising=False)


def test_a_gate_that_the_policy_lacks_is_refused_before_anything_is_scanned(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["scan", ".", "--gate", "deploy"]) == ExitCode.USAGE
    said = capsys.readouterr()
    assert said.err == "devsecops-eda: the policy has no gate 'deploy'; there are: merge\n"
    assert said.out == ""


@pytest.mark.parametrize(
    ("content", "why"), [(None, "No such file or directory"), (b"\xff", "it is no UTF-8")]
)
def test_a_policy_that_cannot_be_read_is_one_short_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, content: bytes | None, why: str
) -> None:
    file = tmp_path / "policy.yaml"
    if content is not None:
        file.write_bytes(content)
    assert run(["scan", ".", "--policy", str(file)]) == ExitCode.USAGE
    assert capsys.readouterr().err == f"devsecops-eda: {file}: cannot be read: {why}\n"


def test_a_scan_that_had_nothing_to_look_at_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["scan", "."]) == ExitCode.ALLOW
    assert "note: Nothing here is of a kind that the checks look at" in capsys.readouterr().out


def test_up_ends_with_the_code_of_a_child_whose_user_can_mend_it() -> None:
    codes = {child: code_after(child) for child in (2, 4, 1, 0, 3, -9)}
    assert codes == {2: 2, 4: 4, 1: 3, 0: 3, 3: 3, -9: 3}
