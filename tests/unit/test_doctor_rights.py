"""Rights on the broker, compared with those of the roles."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from devsecops_eda.definitions import Account, definitions
from devsecops_eda.doctor import Finding, State, rights
from devsecops_eda.doctor.management import NotToldError
from devsecops_eda.doctor.seen import Managed, untold
from devsecops_eda.roles import Role
from devsecops_eda.topology import Identities, Topology
from tests.unit.test_doctor import states, wrong

TOPOLOGY = Topology(("commit", "semgrep"))
NOTHING = untold(NotToldError("not asked"))

IDENTITIES = Identities()
ACCOUNTS = (
    Account("devsecops-gate", Role.GATE, "approval"),
    Account("devsecops-worker-commit", Role.SCAN_WORKER, "commit"),
    Account("devsecops-worker-semgrep", Role.SCAN_WORKER, "semgrep"),
    Account("ci", Role.CI, repos=("acme/app",)),
    Account("devsecops-operator", Role.OPERATOR),
)
DOCUMENT = definitions(TOPOLOGY, vhost="/", users=ACCOUNTS)
AS_EXPORTED = replace(
    NOTHING,
    permissions=DOCUMENT["permissions"],
    topic_permissions=DOCUMENT["topic_permissions"],
    users=DOCUMENT["users"],
)


def rights_of(managed: Managed, identities: Identities = IDENTITIES) -> list[Finding]:
    return list(rights.rights_findings(managed, identities, checks=("commit", "semgrep")))


def without(rows: Any, user: str) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["user"] != user]


def changed(rows: Any, user: str, **values: str) -> list[Mapping[str, Any]]:
    return [{**row, **values} if row["user"] == user else row for row in rows]


def test_rights_as_they_are_exported_are_well() -> None:
    assert states(rights_of(AS_EXPORTED)) == [State.OK]


P, T, U = DOCUMENT["permissions"], DOCUMENT["topic_permissions"], DOCUMENT["users"]
GUEST = {"user": "guest", "configure": ".*", "write": ".*", "read": ".*"}


@pytest.mark.parametrize(
    ("managed", "state", "words"),
    [
        (replace(AS_EXPORTED, permissions=without(P, "devsecops-gate")), State.FAIL, "no user"),
        (replace(AS_EXPORTED, topic_permissions=without(T, "ci")), State.FAIL, "ci may publish"),
        (
            replace(AS_EXPORTED, permissions=changed(P, "devsecops-worker-commit", read=".*")),
            State.WARN,
            "other rights than its role: read",
        ),
        (
            replace(AS_EXPORTED, topic_permissions=changed(T, "devsecops-gate", write=".*")),
            State.WARN,
            "topic write",
        ),
        (
            replace(AS_EXPORTED, permissions=changed(P, "ci", write=".*")),
            State.WARN,
            "ci may replay",
        ),
        (
            replace(AS_EXPORTED, users=[*U[:-2], {**U[-2], "tags": ["impersonator"]}, U[-1]]),
            State.FAIL,
            "in the name of every other",
        ),
        (
            replace(
                AS_EXPORTED,
                permissions=[*P, GUEST],
                users=[*U, {"name": "guest", "tags": "administrator"}],
            ),
            State.FAIL,
            "guest may publish under any routing key",
        ),
    ],
)
def test_who_may_too_much_or_too_little_is_named(
    managed: Managed, state: State, words: str
) -> None:
    (found,) = wrong(rights_of(managed))
    assert (found.state, words in found.text) == (state, True), found


def test_a_trial_on_one_user_is_told_as_one() -> None:
    managed = replace(NOTHING, permissions=[GUEST], topic_permissions=[], users=[])
    (found,) = wrong(rights_of(managed, Identities(sole_user="guest")))
    assert "trial" in found.mend


def test_who_is_no_administrator_is_told_nothing_of_rights() -> None:
    assert states(rights_of(NOTHING)) == [State.NOT_CHECKED]
