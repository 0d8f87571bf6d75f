"""The configuration: what it takes, what it refuses and with which words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from devsecops_eda.checks import CheckSettings
from devsecops_eda.errors import InvalidSettingsError
from devsecops_eda.settings import (
    KEYS,
    BrokerSettings,
    GateSettings,
    Loaded,
    Repository,
    SandboxMode,
    Settings,
    Surroundings,
    masked,
    parse_settings,
)
from devsecops_eda.settings.places import lines_of
from devsecops_eda.settings.shown import rows
from devsecops_eda.topology import Identities

FILE = Path("/etc/eda/devsecops-eda.toml")
STATE = Path("/var/lib/eda")
SECRET = "pa:ss/w@rd #1"


def parse(
    text: str = "",
    *,
    environ: Mapping[str, str] | None = None,
    files: Mapping[str, str] | None = None,
    credentials: Mapping[str, str] | None = None,
    checks: frozenset[str] | None = None,
    file: Path | None = FILE,
) -> Loaded:
    def read_file(path: Path) -> str:
        try:
            return (files or {})[str(path)]
        except KeyError:
            raise FileNotFoundError(2, "No such file or directory") from None

    return parse_settings(
        text,
        file=file,
        around=Surroundings(
            environ=environ or {},
            cwd=Path("/work/here"),
            state_dir=STATE,
            read_file=read_file,
            credential=(credentials or {}).get,
            home=Path("/home/me"),
            known_checks=checks,
        ),
    )


def refusal(text: str, **kwargs: object) -> str:
    with pytest.raises(InvalidSettingsError) as caught:
        parse(text, **kwargs)  # type: ignore[arg-type]
    return str(caught.value)


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

[evidence]
url = "file:///srv/evidence"
"""


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
        ),
        evidence_url="file:///srv/evidence",
    )


def test_without_a_file_the_defaults_hold_below_the_state_folder() -> None:
    settings = parse(file=None).settings
    assert settings == Settings(STATE)
    assert settings.evidence_url == "file:///var/lib/eda/evidence"
    assert settings.gate.database == "sqlite:////var/lib/eda/gate.db"
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
    assert all(dotted.startswith(("repositories.", "checks.")) for dotted in without)


