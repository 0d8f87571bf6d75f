"""The configuration: what it refuses, and with which words."""

from __future__ import annotations

import pytest

from devsecops_eda.settings import (
    Settings,
)
from devsecops_eda.settings.places import lines_of
from tests.configured import FILE, STATE, parse, refusal


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
        ("[gate]\ndatabase = 'mysql://h/d'", ["must begin with sqlite:/// or postgresql://"]),
        ("[gate]\nretention = '0s'", [f"{FILE}:2: gate.retention: must be a duration above zero"]),
        ("[gate]\nretention = 400", ["must be a duration", "not a number"]),
        ("[broker]\nbuilders = 'b'\nbuildres = []", ["broker.buildres", "did you mean builders?"]),
        ("[broker]\nbuilders = 1", ["broker.builders: must be a list of texts, not a number"]),
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


def test_a_protocol_nobody_knows_is_refused() -> None:
    text = '[repositories.x]\nurl = "https://h/x"\nprotocols = ["https", "ext"]\n'
    assert "ext is none of https, ssh, file" in refusal(text)


def test_two_keys_that_are_one_word_on_the_wire_are_refused() -> None:
    text = (
        '[repositories."acme/app"]\nurl = "https://h/1"\n'
        '[repositories."Acme/App"]\nurl = "https://h/2"\n'
    )
    assert "is the same as acme/app in a routing key" in refusal(text)


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
