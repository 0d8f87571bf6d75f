"""The configuration: what it takes, what holds without it, how it is shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from devsecops_eda.checks import CheckSettings
from devsecops_eda.model import People, Person
from devsecops_eda.settings import (
    KEYS,
    BrokerSettings,
    GateSettings,
    Repository,
    SandboxMode,
    Settings,
)
from devsecops_eda.settings.shown import rows
from devsecops_eda.topology import Identities
from tests.configured import FILE, SECRET, STATE, parse, refusal

FULL = """
state_dir = "state"
sandbox = "none"
transient_wait = "2m"
max_attempts = 3

[broker]
url = "amqps://gate@mq.internal:5671/prod"
password_file = "secret/broker"
ca_file = "ca.pem"
gate_user = "judge"
builders = ["builder-app", "builder-lib"]
connect_timeout = "3s"

[repositories."acme/app"]
url = "https://git.internal/acme/app.git"
protected = ["main", "release/*"]
credential_file = "/run/git"

[repositories."acme/lib"]
url = "lib.git"
protocols = ["file"]

[checks.semgrep]
rules = ["rules", "/srv/rules"]
timeout = "5m"
memory = "512MiB"
slots = 4
user = "sem"

[checks.safety]
database = "osv"
max_age = "30d"

[gate]
policy = "policy.yaml"
database = "sqlite:///facts.db"
retention = "90d"

[evidence]
url = "file:///srv/evidence"

[people.ada]
users = ["ada", "ada-laptop"]
emails = ["Ada@example.com"]

[people.grace]
users = ["grace"]

[people."linus.t"]
emails = ["linus@example.com", "torvalds@example.org"]