@pytest.mark.parametrize(
    ("name", "given", "get"),
    [
        ("STATE_DIR", "s", lambda s: s.state_dir == Path("/work/here/s")),
        ("STATE_DIR", "~/s", lambda s: s.state_dir == Path("/home/me/s")),
        ("SANDBOX", "none", lambda s: s.sandbox is SandboxMode.NONE),
        ("TRANSIENT_WAIT", "90s", lambda s: s.transient_wait_s == 90.0),
        ("MAX_ATTEMPTS", "7", lambda s: s.max_attempts == 7),
        ("BROKER_URL", "amqp://x@h/", lambda s: s.broker.url == "amqp://x@h/"),
        ("BROKER_SOLE_USER", "me", lambda s: s.broker.sole_user == "me"),
        ("GATE_POLICY", "/p.yaml", lambda s: s.gate.policy == Path("/p.yaml")),
        ("GATE_DATABASE", "sqlite:///g.db", lambda s: s.gate.database.endswith("/here/g.db")),
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
    ("text", "words"),
    [
        ("broker = 1", [f"{FILE}:1: broker: must be a table, not a number"]),
        ("[brokr]\nurl = 'amqp://h/'", [f"{FILE}:1: brokr: there is no such key", "broker"]),
        ("\n\n[broker]\nulr = 'amqp://h/'", [f"{FILE}:4: broker.ulr", "did you mean url?"]),
        ("[checks.semgrep]\ntimeot = '5m'", [f"{FILE}:2: checks.semgrep.timeot", "timeout"]),
        ('[repositories."a/b"]\nulr = "x"', [f'{FILE}:2: repositories."a/b".ulr', "url"]),
        ("max_attempts = true", [f"{FILE}:1: max_attempts", "not true or false"]),
        ("max_attempts = 1.0", ["must be a whole number, not a number"]),
        ("max_attempts = 0", ["must be from 1 to 20"]),
        ("max_attempts = 2026-01-01", ["not a date or time"]),
        ("transient_wait = 300", ['must be a duration like "300s"', "not a number"]),
        ("transient_wait = '300'", ["must be a duration above zero"]),
        ("transient_wait = '-5s'", ["must be a duration above zero"]),
        ("transient_wait = '0s'", ["must be a duration above zero"]),
        ("sandbox = 'bwrap'", ['must be "bubblewrap" or "none"']),
        ("state_dir = ['a']", ["must be a text in quotes, not a list"]),
        ("state_dir = ''", ["must be a text that is not empty"]),
        ("[checks.semgrep]\nrules = 'a'\nmemory = 4", [f"{FILE}:3", '"512MiB"']),
        ("[checks.semgrep]\nmemory = '4GB'", ['must be a size above zero like "512MiB"']),
        ("[checks.semgrep]\nenabled = 1", ["must be true or false, not a number"]),
        ("[checks.semgrep]\nrules = [1]", ["must be a text in quotes, not a number"]),
        ("[checks]\nsemgrep = 1", ["checks.semgrep: must be a table, not a number"]),
        ("[broker]\nurl = 'http://h/'", [f"{FILE}:2: broker.url: must begin with amqp://"]),
        ("[broker]\nurl = 'amqp:///x'", ["names no host"]),
        ("[broker]\nurl = 'amqp://h:port/x'", ["is no URL"]),
        ("[broker]\nca_file = 'ca.pem'", [f"{FILE}:2: broker.ca_file: needs an amqps://"]),
        ("[broker]\npassword = 'x'", ["broker.password: needs broker.url beside it"]),
        ("[broker]\nurl = 'amqp://h/'\npassword = 'x'", ["names no user"]),
        ("[broker]\nurl = 'amqp://u:p@h/'\npassword = 'x'", ["give it once"]),
        ("[broker]\nurl = 'amqp://h/'\nurl_file = 'x'", ["broker.url is given, and a file"]),
        ("[broker]\nurl_file = 'x'", ["broker.url_file: /etc/eda/x cannot be read: No such file"]),
        ("[gate]\ndatabase = 'mysql://h/d'", ["must begin with sqlite:///"]),
        ("[gate]\ndatabase = 'sqlite://'", ["the gate must not forget"]),
        ("[gate]\ndatabase = 'sqlite:///:memory:'", ["the gate must not forget"]),
        ("[evidence]\nurl = 's3://bucket/x'", ["must be file:///absolute/folder"]),
        ("[evidence]\nurl = 'file:relative'", ["must be file:///absolute/folder"]),
        ("[repositories.x]\nprotected = []", [f"{FILE}:1: repositories.x: needs a url"]),
        ("[repositories.'a b']\nurl = 'https://h/x'", ["no spaces or control characters"]),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_with_place_and_mend(text: str, words: list[str]) -> None:
    message = refusal(text)
    for word in words:
        assert word in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("state_dir = ", ":1:13: Invalid value"),
        ("a = 1\nb = 'x\n", ":2:7: "),
        ("[broker\nurl = 1", ":1:8: "),
        ("a = [1,\n", ":1:8: Invalid value at the end of the file"),
        ("a = 1\na = 2\n", ":2:6: Cannot overwrite a value"),
    ],
)
def test_wrong_syntax_is_refused_with_line_and_column(text: str, where: str) -> None:
    assert refusal(text).startswith(f"{FILE}{where}")


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("https://user:token@h/x", "carries a password; put it into a file"),
        ("ssh://git:pw@h/x", "carries a password; put it into a file"),
        ("https://ghp_token@h/x", "carries a user or token"),
        ("http://h/x", "must be https://"),
        ("git://h/x", "must be https://"),
        ("ext::sh -c id", "has a character in it"),
        ("ext::id", "names a git remote helper"),
        ("--upload-pack=id", "has a character in it"),
        ("https://h/x\\u0000", "not empty and stands on one line"),
        ("/srv/git/x", 'say protocols = ["file"]'),
        ("file:///srv/git/x", 'say protocols = ["file"]'),
        ("file://host/srv/git/x", "must be https://"),
    ],
)
def test_a_repository_url_that_git_should_not_get_is_refused(url: str, word: str) -> None:
    message = refusal(f'[repositories."a/b"]\nurl = "{url}"\n')
    assert word in message
    assert "token" not in message.replace("user or token", "")
    assert "pw@" not in message


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


