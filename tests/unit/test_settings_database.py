"""Where the gate may remember, and that nobody sees a password in a URL."""

from __future__ import annotations

import pytest
from sqlalchemy import make_url

from devsecops_eda.settings import masked
from devsecops_eda.settings.shown import rows
from tests.configured import FILE, parse, refusal


@pytest.mark.parametrize(
    "rest",
    [
        "gate:hush@db.internal:5432/gate",
        "gate@db.internal/gate?sslmode=verify-full&sslrootcert=/etc/ssl/db.pem",
        "/gate?host=/run/postgresql",
        "gate:hu%40sh%2F@/gate?host=/run/postgresql",
        "[::1]:5432/gate",
    ],
)
@pytest.mark.parametrize("scheme", ["postgresql", "postgres", "postgresql+psycopg"])
def test_postgresql_is_spoken_to_through_psycopg(scheme: str, rest: str) -> None:
    url = parse(f"[gate]\ndatabase = '{scheme}://{rest}'\n").settings.gate.database
    assert url == f"postgresql+psycopg://{rest}"
    assert make_url(url).drivername == "postgresql+psycopg"
    assert make_url(url).database == "gate"


def test_a_password_arrives_as_it_was_meant() -> None:
    url = parse("[gate]\ndatabase = 'postgresql://g:hu%40sh%23%2F@h/gate'\n").settings.gate.database
    assert make_url(url).password == "hu@sh#/"
    assert make_url(url).host == "h"


@pytest.mark.parametrize(
    ("url", "word"),
    [
        ("postgresql://gate:hush@h", "names no database"),
        ("postgresql://gate:hush@h/", "names no database"),
        ("postgresql://gate:hush#x@h/gate", "is no URL"),
        ("postgresql://gate:hush@h/gate#x", "write %23"),
        ("postgresql://gate:hush@x@h/gate", "write %40"),
        ("postgresql://gate:hush x@h/gate", "has a space or control character"),
        ("postgresql://gate:hush@h:port/gate", "is no URL"),
        ("postgresql://gate:hush/x@h/gate", "is no URL"),
        ("postgresql://gate:hush@%2Frun%2Fpostgresql/gate", "write ?host=/folder/of/the/socket"),
        ("postgresql+psycopg2://gate:hush@h/gate", "must begin with sqlite:/// or postgresql://"),
        ("postgresql+asyncpg://gate:hush@h/gate", "must begin with sqlite:/// or postgresql://"),
        ("postgresql:gate:hush@h/gate", "must begin with sqlite:/// or postgresql://"),
        ("mysql://gate:hush@h/gate", "must begin with sqlite:/// or postgresql://"),
    ],
)
def test_what_names_no_database_is_refused_without_repeating_it(url: str, word: str) -> None:
    for message in (
        refusal(f"[gate]\ndatabase = '{url}'\n"),
        refusal("", environ={"DEVSECOPS_EDA_GATE_DATABASE": url}),
        refusal("[gate]\ndatabase_file = 'db'\n", files={"/etc/eda/db": url}),
        refusal("", credentials={"gate_database": url}),
    ):
        assert word in message
        assert "hush" not in message


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://gate:hush@h/gate",
        "postgresql://h/gate?user=gate&password=hush",
        "postgresql://gate@h/gate?sslpassword=hush&sslkey=/etc/key",
        "postgresql://gate:hu@sh@h/gate",
    ],
)
def test_the_password_of_the_database_shows_nowhere(url: str) -> None:
    if url.count("@") > 1:
        assert "hu@sh" not in refusal(f"[gate]\ndatabase = '{url}'\n")
        return
    loaded = parse(f"[gate]\ndatabase = '{url}'\n")
    shown = {row.key: row.value for row in rows(loaded)}
    assert "hush" in loaded.settings.gate.database
    assert "hush" not in repr(loaded) + str(loaded.settings) + repr(rows(loaded))
    assert "***" in str(shown["gate.database"])
    assert loaded.origin(("gate", "database")) == f"{FILE}:2"


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
