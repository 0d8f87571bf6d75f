"""What Prometheus and RabbitMQ themselves say of the files in ``deploy/``."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.rig.newer import find_chosen
from tests.rig.provide import find_of_prometheus
from tests.rig.shipped import made_certificates

ROOT = Path(__file__).parents[2]
PROMETHEUS = ROOT / "deploy" / "prometheus"
RABBITMQ = ROOT / "deploy" / "rabbitmq"

# RabbitMQ's own way from a configuration file to what the node is told, without the node.
JUDGE = """
[File | Schemas] = init:get_plain_arguments(),
Said = fun(Errors) -> [io:format("~ts~n", [cuttlefish_error:xlate(E)]) || {error, E} <- Errors] end,
case cuttlefish_conf:file(File) of
    {errorlist, Errors} -> Said(Errors), halt(1);
    Conf ->
        case cuttlefish_generator:map(cuttlefish_schema:files(Schemas), Conf) of
            {error, _, {errorlist, Errors}} -> Said(Errors), halt(1);
            Told -> io:format("~p~n", [Told]), halt(0)
        end
end.
"""


def promtool(*argv: str | Path) -> str:
    program = find_of_prometheus("promtool")
    assert program is not None, "no promtool here: `make rig` gets one"
    return _output((str(program), *map(str, argv)))


def _output(argv: Sequence[str], env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_prometheus_takes_its_configuration_and_rules() -> None:
    said = promtool("check", "config", "--lint=all", "--lint-fatal", PROMETHEUS / "prometheus.yml")
    assert "2 rule files found" in said
    assert "0 rules" not in said


def test_every_alert_fires_where_it_should_and_nowhere_else() -> None:
    assert "SUCCESS" in promtool("test", "rules", PROMETHEUS / "tests" / "alerts_test.yml")


@pytest.mark.parametrize("name", ["rabbitmq.conf", "single.conf"])
def test_rabbitmq_takes_every_line_of_its_configuration(name: str, tmp_path: Path) -> None:
    told = _judged((RABBITMQ / name).read_text(), tmp_path)
    assert "{consumer_timeout,1800000}" in told
    assert "{max_message_size,1048576}" in told


def test_a_line_that_rabbitmq_does_not_know_is_found(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="no_such_key"):
        _judged("no_such_key = 1\n", tmp_path)


def _judged(text: str, folder: Path) -> str:
    broker = find_chosen()
    assert broker is not None, "no RabbitMQ here: `make rig` gets one"
    plugins = broker.sbin.parent / "plugins"
    # Files that are named must be there; from 4.3 on certificates are looked into here already.
    made_certificates(folder)
    (folder / "definitions.json").touch()
    text = text.replace("/etc/rabbitmq/tls", str(folder))
    text = text.replace("/etc/rabbitmq/definitions", str(folder))
    conf = folder / "judged.conf"
    conf.write_text(text)
    paths = [str(path) for path in plugins.glob("*/ebin")]
    schemas = [str(path) for path in sorted(plugins.glob("*/priv/schema/*.schema"))]
    assert schemas
    environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": str(folder)}
    return _output(
        ("erl", "-noinput", "-boot", "start_clean", "-pa", *paths, "-eval", JUDGE, "-extra",
         str(conf), *schemas),
        env=environment | dict(broker.environment),
    )  # fmt: skip
