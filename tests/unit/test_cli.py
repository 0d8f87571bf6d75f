"""The command line: one group, one table of exit codes, one sentence per error."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from devsecops_eda import cli, errors
from devsecops_eda.cli import COMMANDS, run
from devsecops_eda.cli.config import find, load
from devsecops_eda.cli.exit_codes import MEANING, ExitCode, of_error, of_verdict
from devsecops_eda.cli.output import lines_below
from devsecops_eda.errors import FailureReason, InvalidSettingsError, RefusalReason
from devsecops_eda.model import Verdict


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str


Say = Callable[..., Said]


@pytest.fixture
def say(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Say:
    """Run a command line in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in tuple(os.environ):
        if name.startswith("DEVSECOPS_EDA_") or name == "CREDENTIALS_DIRECTORY":
            monkeypatch.delenv(name)

    def call(*argv: str) -> Said:
        code = run(argv)
        captured = capsys.readouterr()
        return Said(code, captured.out, captured.err)

    return call


def started(*argv: str, env: Mapping[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", "from devsecops_eda.cli import main; main()", *argv],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, **(env or {})},
        check=False,
    )


def test_help_and_version_import_no_broker_no_database_and_no_celery() -> None:
    script = """
import sys
from devsecops_eda.cli import run
for argv in (["--version"], ["--help"]):
    assert run(argv) == 0
heavy = {"pika", "sqlalchemy", "celery", "kombu", "rich", "jsonschema", "alembic", "prometheus_client"}
print(sorted(heavy & set(sys.modules)))
"""  # noqa: E501
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
    assert done.stdout.startswith("devsecops-eda ")


def test_help_needs_no_configuration_even_where_it_is_wrong(say: Say, tmp_path: Path) -> None:
    (tmp_path / "devsecops-eda.toml").write_text("nonsense = [")
    assert say("--help").code == 0
    assert say("config", "show", "--help").code == 0
    said = say("config", "show")
    assert said.code == ExitCode.USAGE
    assert f"{tmp_path}/devsecops-eda.toml:1:13: Invalid value" in said.err


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_exists_under_its_name(name: str) -> None:
    pytest.importorskip("celery") if name in ("worker", "gate", "up") else None
    command = cli.group.get_command(click.Context(cli.group), name)
    assert command is not None
    assert command.name == name
    assert command.help


def test_an_unknown_command_is_refused_with_the_nearest_one(say: Say) -> None:
    said = say("scna")
    assert said.code == ExitCode.USAGE
    assert "No such command 'scna'. Did you mean 'scan'?" in said.err


@pytest.mark.parametrize(
    "argv", [["--strange"], ["scan", "--strange"], ["scan", "/no/such/folder"]]
)
def test_a_wrong_command_line_exits_with_2_and_says_why(say: Say, argv: list[str]) -> None:
    said = say(*argv)
    assert said.code == ExitCode.USAGE
    assert "Error: " in said.err


@pytest.mark.parametrize(
    "value", ["sarif", "sarif=", "=x", "xml=x", "sarif=/no/such/folder/x", "sarif=/"]
)
def test_an_impossible_output_is_refused_before_anything_is_scanned(say: Say, value: str) -> None:
    said = say("scan", ".", "--output", value)
    assert said.code == ExitCode.USAGE
    assert "--output" in said.err


def test_an_error_of_ours_is_one_line_without_traceback() -> None:
    done = started("config", "show", env={"DEVSECOPS_EDA_CONFIG": "/no/such\x1b[2J/file.toml"})
    assert done.returncode == ExitCode.USAGE
    assert len(done.stderr.splitlines()) == 1
    assert done.stderr.startswith("devsecops-eda: /no/such [2J/file.toml: cannot be read: No such")


def test_a_terminal_without_unicode_costs_a_symbol_and_not_the_report() -> None:
    env = {"PYTHONIOENCODING": "latin-1", "DEVSECOPS_EDA_BROKER_SOLE_USER": "j✗rg"}
    done = started("config", "show", env=env)
    assert done.returncode == 0
    assert '"j\\u2717rg"' in done.stdout


def test_a_reader_that_leaves_is_no_error() -> None:
    command = f"{sys.executable} -c 'from devsecops_eda.cli import main; main()' --help | head -c 1"
    done = subprocess.run(
        ["bash", "-c", f"{command}; exit ${{PIPESTATUS[0]}}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in (0, 128 + signal.SIGPIPE)
    assert done.stderr == ""


ERRORS: list[tuple[errors.DevSecOpsError, ExitCode]] = [
    (errors.InvalidSettingsError("x"), ExitCode.USAGE),
    (errors.InvalidPolicyError("x"), ExitCode.USAGE),
    (errors.TopologyMismatchError("x"), ExitCode.USAGE),
    (errors.MissingExtraError("x"), ExitCode.USAGE),
    (errors.InvalidEventError(RefusalReason.SCHEMA, "x"), ExitCode.USAGE),
    (errors.NotAuthorisedError("x"), ExitCode.NOT_AUTHORISED),
    (errors.BrokerUnreachableError("x"), ExitCode.COULD_NOT_EVALUATE),
    (errors.BrokerBlockedError("x"), ExitCode.COULD_NOT_EVALUATE),
    (errors.PublishTimeoutError("x"), ExitCode.COULD_NOT_EVALUATE),
    (errors.UnavailableError("x"), ExitCode.COULD_NOT_EVALUATE),
    (errors.UnroutableError("x"), ExitCode.COULD_NOT_EVALUATE),
    (errors.PublishRefusedError("x"), ExitCode.COULD_NOT_EVALUATE),
    (errors.CheckError(FailureReason.NO_DATA, "x"), ExitCode.COULD_NOT_EVALUATE),
    (errors.DevSecOpsError("x"), ExitCode.COULD_NOT_EVALUATE),
]


@pytest.mark.parametrize(("error", "code"), ERRORS)
def test_every_error_has_its_exit_code(error: errors.DevSecOpsError, code: ExitCode) -> None:
    assert of_error(error) is code
    assert code is not ExitCode.ALLOW


def test_only_an_allow_exits_with_0() -> None:
    codes = {verdict: of_verdict(verdict).value for verdict in Verdict}
    assert codes == {"allow": 0, "deny": 1, "error": 3, "pending": 8}
    assert of_verdict(None) is ExitCode.PENDING
    assert set(MEANING) == set(ExitCode)


def test_a_missing_extra_is_named_with_the_way_to_get_it() -> None:
    script = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("celery", "kombu"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())
from devsecops_eda.cli import run
sys.exit(run(["worker", "semgrep"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == ExitCode.USAGE
    assert done.stderr == (
        "devsecops-eda: this command needs the extra 'worker': "
        "pip install 'devsecops_eda[worker]'\n"
    )


def test_ctrl_c_exits_with_130_without_traceback(tmp_path: Path) -> None:
    pipe = tmp_path / "never.toml"
    os.mkfifo(pipe)
    program = [sys.executable, "-c", "from devsecops_eda.cli import main; main()"]
    child = subprocess.Popen(
        # In the background of a shell SIGINT is ignored, by all that is started there too.
        ["env", "--default-signal=INT", *program, "config", "show"],
        env={**os.environ, "DEVSECOPS_EDA_CONFIG": str(pipe)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # Opening waits for the reader: from then on the child is at work, and nothing comes.
    with child, pipe.open("wb"):
        child.send_signal(signal.SIGINT)
        out, err = child.communicate(timeout=60)
    assert (child.returncode, out, err.strip()) == (ExitCode.INTERRUPTED, "", "")


def test_the_configuration_is_found_in_its_order(tmp_path: Path) -> None:
    here = tmp_path / "here"
    here.mkdir()
    named, other, local = tmp_path / "a.toml", tmp_path / "b.toml", here / "devsecops-eda.toml"
    for file in (named, other, local):
        file.write_text("")
    environ = {"DEVSECOPS_EDA_CONFIG": str(other)}
    assert find(named, environ, cwd=here) == named
    assert find(None, environ, cwd=here) == other
    assert find(None, {}, cwd=here) == local
    assert find(None, {}, cwd=tmp_path) in (None, Path("/etc/devsecops-eda/devsecops-eda.toml"))


def test_what_is_judged_does_not_configure_its_judge(tmp_path: Path) -> None:
    (tmp_path / "devsecops-eda.toml").write_text("max_attempts = 7")
    assert load(None, {}, cwd=tmp_path).settings.max_attempts == 7
    assert load(None, {}, cwd=tmp_path, outside=tmp_path).settings.max_attempts == 5
    assert load(None, {}, cwd=tmp_path, outside=tmp_path / "sub").settings.max_attempts == 7
    named = load(tmp_path / "devsecops-eda.toml", {}, cwd=tmp_path, outside=tmp_path)
    assert named.settings.max_attempts == 7


def test_a_file_that_is_named_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(InvalidSettingsError, match=r"gone\.toml: cannot be read: No such file"):
        load(tmp_path / "gone.toml", {}, cwd=tmp_path)
    (tmp_path / "latin.toml").write_bytes(b"a = 1\nb = '\xe9'\n")
    with pytest.raises(InvalidSettingsError, match=r"latin\.toml:2: is not UTF-8"):
        load(tmp_path / "latin.toml", {}, cwd=tmp_path)


def test_systemds_folders_are_used(tmp_path: Path) -> None:
    (tmp_path / "broker_password").write_text("hush\n")
    (tmp_path / "c.toml").write_text('[broker]\nurl = "amqp://me@h/"\n')
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "STATE_DIRECTORY": "/var/lib/x:/y"}
    settings = load(tmp_path / "c.toml", environ, cwd=tmp_path).settings
    assert settings.broker.url == "amqp://me:hush@h/"
    assert settings.state_dir == Path("/var/lib/x")


def test_config_show_masks_secrets_and_says_where_values_come_from(
    say: Say, tmp_path: Path
) -> None:
    file = tmp_path / "devsecops-eda.toml"
    file.write_text('max_attempts = 3\n[broker]\nurl = "amqp://me:hush@h/"\n')
    said = say("config", "show")
    assert said.code == 0
    assert "hush" not in said.out
    assert "broker.url" in said.out
    assert '"amqp://me:***@h/"' in said.out
    assert f"{file}:3" in said.out
    document = json.loads(say("config", "show", "--format", "json").out)
    assert document["version"] == 1
    assert document["file"] == str(file)
    settings = {each["key"]: each for each in document["settings"]}
    assert settings["max_attempts"] == {
        "key": "max_attempts",
        "value": 3,
        "origin": f"{file}:1",
    }
    assert settings["sandbox"]["origin"] == "default"


def test_a_line_of_code_is_read_below_the_checkout_only(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (root / "a.py").write_text("one\ntwo\n")
    (tmp_path / "secret").write_text("hush")
    (root / "link.py").symlink_to(tmp_path / "secret")
    os.mkfifo(root / "pipe.py")
    line_of = lines_below(root)
    assert line_of("a.py", 2) == "two"
    for path, line in (
        ("a.py", 3),
        ("a.py", 0),
        ("../secret", 1),
        ("link.py", 1),
        ("pipe.py", 1),
        ("gone.py", 1),
        ("a\0b", 1),
        (".", 1),
    ):
        assert line_of(path, line) is None