def test_a_protocol_nobody_knows_is_refused() -> None:
    text = '[repositories.x]\nurl = "https://h/x"\nprotocols = ["https", "ext"]\n'
    assert "ext is none of https, ssh, file" in refusal(text)


def test_two_keys_that_are_one_word_on_the_wire_are_refused() -> None:
    text = (
        '[repositories."acme/app"]\nurl = "https://h/1"\n'
        '[repositories."Acme/App"]\nurl = "https://h/2"\n'
    )
    assert "is the same as acme/app in a routing key" in refusal(text)


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


def test_a_check_that_is_not_installed_is_refused_with_the_nearest_name() -> None:
    message = refusal("[checks.semgrpe]\nslots = 1\n", checks=frozenset({"semgrep", "safety"}))
    assert message == (f"{FILE}:1: checks.semgrpe: there is no such check; did you mean semgrep?")


def test_all_checks_turned_off_is_refused() -> None:
    text = "".join(f"[checks.{c}]\nenabled = false\n" for c in ("commit", "safety", "semgrep"))
    assert "at least one must be enabled" in refusal(text)


def test_a_misspelt_variable_is_refused_and_a_strange_one_is_not_ours() -> None:
    message = refusal("", environ={"DEVSECOPS_EDA_BROKER_ULR": "amqp://u:hush@h/"})
    assert "did you mean DEVSECOPS_EDA_BROKER_URL?" in message
    assert "hush" not in message
    assert parse(environ={"DEVSECOPS_EDA_OF_NEXT_YEAR": "x"}).settings == Settings(STATE)


def test_a_value_from_the_environment_is_refused_with_the_variables_name() -> None:
    message = refusal("", environ={"DEVSECOPS_EDA_BROKER_URL": "http://u:hush@h/"})
    assert message == (
        "environment variable DEVSECOPS_EDA_BROKER_URL: must begin with amqp:// or amqps://"
    )


def test_no_secret_shows_in_a_repr_a_row_or_a_refusal() -> None:
    loaded = parse(FULL, files={"/etc/eda/secret/broker": "hush-hush\n"})
    shown = repr(loaded.settings) + str(loaded.settings) + repr(rows(loaded))
    assert "hush" not in shown
    assert "***" in repr(loaded.settings.broker)
    text = '[broker]\nurl = "amqp://u:hush@h:x/"\n'
    assert "hush" not in refusal(text)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("amqp://u:p@h/v", "amqp://u:***@h/v"),
        ("amqp://u:p@ss@h/v", "amqp://u:***@h/v"),
        ("postgresql://u:a/b?c@h/d", "postgresql://u:***@h/d"),
        ("postgresql://h/d?user=u&password=p&x=1", "postgresql://h/d?user=u&password=***&x=1"),
        ("amqps://u@h/", "amqps://u@h/"),
        ("amqp://h/v", "amqp://h/v"),
        ("file:///srv/x", "file:///srv/x"),
    ],
)
def test_a_shown_url_has_no_password(url: str, shown: str) -> None:
    assert masked(url) == shown


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
    assert shown["checks.semgrep.memory"] == ("512MiB", f"{FILE}:26")
    assert shown["checks.commit.timeout"] == ("10m", "default")
    assert shown['repositories."acme/app".protected'][0] == ["main", "release/*"]
    assert shown["evidence.url"] == ("file:///srv/evidence", f"{FILE}:39")
    outside = {key.dotted for key in KEYS if key.environment and not key.dotted.endswith("_file")}
    assert outside <= shown.keys()


def test_the_line_of_a_key_is_found_after_values_of_many_lines() -> None:
    text = 'a = [\n  "x",\n  "[b]",\n]\ns = """\n[c]\nd = 1\n"""\n[t]\nk = 1\n[t."u.v"]\nw = 2\n'
    assert lines_of(text) == {
        ("a",): 1,
        ("s",): 5,
        ("t",): 9,
        ("t", "k"): 10,
        ("t", "u.v"): 11,
        ("t", "u.v", "w"): 12,
    }


def test_identities_come_from_the_broker_and_the_checks() -> None:
    text = '[broker]\ngate_user = "judge"\nsole_user = "all"\n[checks.semgrep]\nuser = "sem"\n'
    assert parse(text).settings.identities == Identities(
        gate="judge", workers={"semgrep": "sem"}, sole_user="all"
    )
