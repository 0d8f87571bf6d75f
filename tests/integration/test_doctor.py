"""The doctor on a live installation: what is well, and each thing that was broken on purpose."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pika
import pytest

from devsecops_eda.broker import declare, parse_url
from devsecops_eda.cli import run
from devsecops_eda.cli.exit_codes import ExitCode
from devsecops_eda.definitions import Account, definitions
from devsecops_eda.doctor import CHECKS, State
from devsecops_eda.doctor.management import NotToldError
from devsecops_eda.doctor.node import consumer_timeout_s
from devsecops_eda.doctor.versions import version_findings
from devsecops_eda.roles import Role
from devsecops_eda.topology import DEAD, EVENTS, GATE_CHECK, Topology, queue_name
from tests.conftest import Vhost
from tests.rig.management import Login
from tests.rig.ports import free_ports
from tests.rig.programs import Programs
from tests.rig.site import POLICY, RULE, Site
from tests.rig.waiting import eventually

TOPOLOGY = Topology(("commit",))
HEALTHY = {
    *("versions", "broker", "queues", "bindings", "consumers", "dead letters", "permissions"),
    *("clock", "policy", "people", "repositories", "ledger", "state", "configuration"),
    "consumer timeout",
}
"""What is simply well where all is well; of the others the test rig has its own."""


@dataclass(frozen=True, slots=True)
class Clinic:
    """A site with users of all roles, and its doctor."""

    vhost: Vhost
    folder: Path
    logins: dict[Role, Login]
    capture: pytest.CaptureFixture[str]

    def config(self, site: Site, role: Role, *, administrator: bool = True) -> Path:
        """A configuration of a program of that role; the doctor asks as whom it is told."""
        text = site.config.read_text()
        text = text.replace(
            f'sole_user = "{site.address.user}"', f'gate_user = "{self.logins[Role.GATE].name}"'
        )
        text = text.replace(json.dumps(site.url), json.dumps(self.vhost.url_of(self.logins[role])))
        port, admin = self.vhost.node.ports.management, self.vhost.node.admin
        who = f"{admin.name}:{admin.password}@" if administrator else ""
        text = text.replace(
            "[broker]\n", f'[broker]\nmanagement_url = "http://{who}127.0.0.1:{port}"\n'
        )
        text += f'[checks.commit]\nuser = "{self.logins[Role.SCAN_WORKER].name}"\n'
        text += "[checks.semgrep]\nenabled = false\n[checks.safety]\nenabled = false\n"
        file = self.folder / f"{role.value}.toml"
        file.write_text(text)
        file.chmod(0o600)
        return file

    def examine(self, config: Path, *options: str) -> tuple[int, dict[str, list[Any]]]:
        """Return the doctor's exit code, and its findings by check."""
        self.capture.readouterr()
        code = run(["--config", str(config), "doctor", "--format", "json", *options])
        said = self.capture.readouterr()
        assert "Traceback" not in said.err
        document = json.loads(said.out)
        found: dict[str, list[Any]] = {}
        for one in document["findings"]:
            found.setdefault(one["check"], []).append(one)
            assert one["mend"] or one["state"] in ("ok", "not_checked")
        return code, found

    def change(self, method: str, **arguments: Any) -> None:
        """Do something to the broker that nobody should."""
        with pika.BlockingConnection(pika.URLParameters(self.vhost.url)) as connection:
            getattr(connection.channel(), method)(**arguments)


