"""A real node on each configuration that is shipped, and what comes of the definitions in it."""

from __future__ import annotations

import base64
import json
import re
import ssl
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pika
import pytest
from ruamel.yaml import YAML

from devsecops_eda.broker import outgoing, parse_url, publish_once
from devsecops_eda.client import commit_pushed
from devsecops_eda.definitions import password_hash
from devsecops_eda.errors import DevSecOpsError
from tests.rig.broker import RabbitNode
from tests.rig.management import Login
from tests.rig.provide import ROOT
from tests.rig.shipped import RABBITMQ, made_certificates, on_our_ports, plugins
from tests.rig.waiting import eventually

pytestmark = [pytest.mark.deploy, pytest.mark.timeout(300)]

VHOST = "devsecops"
CI = Login("ci-acme", "one")
WORKER = Login("devsecops-worker-semgrep", "two")
PUSH = commit_pushed("acme/app", ref="main", sha="1" * 40, now=datetime.now(UTC))
PROMETHEUS = ROOT / "deploy" / "prometheus"
WATCHING = (*(PROMETHEUS / "rules").glob("*.yml"), *(ROOT / "deploy/grafana/dashboards").iterdir())
# What the name of each row of definitions.json is made of.
NAMED_BY = {
    "vhosts": ("name",),
    "users": ("name",),
    "permissions": ("vhost", "user"),
    "topic_permissions": ("vhost", "user", "exchange"),
    "exchanges": ("vhost", "name"),
    "queues": ("vhost", "name"),
    "bindings": ("vhost", "source", "destination", "routing_key"),
}

DEFAULTS = {"exchanges": {"internal": False}}


def shipped() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((RABBITMQ / "definitions.json").read_text())
    return document


def named(rows: list[dict[str, Any]], kind: str) -> dict[tuple[str, ...], dict[str, Any]]:
    return {tuple(row[word] for word in NAMED_BY[kind]): row for row in rows}


def stands_as_shipped(node: RabbitNode) -> None:
    """All rows of the shipped definitions are in what the node exports, and no others of theirs."""
    exported = node.management.call("GET", "definitions")
    for kind, rows in shipped().items():
        if kind not in NAMED_BY:
            continue
        found = named(exported[kind], kind)
        for name, row in named(rows, kind).items():
            # From 4.3 on what is not the case is left out.
            assert row == row | DEFAULTS.get(kind, {}) | {
                key: value for key, value in found.pop(name).items() if key in row
            }
        # The rig has an administrator in a virtual host of his own.
        theirs = {name for name in found if VHOST in name}
        assert theirs <= {(VHOST, node.admin.name)}, (kind, theirs)


def says_and_hears(node: RabbitNode, url: str, ca_file: Path | None) -> None:
    """A CI job says a commit with its rights, and a worker gets it with its own."""
    publish_once(parse_url(url, ca_file=ca_file), outgoing(PUSH, mandatory=True), timeout_s=30)
    with pika.BlockingConnection(pika.URLParameters(node.url(WORKER, vhost=VHOST))) as connection:
        found = connection.channel().basic_get("devsecops.check.semgrep", auto_ack=True)[2]
        # 4.3 has another name for it in its configuration, and takes this one.
        assert connection._impl.params.channel_max == 32
    assert json.loads(found)["id"] == PUSH.id


@pytest.fixture
def tls(tmp_path: Path) -> Path:
    made_certificates(tmp_path)
    return tmp_path


@pytest.fixture
def node_and_ports(tls: Path) -> Iterator[tuple[RabbitNode, Mapping[str, int]]]:
    """One node on rabbitmq.conf; without its neighbours, which test_deploy_cluster.py has."""
    conf, ports = on_our_ports("rabbitmq.conf", tls)
    conf = {key: value for key, value in conf.items() if not key.startswith("cluster_formation")}
    # As it is where nobody says otherwise; the rig does.
    conf["management_agent.disable_metrics_collector"] = "false"
    with RabbitNode(settings=conf, plugins=plugins()) as node:
        node.management.import_definitions(shipped())
        for login in (CI, WORKER):
            node.management.add_user(login)
        yield node, ports


