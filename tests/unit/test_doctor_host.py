"""What this machine brings, as the doctor finds it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from devsecops_eda.broker import parse_url
from devsecops_eda.doctor import State, host
from devsecops_eda.doctor.management import NotToldError
from devsecops_eda.doctor.node import consumer_timeout_s, is_here
from devsecops_eda.settings import Repository, SandboxMode, Settings, Surroundings, parse_settings
from tests.unit.test_doctor import wrong


def write(file: Path, text: str, mode: int = 0o600) -> Path:
    file.write_text(text)
    file.chmod(mode)
    return file


@pytest.mark.parametrize(
    ("text", "mode", "state"),
    [
        ('[broker]\nurl = "amqp://u:secret@h/"\n', 0o644, State.WARN),
        ('[broker]\nurl = "amqp://u:secret@h/"\n', 0o640, State.OK),
        ('[broker]\nurl = "amqp://u@h/"\npassword = "x"\n', 0o644, State.WARN),
        ('[broker]\nmanagement_url = "http://u:secret@h"\n', 0o644, State.WARN),
        ('[gate]\ndatabase = "postgresql://u:secret@h/g"\n', 0o644, State.WARN),
        ('[broker]\nurl = "amqp://u@h/"\n', 0o644, State.OK),
    ],
)
def test_a_secret_in_a_file_that_everybody_reads_is_found(
    tmp_path: Path, text: str, mode: int, state: State
) -> None:
    file = write(tmp_path / "x.toml", text, mode)
    around = Surroundings({}, tmp_path, tmp_path, lambda _path: "s")
    found = host.configuration_finding(parse_settings(text, file=file, around=around))
    assert found.state is state
    assert "secret@" not in found.text


def test_passwords_in_the_clear_are_told_where_they_leave_the_machine() -> None:
    def told(url: str, management: str = "") -> list[str]:
        given = Settings(Path("/state"))
        set_ = replace(given.broker, url=url, management_url=management)
        return [one.text for one in host.transport_findings(replace(given, broker=set_))]

    assert told("amqp://u:p@localhost/", "http://127.0.0.1:15672") == []
    assert told("amqps://u:p@mq/", "https://mq:15671") == []
    assert len(told("amqp://u:p@mq/", "http://mq:15672")) == 2
    assert any("guest" in text for text in told("amqps://guest:guest@mq/"))
    assert all(":p@" not in text for text in told("amqp://u:p@mq/"))


def test_what_git_lacks_is_found(tmp_path: Path) -> None:
    open_ = write(tmp_path / "open", "token", 0o644)
    closed = write(tmp_path / "closed", "token")
    cases = {
        "https://h/a": (Repository("a", "https://h/a", credential_file=closed), 0),
        "open": (Repository("b", "https://h/b", credential_file=open_), 1),
        "gone": (Repository("c", "https://h/c", credential_file=tmp_path / "gone"), 1),
        "folder": (Repository("d", str(tmp_path), protocols=("file",)), 0),
        "no folder": (Repository("e", str(tmp_path / "no"), protocols=("file",)), 1),
    }
    for name, (repository, count) in cases.items():
        found = list(host.repository_findings({repository.key: repository}))
        assert len(wrong(found)) == count, name
    assert len(wrong(host.repository_findings({}))) == 1


def test_a_state_folder_that_is_not_there_or_full_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for least, state in ((0, State.OK), (2**70, State.WARN)):
        monkeypatch.setattr(host, "LITTLE_BYTES", least)
        assert host.state_finding(Settings(tmp_path)).state is state
    found = host.state_finding(Settings(tmp_path / "no"))
    assert (found.state, "not there yet" in found.text) == (State.WARN, True)


def test_no_sandbox_is_a_warning_where_it_is_wanted_so_and_a_failure_elsewhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert host.sandbox_finding(SandboxMode.NONE).state is State.WARN
    prlimit = shutil.which("prlimit")
    assert prlimit is not None
    (tmp_path / "prlimit").symlink_to(prlimit)
    monkeypatch.setenv("PATH", str(tmp_path))
    absent = host.sandbox_finding(SandboxMode.BUBBLEWRAP)
    assert (absent.state, "is not installed" in absent.text) == (State.FAIL, True)
    write(tmp_path / "bwrap", "#!/bin/sh\necho 'bwrap: no namespaces for you' >&2\nexit 1\n", 0o755)
    refused = host.sandbox_finding(SandboxMode.BUBBLEWRAP)
    assert (refused.state, "no namespaces for you" in refused.text) == (State.FAIL, True)
    assert "install bubblewrap" in refused.mend


def test_what_workers_need_and_is_not_here_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert wrong(host.version_findings()) == []
    monkeypatch.setenv("PATH", str(tmp_path))
    (found,) = wrong(host.version_findings())
    assert (found.state, found.mend) == (State.FAIL, "install git")


def fake_rabbitmqctl(folder: Path, answer: str, code: int = 0) -> Path:
    file = folder / "rabbitmqctl"
    return write(file, f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\nexit {code}\n", 0o755)


@pytest.mark.parametrize(
    ("answer", "timeout_s"),
    [
        ('{{ok,1800000},<<"rabbit@mq">>}', 1800.0),
        ('{{ok,undefined},<<"rabbit@mq">>}', None),
        ('{undefined,<<"rabbit@mq">>}', None),
    ],
)
def test_a_node_tells_its_consumer_timeout(
    tmp_path: Path, answer: str, timeout_s: float | None
) -> None:
    program = fake_rabbitmqctl(tmp_path, answer)
    address = parse_url("amqp://mq/")
    assert consumer_timeout_s(program, address, cluster="rabbit@mq") == timeout_s


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: fake_rabbitmqctl(folder, '{{ok,1},<<"rabbit@other">>}'), "another broker"),
        (lambda folder: fake_rabbitmqctl(folder, "Error: no", 69), "finds no node"),
        (lambda folder: fake_rabbitmqctl(folder, "what?"), "finds no node"),
        (lambda folder: write(folder / "no", "", 0o600), "does not answer"),
        (lambda _folder: None, "broker's host"),
    ],
)
def test_a_node_that_does_not_tell_says_why(
    tmp_path: Path, make: Callable[[Path], Path | None], words: str
) -> None:
    with pytest.raises(NotToldError, match=words):
        consumer_timeout_s(make(tmp_path), parse_url("amqp://mq.internal/"), cluster="rabbit@mq")


@pytest.mark.parametrize(
    ("url", "here"),
    [("amqp://localhost/", True), ("amqp://127.0.0.1/", True), ("amqp://[::1]/", True),
     ("amqp://mq/", False), ("amqp://10.0.0.1/", False)],
)  # fmt: skip
def test_only_a_broker_on_loopback_is_here(url: str, here: bool) -> None:
    assert is_here(parse_url(url)) is here


def test_rabbitmqctl_is_given_nothing_of_our_environment_but_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEVSECOPS_EDA_BROKER_URL", "amqp://x:hush@mq/")
    monkeypatch.setenv("GITHUB_TOKEN", "hush")
    monkeypatch.setenv("RABBITMQ_NODENAME", "rabbit@mq")
    told = tmp_path / "environment"
    answer = '{{ok,1000},<<"rabbit@mq">>}'
    program = write(
        tmp_path / "rabbitmqctl", f"#!/bin/sh\nenv > '{told}'\necho '{answer}'\n", 0o755
    )
    assert consumer_timeout_s(program, parse_url("amqp://mq/"), cluster="rabbit@mq") == 1.0
    assert "hush" not in told.read_text()
    assert "RABBITMQ_NODENAME=rabbit@mq" in told.read_text()
