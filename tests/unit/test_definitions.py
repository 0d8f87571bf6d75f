"""What operators import is the table, and each role's rights are its row of the design."""

import base64
import hashlib
import re

import pytest

from devsecops_eda.definitions import Account, accounts, definitions, password_hash, rights
from devsecops_eda.errors import ConfigurationError
from devsecops_eda.model import EventType
from devsecops_eda.roles import MAY_SAY, Role
from devsecops_eda.topology import (
    EVENTS,
    Identities,
    Topology,
    reply_keys,
    reply_queue,
    routing_key,
)

FLOW = "0198c2aa-0000-7000-8000-000000000000"
WAITER = "0123456789abcdef"
WORKER = Account("devsecops-worker-semgrep", Role.SCAN_WORKER, "semgrep")
GATE = Account("devsecops-gate", Role.GATE, "approval")
CI = Account("ci.acme", Role.CI, repos=("acme/app", "acme/lib"))
OPERATOR = Account("devsecops-operator", Role.OPERATOR)
BUILDER = Account("builder.acme", Role.BUILDER, repos=("acme/app",))
ADA = Account("ada", Role.APPROVER, repos=None)
GRACE = Account("grace", Role.APPROVER, repos=("acme/app",))
EVERYONE = (WORKER, GATE, CI, BUILDER, ADA, GRACE, OPERATOR)


def allows(pattern: str, name: str) -> bool:
    """Return what RabbitMQ would say: it searches; its \\z is Python's \\Z."""
    return re.search(pattern.replace(r"\z", r"\Z"), name) is not None


def key(type_: EventType, *, repo: str = "acme/app", scope: str = "semgrep") -> str:
    return routing_key(type_, repo=repo, scope=scope, klass="high", flow=FLOW)


@pytest.mark.parametrize("account", EVERYONE, ids=lambda account: account.name)
@pytest.mark.parametrize("type_", EventType)
def test_a_user_may_say_what_the_table_lets_the_role_say(
    account: Account, type_: EventType
) -> None:
    allowed = account.role in MAY_SAY[type_]
    assert allows(rights(account).topic_write, key(type_)) is allowed
    assert not allows(rights(account).topic_write, key(type_) + "\n")
    assert not allows(rights(account).topic_write, "x." + key(type_))
    assert not allows(rights(account).topic_write, key(type_) + ".x")


def test_a_worker_speaks_of_its_own_check_only() -> None:
    may = rights(WORKER).topic_write
    assert not allows(may, key(EventType.SCAN_COMPLETED, scope="safety"))
    assert not allows(may, key(EventType.SCAN_COMPLETED, scope="semgrepx"))
    assert not allows(may, key(EventType.SCAN_FAILED, scope="xsemgrep"))


def test_an_approver_speaks_of_any_repository_unless_held_to_some() -> None:
    for account, anywhere in ((ADA, True), (GRACE, False)):
        may = rights(account).topic_write
        assert allows(may, key(EventType.APPROVAL_VOTED))
        for repo in ("acme/lib", "evil/app"):
            assert allows(may, key(EventType.APPROVAL_VOTED, repo=repo)) is anywhere
            assert allows(may, key(EventType.WAIVER_GRANTED, repo=repo)) is anywhere
        about_all = routing_key(EventType.LISTING_REQUESTED, scope="approvals", flow=FLOW)
        assert allows(may, about_all) is anywhere


def test_an_approver_hears_answers_in_flows_he_knows_and_nothing_else() -> None:
    for account, anywhere in ((ADA, True), (GRACE, False)):
        may = rights(account)
        assert all(allows(may.topic_read, each) for each in reply_keys(repo="acme/app", flow=FLOW))
        for repo in ("evil/app", None):
            heard = [allows(may.topic_read, each) for each in reply_keys(repo=repo, flow=FLOW)]
            assert set(heard) == {anywhere}
        flow = reply_keys(repo="acme/app", flow=FLOW)[0].split(".")[-2]
        for listening in (
            *("#", "approval.#", "decision.made.#", "approval.*.*.*.*.*.#", f"#.{flow}.#"),
            *(f"approval.*.*.*.*.{flow}.#", f"approval.*.#.*.*.{flow}.#"),
            *(f"commit.pushed.acme:app.*.*.{flow}.#", f"waiver.*.acme:app.*.*.{flow}.#"),
        ):
            assert not allows(may.topic_read, listening), listening


@pytest.mark.parametrize("account", [BUILDER, ADA, GRACE], ids=lambda account: account.name)
def test_people_and_builders_have_reply_queues_of_their_own_and_no_other(account: Account) -> None:
    may = rights(account)
    own = reply_queue(user=account.name, flow=FLOW, waiter=WAITER)
    for pattern in (may.configure, may.write, may.read):
        assert allows(pattern, own)
        for other in (
            reply_queue(user="somebody", flow=FLOW, waiter=WAITER),
            reply_queue(user=f"{account.name}x", flow=FLOW, waiter=WAITER),
            *("devsecops.check.approval", "devsecops.dead", "devsecops.replay"),
        ):
            assert not allows(pattern, other)


