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
from tests.rig.programs import Programs
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
        Account(made[Role.OPERATOR].name, Role.OPERATOR),
    )
    document = definitions(TOPOLOGY, vhost=vhost.name, users=accounts)
    vhost.grant(document)
    return made


def test_with_only_their_rights_the_programs_work_and_declare_nothing(
    vhost: Vhost, programs: Programs, tmp_path: Path, logins: dict[Role, Login]
) -> None:
    policy = POLICY + RULE.format(check="commit")
    with Site(vhost, programs, tmp_path, checks=["commit"], policy=policy) as site:
        table = tuple(sorted(queue.name for queue in TOPOLOGY.queues))

        def config(role: Role) -> Path:
            text = site.config.read_text()
            user = f'sole_user = "{site.address.user}"'
            assert user in text
            text = text.replace(user, f'gate_user = "{logins[Role.GATE].name}"')
            text = text.replace(json.dumps(site.url), json.dumps(vhost.url_of(logins[role])))
            text += f'[checks.commit]\nuser = "{logins[Role.SCAN_WORKER].name}"\n'
            file = tmp_path / f"{role.value}.toml"
            file.write_text(text)
            return file

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
