"""Each program on a broker user of its own, with the rights of its role and no other."""

import json
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
from tests.rig.site import POLICY, REPO, RULE, Site
from tests.rig.waiting import eventually

TOPOLOGY = Topology(("commit",))


@pytest.fixture
def logins(vhost: Vhost) -> dict[Role, Login]:
    """A broker user per role, with the rights that the exported definitions give it."""
    declare(TOPOLOGY, parse_url(vhost.url))
    made = {role: vhost.add_user(role.value) for role in Role}
    accounts = (
        Account(made[Role.SCAN_WORKER].name, Role.SCAN_WORKER, "commit"),
        Account(made[Role.GATE].name, Role.GATE, "approval"),
        Account(made[Role.CI].name, Role.CI, repos=(REPO,)),
        Account(made[Role.BUILDER].name, Role.BUILDER, repos=(REPO,)),
        Account(made[Role.APPROVER].name, Role.APPROVER, repos=None),
        Account(made[Role.OPERATOR].name, Role.OPERATOR),
    )
    document = definitions(TOPOLOGY, vhost=vhost.name, users=accounts)
    vhost.grant(document)
    return made


def configured(site: Site, vhost: Vhost, logins: dict[Role, Login], role: Role) -> Path:
    """A configuration of a program of that role, with the users of all others in it."""
    text = site.config.read_text()
    user = f'sole_user = "{site.address.user}"'
    assert user in text
    builders = json.dumps([logins[Role.BUILDER].name])
    text = text.replace(user, f'gate_user = "{logins[Role.GATE].name}"\nbuilders = {builders}')
    text = text.replace(json.dumps(site.url), json.dumps(vhost.url_of(logins[role])))
    text += f'[checks.commit]\nuser = "{logins[Role.SCAN_WORKER].name}"\n'
    text += f'[people.ada]\nusers = ["{logins[Role.APPROVER].name}"]\n'
    file = site.config.parent / f"{role.value}.toml"
    file.write_text(text)
    return file


def test_with_only_their_rights_the_programs_work_and_declare_nothing(
    vhost: Vhost, programs: Programs, tmp_path: Path, logins: dict[Role, Login]
) -> None:
    policy = POLICY + RULE.format(check="commit")
    with Site(vhost, programs, tmp_path, checks=["commit"], policy=policy) as site:
        table = tuple(sorted(queue.name for queue in TOPOLOGY.queues))

        def config(role: Role) -> Path:
            return configured(site, vhost, logins, role)

        def queues() -> set[str]:
            return set(vhost.queues()) - {"tap"}

        programs.devsecops_eda("--config", config(Role.GATE), "gate")
        worker = programs.devsecops_eda(
            "--config", config(Role.SCAN_WORKER), "worker", "commit", "--slots", "1"
        )
        first, second = site.commits(2)
        ci = config(Role.CI)
        words = ("commit.pushed", "--repo", REPO, "--branch", "main", "--target", "main")
        allowed = programs.run("--config", ci, "emit", *words, "--sha", first, "--wait", "60s")
        assert allowed.exit_code == 0, allowed.log + worker.log
        assert queues() == set(table)

        # With the worker gone nobody answers: somebody waits, on one queue more.
        worker.end()
        waiting = programs.devsecops_eda(
            "--config", ci, "emit", *words, "--sha", second, "--wait", "60s"
        )
        prefix = f"devsecops.reply.{logins[Role.CI].name}."
        eventually(
            lambda: [name for name in queues() - set(table) if name.startswith(prefix)],
            timeout_s=30,
            what="a reply queue",
        )
        assert len(queues() - set(table)) == 1
        programs.devsecops_eda("--config", config(Role.SCAN_WORKER), "worker", "commit")
        assert waiting.wait(timeout_s=60) == 0
        eventually(lambda: queues() == set(table), timeout_s=10, what="the reply queue is gone")
        assert len(site.tap.events(EventType.DECISION_MADE)) >= 2
        assert site.dead() == []


def test_with_only_their_rights_people_ask_and_are_answered(
    vhost: Vhost, programs: Programs, tmp_path: Path, logins: dict[Role, Login]
) -> None:
    policy = POLICY + RULE.format(check="commit")
    with Site(vhost, programs, tmp_path, checks=["commit"], policy=policy) as site:

        def run(role: Role, *argv: str) -> Program:
            return programs.run("--config", configured(site, vhost, logins, role), *argv)

        programs.devsecops_eda("--config", configured(site, vhost, logins, Role.GATE), "gate")
        for role, about in ((Role.APPROVER, ()), (Role.APPROVER, ("--repo", REPO))):
            for what in ("approvals", "waiver", "override"):
                listed = run(role, what, "list", *about, "--format", "json")
                assert listed.exit_code == 0, listed.log
        # A job may ask what people are asked, in its own repository and in no other.
        assert run(Role.CI, "approvals", "list", "--repo", REPO).exit_code == 0
        for elsewhere in ((), ("--repo", "evil/app")):
            refused = run(Role.CI, "approvals", "list", *elsewhere)
            assert refused.exit_code not in (0, 1), refused.log
            assert "Traceback" not in refused.log
        assert len(site.tap.events(EventType.LISTING_MADE)) >= 7
        assert site.dead() == []