def test_a_node_takes_rabbitmq_conf_and_the_definitions(
    node_and_ports: tuple[RabbitNode, Mapping[str, int]], tls: Path
) -> None:
    node, ports = node_and_ports
    # The node's own default, and of no use to us: what its management pages show of rates.
    used_once = set(re.findall(r"Feature `(\w+)` is deprecated", node.log))
    assert used_once <= {"management_metrics_collection"}
    url = f"amqps://{CI.name}:{{}}@localhost:{ports['tls']}/{VHOST}"
    says_and_hears(node, url.format(CI.password), tls / "ca.pem")

    context = ssl.create_default_context(cafile=str(tls / "ca.pem"))
    secure = HTTPSConnection("localhost", ports["management"], context=context, timeout=30)
    token = base64.b64encode(f"{node.admin.name}:{node.admin.password}".encode()).decode()
    secure.request("GET", "/api/overview", headers={"Authorization": f"Basic {token}"})
    assert json.loads(secure.getresponse().read())["rabbitmq_version"] == node.version
    secure.close()

    wrong = parse_url(url.format("wrong"), ca_file=tls / "ca.pem")
    with pytest.raises(DevSecOpsError):
        publish_once(wrong, outgoing(PUSH, mandatory=True), timeout_s=30)
    used = {
        name for file in WATCHING for name in re.findall(r"\brabbitmq_[a-z_]+", file.read_text())
    }
    assert len(used) >= 5
    # A node counts what is in its queues every few seconds.
    eventually(
        lambda: used <= scraped(ports["prometheus"]), timeout_s=30, what=f"all of {sorted(used)}"
    )


def scraped(port: int) -> set[str]:
    """Names of all that Prometheus gets of a node, asked as prometheus.yml says."""
    document = YAML(typ="safe").load(PROMETHEUS / "prometheus.yml")
    jobs = [job for job in document["scrape_configs"] if job["job_name"].startswith("rabbitmq")]
    assert len(jobs) == 2
    found: set[str] = set()
    for job in jobs:
        connection = HTTPConnection("127.0.0.1", port, timeout=30)
        asked = urlencode(job.get("params", {}), doseq=True)
        connection.request("GET", f"{job.get('metrics_path', '/metrics')}?{asked}")
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        assert response.status == 200
        found |= set(re.findall(r"^(\w+)[{ ]", text, re.MULTILINE))
    return found


def test_what_was_imported_is_exported_again(
    node_and_ports: tuple[RabbitNode, Mapping[str, int]],
) -> None:
    node, _ = node_and_ports
    exported = node.management.call("GET", "definitions")
    hashes = {row["name"]: row["password_hash"] for row in exported["users"]}
    for login in (CI, WORKER):
        assert hashes.pop(login.name)
        node.management.call("PUT", "users", login.name, body={"password_hash": "", "tags": ""})
    stands_as_shipped(node)
    # And once more, into itself: it is all the same.
    node.management.import_definitions(exported)
    assert exported == {**node.management.call("GET", "definitions"), "users": exported["users"]}


def test_a_node_takes_single_conf_and_loads_the_definitions(tmp_path: Path) -> None:
    conf, _ = on_our_ports("single.conf", tmp_path)
    node = RabbitNode(settings=conf, plugins=plugins())
    # A node that loads definitions makes no user by itself. These have one more.
    document = shipped()
    hashes = {
        one.name: password_hash(one.password, salt=b"salt") for one in (CI, WORKER, node.admin)
    }
    administrator = {"name": node.admin.name, "tags": "administrator", "limits": {}}
    document["users"].append({**administrator, "password_hash": ""})
    for user in document["users"]:
        user["password_hash"] = hashes.get(user["name"], "")
    document["permissions"].append(
        {"user": node.admin.name, "vhost": VHOST, "configure": ".*", "write": ".*", "read": ".*"}
    )
    (tmp_path / "definitions.json").write_text(json.dumps(document))
    with node:
        says_and_hears(node, node.url(CI, vhost=VHOST), None)
        for login in (CI, WORKER):
            node.management.call("PUT", "users", login.name, body={"password_hash": "", "tags": ""})
        stands_as_shipped(node)