[groups]
security = ["ada", "grace"]
release-managers = ["grace", "linus.t"]
"""
WHO = People(
    (
        Person("ada", ("ada", "ada-laptop"), ("Ada@example.com",)),
        Person("grace", ("grace",)),
        Person("linus.t", emails=("linus@example.com", "torvalds@example.org")),
    ),
    {
        "security": frozenset({"ada", "grace"}),
        "release-managers": frozenset({"grace", "linus.t"}),
    },
)
NAMED = {"repositories", "checks", "people", "groups"}


def test_a_full_file_becomes_settings_with_paths_relative_to_the_file() -> None:
    settings = parse(FULL, files={"/etc/eda/secret/broker": SECRET + "\n"}).settings
    assert settings == Settings(
        state_dir=Path("/etc/eda/state"),
        sandbox=SandboxMode.NONE,
        transient_wait_s=120.0,
        max_attempts=3,
        broker=BrokerSettings(
            url="amqps://gate:pa%3Ass%2Fw%40rd%20%231@mq.internal:5671/prod",
            ca_file=Path("/etc/eda/ca.pem"),
            gate_user="judge",
            builders=("builder-app", "builder-lib"),
            connect_timeout_s=3.0,
        ),
        repositories={
            "acme/app": Repository(
                "acme/app",
                "https://git.internal/acme/app.git",
                protected=("main", "release/*"),
                credential_file=Path("/run/git"),
                protocols=("https",),
            ),
            "acme/lib": Repository("acme/lib", "/etc/eda/lib.git", protocols=("file",)),
        },
        checks={
            "commit": CheckSettings("commit"),
            "safety": CheckSettings(
                "safety", database=Path("/etc/eda/osv"), max_age_s=30 * 86400.0
            ),
            "semgrep": CheckSettings(
                "semgrep",
                rules=(Path("/etc/eda/rules"), Path("/srv/rules")),
                timeout_s=300.0,
                memory_bytes=512 * 1024**2,
                slots=4,
                user="sem",
            ),
        },
        gate=GateSettings(
            policy=Path("/etc/eda/policy.yaml"),
            database="sqlite:////etc/eda/facts.db",
            retention_s=90 * 86400.0,
        ),
        people=WHO,
        evidence_url="file:///srv/evidence",
    )


def test_without_a_file_the_defaults_hold_below_the_state_folder() -> None:
    settings = parse(file=None).settings
    assert settings == Settings(STATE)
    assert settings.evidence_url == "file:///var/lib/eda/evidence"
    assert settings.gate.database == "sqlite:////var/lib/eda/gate.db"
    assert settings.gate.retention_s == 400 * 86400
    assert settings.people == People()
    assert sorted(settings.checks) == ["commit", "safety", "semgrep"]
    assert settings.sandbox is SandboxMode.BUBBLEWRAP


def test_configuring_one_check_leaves_the_others_running_and_enabled_turns_one_off() -> None:
    text = "[checks.safety]\nenabled = false\n[checks.semgrep]\nslots = 3\n"
    settings = parse(text).settings
    assert sorted(settings.checks) == ["commit", "semgrep"]
    assert settings.checks["semgrep"].slots == 3


def test_every_key_outside_the_tables_keyed_by_name_has_an_environment_variable() -> None:
    named = {key.environment for key in KEYS if key.environment}
    assert {
        "DEVSECOPS_EDA_BROKER_URL",
        "DEVSECOPS_EDA_BROKER_PASSWORD_FILE",
        "DEVSECOPS_EDA_STATE_DIR",
        "DEVSECOPS_EDA_GATE_DATABASE",
        "DEVSECOPS_EDA_EVIDENCE_URL",
        "DEVSECOPS_EDA_TRANSIENT_WAIT",
    } <= named
    without = [key.dotted for key in KEYS if key.environment is None]
    assert all(
        dotted.startswith(("repositories.", "checks.", "people.", "groups.")) for dotted in without
    )


@pytest.mark.parametrize(
    ("name", "given", "get"),
    [
        ("STATE_DIR", "s", lambda s: s.state_dir == Path("/srv/here/s")),
        ("STATE_DIR", "~/s", lambda s: s.state_dir == Path("/home/me/s")),
        ("SANDBOX", "none", lambda s: s.sandbox is SandboxMode.NONE),
        ("TRANSIENT_WAIT", "90s", lambda s: s.transient_wait_s == 90.0),
        ("MAX_ATTEMPTS", "7", lambda s: s.max_attempts == 7),
        ("BROKER_URL", "amqp://x@h/", lambda s: s.broker.url == "amqp://x@h/"),
        ("BROKER_SOLE_USER", "me", lambda s: s.broker.sole_user == "me"),
        ("GATE_POLICY", "/p.yaml", lambda s: s.gate.policy == Path("/p.yaml")),
        ("GATE_DATABASE", "sqlite:///g.db", lambda s: s.gate.database.endswith("/here/g.db")),
        ("GATE_RETENTION", "30d", lambda s: s.gate.retention_s == 30 * 86400),
        ("BROKER_BUILDERS", "b, c", lambda s: s.identities.builders == {"b", "c"}),
        ("EVIDENCE_URL", "file:///e", lambda s: s.evidence_url == "file:///e"),
    ],
)
def test_the_environment_goes_before_the_file(name: str, given: str, get: object) -> None:
    text = 'state_dir = "/other"\nmax_attempts = 2\n[broker]\nurl = "amqp://other/"\n'
    loaded = parse(text, environ={f"DEVSECOPS_EDA_{name}": given})
    assert get(loaded.settings)  # type: ignore[operator]
    assert f"environment DEVSECOPS_EDA_{name}" in loaded.origins.values()


def test_a_secret_comes_from_environment_then_credential_then_file() -> None:
    text = '[broker]\nurl = "amqp://me@h/"\npassword = "from-file"\n'
    environ = {"DEVSECOPS_EDA_BROKER_PASSWORD": "from-environment"}
    credentials = {"broker_password": "from-credential\n"}
    assert parse(text).settings.broker.url == "amqp://me:from-file@h/"
    loaded = parse(text, credentials=credentials)
    assert loaded.settings.broker.url == "amqp://me:from-credential@h/"
    assert loaded.origin(("broker", "password")) == "systemd credential broker_password"
    loaded = parse(text, environ=environ, credentials=credentials)
    assert loaded.settings.broker.url == "amqp://me:from-environment@h/"


def test_a_whole_url_may_be_the_secret_in_a_file() -> None:
    loaded = parse(
        '[gate]\ndatabase_file = "db-url"\n[broker]\nurl_file = "/run/mq"\n',
        files={"/etc/eda/db-url": "sqlite:////srv/x.db\n", "/run/mq": "amqp://u:q@h/\n"},
    )
    assert loaded.settings.gate.database == "sqlite:////srv/x.db"
    assert loaded.settings.broker.url == "amqp://u:q@h/"
    assert loaded.origin(("broker", "url")) == f"file /run/mq ({FILE}:4)"


@pytest.mark.parametrize(
    ("url", "protocols", "expected"),
    [
        ("https://h/x.git", "", ("https://h/x.git", ("https",))),
        ("ssh://git@h/x.git", "", ("ssh://git@h/x.git", ("ssh",))),
        ("git@h:acme/x.git", "", ("git@h:acme/x.git", ("ssh",))),
        ("../x.git", 'protocols = ["file"]', ("/etc/eda/../x.git", ("file",))),
        ("file:///srv/a%20b", 'protocols = ["file"]', ("/srv/a b", ("file",))),
    ],
)
def test_a_repository_url_names_its_protocol(
    url: str, protocols: str, expected: tuple[str, tuple[str, ...]]
) -> None:
    settings = parse(f'[repositories."a/b"]\nurl = "{url}"\n{protocols}\n').settings
    repository = settings.repositories["a/b"]
    assert (repository.url, repository.protocols) == expected


@pytest.mark.parametrize(
    ("ref", "protected"),
    [
        ("main", True),
        ("refs/heads/main", True),
        ("release/1.0", True),
        ("refs/heads/release/1.0", True),
        ("topic", False),
        ("Main", False),
        ("refs/heads/not-main", False),
    ],
)
def test_a_branch_is_protected_by_pattern_whichever_way_it_is_named(
    ref: str, protected: bool
) -> None:
    repository = Repository("a/b", "https://h/x", protected=("main", "release/*"))
    assert repository.protects(ref) is protected


def test_no_secret_shows_in_a_repr_a_row_or_a_refusal() -> None:
    loaded = parse(FULL, files={"/etc/eda/secret/broker": "hush-hush\n"})
    shown = repr(loaded.settings) + str(loaded.settings) + repr(rows(loaded))
    assert "hush" not in shown
    assert "***" in repr(loaded.settings.broker)
    text = '[broker]\nurl = "amqp://u:hush@h:x/"\n'
    assert "hush" not in refusal(text)


@pytest.mark.parametrize("span", ["400d", "30s", "1d12h", "1m30s", "365d"])
def test_a_span_is_shown_as_it_is_written_without_months_and_years(span: str) -> None:
    loaded = parse(f'[gate]\nretention = "{span}"\n')
    assert {row.key: row.value for row in rows(loaded)}["gate.retention"] == span


def test_every_setting_is_shown_with_where_it_came_from() -> None:
    loaded = parse(
        FULL,
        files={"/etc/eda/secret/broker": "x"},
        environ={"DEVSECOPS_EDA_MAX_ATTEMPTS": "9"},
    )
    shown = {row.key: (row.value, row.origin) for row in rows(loaded)}
    assert shown["state_dir"] == ("/etc/eda/state", f"{FILE}:2")
    assert shown["max_attempts"] == (9, "environment DEVSECOPS_EDA_MAX_ATTEMPTS")
    assert shown["broker.password"] == ("***", f"file /etc/eda/secret/broker ({FILE}:9)")
    assert shown["broker.sole_user"] == (None, "default")
    assert shown["checks.semgrep.memory"] == ("512MiB", f"{FILE}:27")
    assert shown["checks.commit.timeout"] == ("10m", "default")
    assert shown['repositories."acme/app".protected'][0] == ["main", "release/*"]
    assert shown["evidence.url"] == ("file:///srv/evidence", f"{FILE}:41")
    outside = {key.dotted for key in KEYS if key.environment and not key.dotted.endswith("_file")}
    assert outside <= shown.keys()


def test_identities_come_from_the_broker_and_the_checks() -> None:
    broker = '[broker]\ngate_user = "judge"\nsole_user = "all"\nbuilders = ["b"]\n'
    assert parse(broker + '[checks.semgrep]\nuser = "sem"\n').settings.identities == Identities(
        gate="judge", workers={"semgrep": "sem"}, builders=frozenset({"b"}), sole_user="all"
    )