def test_a_builder_is_a_ci_user_who_also_publishes() -> None:
    of = {role: {type_ for type_ in EventType if role in MAY_SAY[type_]} for role in Role}
    assert of[Role.BUILDER] == of[Role.CI] | {EventType.ARTIFACT_PUBLISHED}
    may = rights(BUILDER).topic_write
    assert not allows(may, key(EventType.ARTIFACT_PUBLISHED, repo="acme/lib"))


def test_nobody_holds_the_rights_of_two_roles() -> None:
    with pytest.raises(ConfigurationError, match="ada would be ci and approver"):
        accounts((), Identities(), ci={"ada": ("acme/app",)}, approvers={"ada": None})
    with pytest.raises(ConfigurationError, match="devsecops-gate would be gate and operator"):
        accounts((), Identities(), ci={}, operators=("devsecops-gate",))


def test_a_ci_user_speaks_of_its_own_repositories_only() -> None:
    may = rights(CI).topic_write
    assert allows(may, key(EventType.COMMIT_PUSHED, repo="acme/lib"))
    for repo in ("acme/app2", "evil/acme/app", "acme", "acme/app/x"):
        assert not allows(may, key(EventType.COMMIT_PUSHED, repo=repo))


def test_a_ci_user_hears_flows_of_its_own_repositories_only() -> None:
    may = rights(CI)
    for key_ in reply_keys(repo="acme/app", flow=FLOW):
        assert allows(may.topic_read, key_)
    for key_ in (*reply_keys(repo="evil/app", flow=FLOW), "#", "decision.made.#"):
        assert not allows(may.topic_read, key_)
    own = reply_queue(user=CI.name, flow=FLOW, waiter=WAITER)
    for pattern in (may.configure, may.write, may.read):
        assert allows(pattern, own)
        assert not allows(pattern, own + "\n")
        assert not allows(pattern, reply_queue(user="ci-acme", flow=FLOW, waiter=WAITER))
        assert not allows(pattern, "devsecops.check.semgrep")
        assert not allows(pattern, "devsecops.dead")


def test_a_ci_user_without_repositories_may_say_nothing() -> None:
    nobody = rights(Account("ci", Role.CI))
    assert not allows(nobody.topic_write, key(EventType.COMMIT_PUSHED))
    assert not allows(nobody.topic_write, "commit.pushed....")


@pytest.mark.parametrize("account", [WORKER, GATE], ids=lambda account: account.role.value)
def test_a_program_in_daily_work_makes_nothing_and_reads_its_queue_only(account: Account) -> None:
    may = rights(account)
    names = ["devsecops.events", "devsecops.dead", "devsecops.replay", "amq.topic", "amq.default"]
    names += [queue.name for queue in Topology(("semgrep", "safety")).queues]
    assert not [name for name in names if allows(may.configure, name)]
    assert [name for name in names if allows(may.read, name)] == [
        f"devsecops.check.{account.check}"
    ]
    assert {name for name in names if allows(may.write, name)} == {
        "devsecops.events",
        "devsecops.dead",
    }
    assert not allows(may.topic_read, "decision.made.#")


def test_only_the_operator_writes_to_the_replay_exchange() -> None:
    may = [account for account in EVERYONE if allows(rights(account).write, "devsecops.replay")]
    assert may == [OPERATOR]


def test_everybody_has_a_row_of_topic_rights() -> None:
    document = definitions(Topology(("semgrep",)), vhost="/", users=EVERYONE)
    names = {user["name"] for user in document["users"]}
    assert names == {account.name for account in EVERYONE}
    assert {row["user"] for row in document["permissions"]} == names
    assert {row["user"] for row in document["topic_permissions"]} == names
    assert {row["exchange"] for row in document["topic_permissions"]} == {EVENTS}


def test_the_users_are_those_of_the_settings() -> None:
    identities = Identities(gate="g", workers={"semgrep": "s"})
    found = accounts(
        ("semgrep", "safety"),
        identities,
        ci={"ci": ("a/b",)},
        builders={"b": ("a/b",)},
        approvers={"ada": None, "grace": ("a/b",)},
        operators=("op",),
    )
    assert [account.repos for account in found][3:7] == [("a/b",), ("a/b",), None, ("a/b",)]
    assert [(account.name, account.role) for account in found] == [
        ("g", Role.GATE),
        ("s", Role.SCAN_WORKER),
        ("devsecops-worker-safety", Role.SCAN_WORKER),
        ("ci", Role.CI),
        ("b", Role.BUILDER),
        ("ada", Role.APPROVER),
        ("grace", Role.APPROVER),
        ("op", Role.OPERATOR),
    ]


def test_without_users_nothing_is_said_about_users() -> None:
    document = definitions(Topology(("semgrep",)), vhost="/")
    assert set(document) == {"vhosts", "exchanges", "queues", "bindings"}


def test_a_password_hash_is_salted_sha256_as_rabbitmq_reads_it() -> None:
    raw = base64.b64decode(password_hash("test12", salt=b"\x90\x8d\xc6\x0a"))
    assert raw == b"\x90\x8d\xc6\x0a" + hashlib.sha256(b"\x90\x8d\xc6\x0atest12").digest()
    # The example of RabbitMQ's documentation.
    assert password_hash("test12", salt=b"\x90\x8d\xc6\x0a") == (
        "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
    )
