"""Waivers, approvals and deployments: each person on a broker user of his own, on PostgreSQL."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from devsecops_eda.broker import declare, parse_url
from devsecops_eda.definitions import Account, definitions
from devsecops_eda.model import EventType
from devsecops_eda.roles import Role
from devsecops_eda.topology import Topology
from tests.conftest import Vhost
from tests.rig.management import Login
from tests.rig.programs import Program, Programs
from tests.rig.site import REPO, Site
from tests.rig.trial import BAD
from tests.rig.waiting import eventually

CHECKS = ("commit", "semgrep")
PEOPLE = ("ada", "grace", "linus", "margaret")
POLICY = """\
version: 1
name: people
within: 5m
gates:
  merge: {asked_by: [commit.pushed]}
  deploy: {asked_by: [deployment.requested]}
waivers:
  granters: [appsec]
  max: {critical: 14d, high: 30d, otherwise: 90d}
break_glass: {groups: [oncall], max: 4h, review_within: 3d}
rules:
  - {id: commit-read, kind: scan, gates: [merge], check: commit}
  - {id: code, kind: findings, gates: [merge], check: semgrep, at_most: {high: 0}, new_only: true}
  - {id: merged, kind: decision, gates: [deploy], gate: merge, target: main}
  - id: two-people
    kind: approvals
    gates: [deploy]
    n: 2
    groups: [appsec, owners]
    at_least: {appsec: 1}
    exclude: [requester]
    deadline: 1h
