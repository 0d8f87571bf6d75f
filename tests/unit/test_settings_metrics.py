"""Where programs show themselves and how they log, as the configuration says it."""

import pytest

from devsecops_eda.settings import Listen, LogFormat
from devsecops_eda.settings.listening import listen_of
from devsecops_eda.settings.shown import rows
from tests.configured import parse, refusal


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("127.0.0.1:9109", Listen("127.0.0.1", 9109)),
        ("9109", Listen("127.0.0.1", 9109)),
        ("0.0.0.0:0", Listen("0.0.0.0", 0)),
        ("[::1]:9109", Listen("::1", 9109)),
        ("[fe80::1%eth0]:65535", Listen("fe80::1%eth0", 65535)),
        ("metrics.internal:9109", Listen("metrics.internal", 9109)),
    ],
)
def test_an_address_is_host_and_port_or_a_port_on_loopback(text: str, listen: Listen) -> None:
    assert listen_of(text) == listen
    assert listen_of(str(listen)) == listen


@pytest.mark.parametrize(
    "text",
    [
        *("", ":9109", "localhost", "localhost:", "::1:9109", "[::1]", "[::1]9109", "[]:9109"),
        *("127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:9109/", "http://127.0.0.1:9109", "a b:1"),
    ],
)
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"127\.0\.0\.1:9109"):
        listen_of(text)


def test_a_worker_listens_where_its_check_says_else_where_all_workers_do() -> None:
    settings = parse(
        '[gate]\nmetrics = "9108"\n[worker]\nmetrics = "9109"\n[checks.safety]\nmetrics = "9110"\n'
    ).settings
    assert settings.gate.metrics == Listen("127.0.0.1", 9108)
    assert settings.metrics_of("semgrep") == Listen("127.0.0.1", 9109)
    assert settings.metrics_of("safety") == Listen("127.0.0.1", 9110)
    assert settings.metrics_of("no-such-check") == Listen("127.0.0.1", 9109)


def test_nobody_listens_unless_told_to() -> None:
    settings = parse("").settings
    assert settings.gate.metrics is None
    assert settings.metrics_of("semgrep") is None
    assert settings.log_format is LogFormat.AUTO


def test_the_environment_says_it_for_one_service_of_many() -> None:
    variables = {
        "DEVSECOPS_EDA_WORKER_METRICS": "0.0.0.0:9109",
        "DEVSECOPS_EDA_LOG_FORMAT": "json",
    }
    settings = parse("", environ=variables).settings
    assert str(settings.metrics_of("commit")) == "0.0.0.0:9109"
    assert settings.log_format is LogFormat.JSON


def test_what_is_wrong_is_refused_with_its_place() -> None:
    assert "worker.metrics: must be host:port" in refusal('[worker]\nmetrics = "nowhere"')
    assert 'log.format: must be "auto" or "text" or "json"' in refusal('[log]\nformat = "xml"')


def test_it_is_shown_as_it_is_written() -> None:
    shown = {row.key: row.value for row in rows(parse('[gate]\nmetrics = "[::1]:9108"'))}
    assert shown["gate.metrics"] == "[::1]:9108"
    assert shown["worker.metrics"] is None
    assert shown["log.format"] == "auto"