@pytest.fixture
def clinic(vhost: Vhost, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Clinic:
    declare(TOPOLOGY, parse_url(vhost.url))
    roles = (Role.GATE, Role.SCAN_WORKER, Role.OPERATOR)
    logins = {role: vhost.add_user(role.value) for role in roles}
    accounts = (
        Account(logins[Role.GATE].name, Role.GATE, GATE_CHECK),
        Account(logins[Role.SCAN_WORKER].name, Role.SCAN_WORKER, "commit"),
        Account(logins[Role.OPERATOR].name, Role.OPERATOR),
    )
    vhost.grant(definitions(TOPOLOGY, vhost=vhost.name, users=accounts))
    operator = logins[Role.OPERATOR]
    vhost.node.management.add_user(operator, tags="monitoring")
    # The rig's own user may do everything everywhere; here it is held to what it needs.
    admin = vhost.node.admin.name
    vhost.node.management.set_topic_permissions(
        admin, vhost=vhost.name, exchange=EVENTS, write=".*", read=".*"
    )
    return Clinic(vhost, tmp_path, logins, capsys)


def rabbitmqctl(vhost: Vhost, folder: Path) -> Path:
    """A rabbitmqctl that speaks to the rig's node."""
    files = vhost.node._files
    lines = [f"export {name}='{value}'" for name, value in files.environment().items()]
    program = f"{files.broker.sbin}/rabbitmqctl --node {vhost.node.name}"
    file = folder / "rabbitmqctl"
    file.write_text("\n".join(["#!/bin/sh", *lines, f'exec {program} "$@"\n']))
    file.chmod(0o755)
    return file


def test_what_is_well_is_told_so_and_what_is_broken_is_found(
    vhost: Vhost, programs: Programs, tmp_path: Path, clinic: Clinic
) -> None:
    policy = POLICY + RULE.format(check="commit")
    with Site(vhost, programs, tmp_path, checks=["commit"], policy=policy) as site:
        programs.devsecops_eda("--config", clinic.config(site, Role.GATE), "gate")
        worker = programs.devsecops_eda(
            "--config", clinic.config(site, Role.SCAN_WORKER), "worker", "commit", "--slots", "1"
        )
        config = clinic.config(site, Role.OPERATOR)

        def consumed() -> bool:
            _, found = clinic.examine(config)
            return [one["state"] for one in found["consumers"]] == ["ok"]

        eventually(consumed, timeout_s=60, what="gate and worker work")
        ctl = ("--rabbitmqctl", str(rabbitmqctl(vhost, tmp_path)))
        everything_is_well(clinic, config, ctl)
        worker.end()
        break_it(clinic, config)
        eventually(
            lambda: clinic.examine(config)[1]["consumers"][0]["state"] == "fail",
            timeout_s=20,
            what="nobody works",
        )
        code, found = clinic.examine(config, *ctl)
        assert code == ExitCode.DENY
        fails = {check for check, each in found.items() for one in each if one["state"] == "fail"}
        assert fails == {"bindings", "consumers", "consumer timeout", "permissions", "queues"}
        assert found["dead letters"][0]["state"] == "warn"
        assert queue_name("old") in str(found["queues"])


def everything_is_well(clinic: Clinic, config: Path, ctl: tuple[str, str]) -> None:
    queues = clinic.vhost.queues()
    code, found = clinic.examine(config, *ctl)
    assert (code, set(found)) == (ExitCode.ALLOW, set(CHECKS) - {"scanners", "data"}), found
    for check in HEALTHY:
        assert {one["state"] for one in found[check]} == {"ok"}, found[check]
    assert "1800 s" in found["consumer timeout"][0]["text"]
    # What each version leaves to us is tried in test_broker_versions.py.
    said = [one.text for one in version_findings("RabbitMQ", clinic.vhost.node.version)]
    assert [one["text"] for one in [found["versions"][0], *found["protection"]]] == said
    assert clinic.vhost.queues() == queues


def break_it(clinic: Clinic, config: Path) -> None:
    vhost, gate = clinic.vhost, queue_name(GATE_CHECK)
    clinic.change("queue_unbind", queue=gate, exchange=EVENTS, routing_key="scan.#")
    clinic.change("basic_publish", exchange=DEAD, routing_key="", body=b"{")
    clinic.change("queue_declare", queue=queue_name("old"), durable=True)
    policy = {"pattern": "^devsecops", "definition": {"message-ttl": 1000000}}
    vhost.node.management.call("PUT", "policies", vhost.name, "ttl", body=policy)
    vhost.add_user("free", write=".*")
    config.write_text(config.read_text().replace('"120s"', '"2000s"'))


def test_an_operator_who_is_no_administrator_is_told_all_but_the_rights(
    vhost: Vhost, programs: Programs, tmp_path: Path, clinic: Clinic
) -> None:
    with Site(vhost, programs, tmp_path, checks=["commit"]) as site:
        config = clinic.config(site, Role.OPERATOR, administrator=False)
        code, found = clinic.examine(config)
        # Nobody works there.
        assert code == ExitCode.DENY
        assert [one["state"] for one in found["permissions"]] == ["not_checked"]
        for check in ("queues", "bindings", "clock", "broker", "dead letters"):
            assert [one["state"] for one in found[check]] == ["ok"], found[check]
        text = config.read_text().replace("management_url", "#management_url")
        config.write_text(text)
        _, found = clinic.examine(config)
        for check in ("permissions", "bindings", "clock", "broker"):
            assert [one["state"] for one in found[check]] == ["not_checked"]

        other = ("x-queue-type", "x-delivery-limit")
        for queue, mend in ((DEAD, "quorum"), (queue_name("commit"), "quorum")):
            clinic.change("queue_delete", queue=queue)
            arguments = {other[0]: mend, other[1]: 3}
            clinic.change("queue_declare", queue=queue, durable=True, arguments=arguments)
        _, found = clinic.examine(config)
        assert [one["state"] for one in found["queues"]] == ["fail", "fail"]
        assert all("another x-" in one["text"] for one in found["queues"])
        clinic.change("queue_delete", queue=DEAD)
        clinic.change("queue_delete", queue=queue_name("commit"))
        _, found = clinic.examine(config)
        assert "are not there" in found["queues"][0]["text"]
        assert "has no queue" in str(found["consumers"])
        assert DEAD not in vhost.queues()


@pytest.mark.parametrize(
    ("url", "code", "words"),
    [
        ("amqp://u:hunter2@127.0.0.1:1/", ExitCode.COULD_NOT_EVALUATE, "nobody listens"),
        ("amqp://u:hunter2@{broker}/", ExitCode.DENY, "refused this user"),
    ],
)
def test_a_broker_that_cannot_be_looked_at_hides_nothing_else(
    vhost: Vhost, tmp_path: Path, capsys: pytest.CaptureFixture[str],
    url: str, code: ExitCode, words: str,
) -> None:  # fmt: skip
    clinic = Clinic(vhost, tmp_path, {}, capsys)
    config, state = tmp_path / "x.toml", tmp_path / "state"
    state.mkdir()
    address = url.format(broker=f"127.0.0.1:{vhost.node.ports.amqp}")
    config.write_text(f'state_dir = "{state}"\n[broker]\nurl = "{address}"\n')
    skip = [word for check in ("scanners", "data", "sandbox") for word in ("--skip", check)]
    told, found = clinic.examine(config, *skip)
    assert told == code
    assert set(found) == set(CHECKS) - {"scanners", "data", "sandbox"}
    assert words in found["queues"][0]["text"]
    assert "hunter2" not in json.dumps(found)
    assert list(state.iterdir()) == []
    assert found["policy"][0]["state"] == State.OK.value
    # For people the same, with one line on how to mend what could not be looked at.
    capsys.readouterr()
    assert run(["--config", str(config), "doctor", *skip]) == code
    text = capsys.readouterr().out
    assert text.count("name broker.management_url and a user") == 1
    assert text.splitlines()[-1].endswith("not checked")


def test_a_database_tells_its_clock_and_its_tables(postgres_url: str) -> None:
    from devsecops_eda.ledger import open_ledger
    from devsecops_eda.ledger.inspection import inspect_ledger

    empty = inspect_ledger(postgres_url)
    assert (empty.revision, empty.known) == (None, True)
    open_ledger(postgres_url).close()
    found = inspect_ledger(postgres_url)
    assert found.revision == found.newest
    assert found.clock is not None
    assert abs((found.clock - datetime.now(UTC)).total_seconds()) < 5


def test_no_port_mapper_is_started_to_ask_for_a_node_that_is_not_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "rabbitmqctl"
    program.write_text("""#!/bin/sh\necho '{{ok,1000},<<"rabbit@mq">>}'\n""")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    address = parse_url("amqp://localhost/")
    (port,) = free_ports(1)
    monkeypatch.setenv("ERL_EPMD_PORT", str(port))
    with socket.create_server(("127.0.0.1", port)):
        assert consumer_timeout_s(None, address, cluster="rabbit@mq") == 1.0
    with pytest.raises(NotToldError, match="registered on this host"):
        consumer_timeout_s(None, address, cluster="rabbit@mq")