"""


@dataclass
class Town:
    """A site where everybody has a user, the rights of a role, and a configuration."""

    site: Site
    programs: Programs
    folder: Path
    logins: dict[str, Login] = field(default_factory=dict)

    def config(self, who: str) -> Path:
        """The configuration of one program or person."""
        return self.folder / f"{who}.toml"

    def run(self, who: str, *argv: str) -> Program:
        """Run a command as somebody to its end."""
        return self.programs.run("--config", self.config(who), *argv, timeout_s=120)

    def start(self, who: str, *argv: str) -> Program:
        """Start a command as somebody."""
        return self.programs.devsecops_eda("--config", self.config(who), *argv)

    def emit(self, sha: str, *more: str) -> Program:
        """Tell of a push as the CI job, and wait for the decision."""
        push = ("emit", "commit.pushed", "--repo", REPO, "--branch", "topic", "--target", "main")
        return self.run("ci", *push, "--sha", sha, "--wait", "90s", *more)

    def deploy(self, sha: str, *more: str) -> Program:
        """Ask as the CI job that a commit goes to production, and go on waiting."""
        wanted = ("emit", "deployment.requested", "--repo", REPO, "--environment", "prod")
        branch = ("--target", "main", "--gate", "deploy", "--wait", "90s")
        return self.start("ci", *wanted, "--sha", sha, *branch, *more)

    def approvals(self) -> list[dict[str, object]]:
        """What waits for people now, as ada sees it."""
        listed = self.run("ada", "approvals", "list", "--format", "json")
        assert listed.exit_code == 0, listed.log
        rounds: list[dict[str, object]] = json.loads(listed.log).get("approvals", [])
        return rounds

    def approval_of(self, sha: str) -> str:
        """The id of the round that is open about a commit, once there is one."""
        found: list[str] = []

        def there() -> bool:
            for one in self.approvals():
                request = one["request"]
                assert isinstance(request, dict)
                if request["subject"]["revision"] == sha:
                    found.append(request["approval"])
            return bool(found)

        eventually(there, timeout_s=60, what="people are asked", interval_s=0.5)
        return found[0]


@pytest.fixture
def town(vhost: Vhost, programs: Programs, tmp_path: Path, postgres_url: str) -> Iterator[Town]:
    topology = Topology(CHECKS)
    declare(topology, parse_url(vhost.url))
    roles = {"gate": Role.GATE, "ci": Role.CI, **dict.fromkeys(CHECKS, Role.SCAN_WORKER)}
    roles |= dict.fromkeys(PEOPLE, Role.APPROVER)
    logins = {who: vhost.add_user(who) for who in roles}
    accounts = [
        Account(
            logins[who].name,
            role,
            check="approval" if role is Role.GATE else who if role is Role.SCAN_WORKER else None,
            repos=(REPO,) if role is Role.CI else None,
        )
        for who, role in roles.items()
    ]
    vhost.grant(definitions(topology, vhost=vhost.name, users=accounts))
    with Site(vhost, programs, tmp_path, checks=CHECKS, policy=POLICY) as site:
        for who in roles:
            _configure(site, vhost, who, logins, postgres_url)
        yield Town(site, programs, tmp_path, logins)


def _configure(site: Site, vhost: Vhost, who: str, logins: dict[str, Login], database: str) -> None:
    text = site.config.read_text()
    sole = f'sole_user = "{site.address.user}"'
    assert sole in text
    text = text.replace(sole, f'gate_user = "{logins["gate"].name}"')
    text = text.replace(json.dumps(site.url), json.dumps(vhost.url_of(logins[who])))
    text = text.replace("[gate]\n", f"[gate]\ndatabase = {json.dumps(database)}\n")
    for check in CHECKS:
        text += f'[checks.{check}]\nuser = "{logins[check].name}"\n'
    text += "[checks.safety]\nenabled = false\n"
    for person in PEOPLE:
        text += f'[people.{person}]\nusers = ["{logins[person].name}"]\n'
    text += '[groups]\nappsec = ["ada", "grace"]\nowners = ["linus"]\noncall = ["margaret"]\n'
    (site.folder / f"{who}.toml").write_text(text)


def _start(town: Town) -> None:
    town.start("gate", "gate")
    for check in CHECKS:
        town.start(check, "worker", check, "--slots", "1")


def denied_finding(town: Town, sha: str) -> str:
    """Push what brings in one serious finding; return its fingerprint."""
    denied = town.emit(sha, "--format", "json")
    assert denied.exit_code == 1, denied.log
    decision = json.loads(denied.log[denied.log.index("{") :])["decision"]
    (blocking,) = [
        one["fingerprint"] for line in decision["requirements"] for one in line["blocking"]
    ]
    return str(blocking)


def waive(town: Town, fingerprint: str) -> str:
    """One person asks for an exception; nobody grants his own, another one does."""
    words = ("waiver", "request", "--repo", REPO, "--finding", fingerprint, "--expires", "7d")
    why = ("--reason", "mitigated", "--justification", "The input is signed.")
    asked = town.run("ada", *words, *why)
    assert asked.exit_code == 0, asked.log
    found = re.search(r"waiver ([0-9a-f-]{36})", asked.log)
    assert found, asked.log
    own = town.run("ada", "waiver", "grant", found[1])
    assert own.exit_code == 1, own.log
    assert "requester" in own.log or "asked for it" in own.log
    granted = town.run("grace", "waiver", "grant", found[1])
    assert granted.exit_code == 0, granted.log
    return found[1]


def test_a_denied_push_is_waived_and_deployed_by_people_and_a_new_push_needs_them_again(
    town: Town,
) -> None:
    _start(town)
    town.site.commit({"app.py": "x = 1\n"})
    bad = town.site.commit({"app.py": BAD}, branch="topic")
    waiver = waive(town, denied_finding(town, bad))
    allowed = town.emit(bad)
    assert allowed.exit_code == 0, allowed.log
    assert "waived" in allowed.log
    expiring = town.run("ada", "waiver", "list", "--expiring", "14d")
    assert waiver in expiring.log

    # It goes to production when two people say so, one of them of appsec.
    job = town.deploy(bad)
    approval = town.approval_of(bad)
    for who in ("linus", "grace"):
        vote = town.run(who, "approvals", "approve", approval, "--yes")
        assert vote.exit_code == 0, vote.log
    assert job.wait(timeout_s=60) == 0, job.log
    said = {event.type for event in town.site.tap.events()}
    assert {EventType.APPROVAL_REQUESTED, EventType.APPROVAL_GRANTED} <= said

    # What was pushed afterwards is another subject: the votes are not about it.
    newer = town.site.commit({"app.py": BAD + "\n\nY = 2\n"}, branch="topic")
    assert town.emit(newer).exit_code == 0
    waiting = town.deploy(newer)
    second = town.approval_of(newer)
    assert second != approval
    assert waiting.exit_code is None
    outsider = town.run("margaret", "approvals", "approve", second, "--yes")
    assert outsider.exit_code == 1, outsider.log
    veto = town.run("ada", "approvals", "reject", second, "--yes", "--comment", "Not today.")
    assert veto.exit_code == 0, veto.log
    assert waiting.wait(timeout_s=60) == 1, waiting.log
    assert town.site.dead() == []


def test_the_glass_is_broken_by_whom_the_policy_names_and_the_decision_stays_deny(
    town: Town,
) -> None:
    _start(town)
    town.site.commit({"app.py": "x = 1\n"})
    bad = town.site.commit({"app.py": BAD}, branch="topic")
    denied = town.emit(bad, "--format", "json")
    assert denied.exit_code == 1, denied.log
    decision = json.loads(denied.log[denied.log.index("{") :])["decision"]["id"]

    words = ("override", "request", decision, "--repo", REPO, "--reason", "The site is down.")
    refused = town.run("ada", *words)
    assert refused.exit_code == 1, refused.log
    active = town.run("margaret", *words, "--incident", "INC-1")
    assert active.exit_code == 0, active.log

    still = town.emit(bad)
    assert still.exit_code == 1, still.log
    assert "override" in still.log
    taken = town.emit(bad, "--accept-override")
    assert taken.exit_code == 0, taken.log

    override = re.findall(r"^([0-9a-f-]{36}) ", active.log, re.MULTILINE)[0]
    own = town.run("margaret", "override", "review", override, "--justified")
    assert own.exit_code == 1, own.log
    other = town.run("ada", "override", "review", override, "--justified")
    assert other.exit_code == 0, other.log
