"""Old decisions under a new policy, and what says that there was nothing to look at."""

from datetime import timedelta
from pathlib import Path

import pytest

from devsecops_eda.cli import run
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.errors import InvalidSettingsError
from devsecops_eda.evidence import open_evidence
from devsecops_eda.ledger import open_ledger
from devsecops_eda.policy import PolicyText
from devsecops_eda.replaying import what_if
from devsecops_eda.settings import GateSettings, Settings
from tests.governed import PEOPLE, SIMPLE, governed, grant, revoke, says, waiver, waiver_id
from tests.judged import NOW, commit_told, pushed, semgrep_told, take

SOON = NOW + timedelta(minutes=5)
LENIENT = SIMPLE.replace("high: 0", "high: 3")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "evidence").mkdir()
    database = f"sqlite:///{tmp_path / 'gate.db'}"
    return Settings(state_dir=tmp_path, gate=GateSettings(database=database), people=PEOPLE)


def test_waived_later_is_what_somebody_entitled_granted_also_if_it_was_revoked(
    settings: Settings,
) -> None:
    ledger = open_ledger(settings.gate.database)
    judge = governed(SIMPLE, ledger=ledger, evidence=open_evidence(settings.evidence_url))
    push = pushed()
    take(judge, push, commit_told(push), semgrep_told(push, "bad"))
    good, own, over_long, of_nobody = waiver(), waiver(), waiver(days=60), waiver()
    says(judge, "linus", good, now=SOON)
    says(judge, "ada", own, grant(own, "ada"), now=SOON)
    says(judge, "linus", over_long, now=SOON)
    says(judge, "nobody", of_nobody, now=SOON)
    says(judge, "ada", grant(over_long, "linus"), grant(of_nobody, "nobody"), now=SOON)
    says(judge, "ada", grant(good, "linus"), now=SOON)
    says(judge, "linus", revoke(good, "linus"), now=SOON + timedelta(hours=1))
    ledger.close()
    since = NOW - timedelta(days=1)
    texts = (PolicyText("new.yaml", LENIENT),)
    flips = what_if(settings, texts, since=since, processes=1).flips
    assert {flip.waived_later for flip in flips} == {(waiver_id(good, "linus"),)}


@pytest.mark.parametrize(
    "argv",
    [
        ("decision", "show", "8c0f3a2e-0000-4000-8000-000000000000"),
        ("decision", "replay", "8c0f3a2e-0000-4000-8000-000000000000"),
        ("policy", "replay", "--policy", "policy.yaml"),
    ],
)
def test_whoever_reads_a_ledger_that_is_not_there_is_told_so_and_makes_none(
    argv: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEVSECOPS_EDA_GATE_DATABASE", f"sqlite:///{tmp_path}/away/gate.db")
    Path("policy.yaml").write_text(one_rule())
    assert run(argv) == ExitCode.USAGE
    assert f"there is no ledger at {tmp_path}/away/gate.db" in capsys.readouterr().err
    assert not Path("away").exists()


def test_only_a_file_can_be_missing(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingsError, match="there is no ledger at"):
        open_ledger(f"sqlite:///{tmp_path / 'gate.db'}", existing=True)
    open_ledger(f"sqlite:///{tmp_path / 'gate.db'}").close()
    open_ledger(f"sqlite:///{tmp_path / 'gate.db'}", existing=True).close()
    open_ledger("sqlite://", existing=True).close()


@pytest.mark.parametrize(
    ("more", "code"),
    [((), ExitCode.COULD_NOT_EVALUATE), (("--fail-on", "never"), ExitCode.ALLOW)],
)
def test_a_replay_of_nothing_does_not_say_that_nothing_flips(
    more: tuple[str, ...],
    code: ExitCode,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEVSECOPS_EDA_STATE_DIR", str(tmp_path))
    Path("policy.yaml").write_text(one_rule())
    open_ledger(f"sqlite:///{tmp_path / 'gate.db'}").close()
    assert run(("policy", "replay", "--policy", "policy.yaml", *more)) == code
    assert "nothing was judged again" in capsys.readouterr().out


def one_rule() -> str:
    rule = "{id: read, kind: scan, gates: [merge], check: commit, within: 5m}"
    return f"version: 1\nname: one\ngates: {{merge: {{}}}}\nrules:\n  - {rule}\n"
