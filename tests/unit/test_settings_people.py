"""Persons and groups: who is taken for whom, and what is refused."""

from __future__ import annotations

import pytest

from devsecops_eda.settings.shown import rows
from tests.configured import FILE, parse, refusal

ADA = "[people.ada]\nusers = ['ada']\nemails = ['Ada@Example.com']\n"
GRACE = "[people.grace]\nusers = ['grace']\n"


def test_a_person_is_found_by_every_broker_user_and_address() -> None:
    people = parse(
        f"{ADA}{GRACE}[groups]\nsecurity = ['ada']\nall = ['ada', 'grace']\n"
    ).settings.people
    assert people.of_user("ada") == people.of_email("ADA@example.COM") == "ada"
    assert people.of_user("grace") == "grace"
    assert people.of_user("Ada") is None
    assert people.groups_of("ada") == {"security", "all"}
    assert people.groups_of("grace") == {"all"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[people.ada]\n", [f"{FILE}:1: people.ada", "needs users or emails"]),
        ("[people.ada]\nusers = []\nemails = []\n", [f"{FILE}:1: people.ada", "needs users"]),
        ("[people.ada]\nuser = ['ada']\n", [f"{FILE}:2: people.ada.user", "did you mean users?"]),
        ("[people.ada]\nusers = ['']\n", [f"{FILE}:2: people.ada.users", "not empty"]),
        ("[people.ada]\nusers = [1]\n", ["must be a text in quotes, not a number"]),
        ("people = ['ada']\n", ["people: must be a table, not a list"]),
        ("[people.'Ada Lovelace']\nusers = ['a']\n", ["at most 64 letters, digits"]),
        (f"[people.{'a' * 65}]\nusers = ['a']\n", ["at most 64 letters, digits"]),
        ("[people]\n'' = {users = ['a']}\n", ["begins with a letter or digit"]),
        (
            f"{ADA}[people.grace]\nusers = ['grace', 'ada']\n",
            [f"{FILE}:5: people.grace.users", "ada is already ada's"],
        ),
        (
            f"{ADA}{GRACE}emails = ['ADA@example.com']\n",
            [f"{FILE}:6: people.grace.emails", "ada@example.com is already ada's"],
        ),
        (
            f"{ADA}[groups]\nsecurity = ['ada', 'grce']\n",
            [f"{FILE}:5: groups.security", "grce is no person"],
        ),
        (f"{ADA}{GRACE}[groups]\ns = ['grce']\n", ["grce is no person; did you mean grace?"]),
        ("[groups]\ns = ['ada']\n", ["ada is no person; there is no table [people.<name>] at all"]),
        (f"{ADA}[groups]\nsecurity = []\n", [f"{FILE}:5: groups.security", "is empty"]),
        (f"{ADA}[groups]\ns = ['ada', 'ada']\n", ["names ada twice; one person has one vote"]),
        (f"{ADA}[groups]\n's t' = ['ada']\n", ['groups."s t"', "at most 64 letters, digits"]),
        (f"{ADA}[groups]\ns = 1\n", ["groups.s: must be a list of texts, not a number"]),
        (f"{ADA}[groups.security]\nmembers = ['ada']\n", ["groups.security: must be a list"]),
    ],
)  # fmt: skip
def test_who_is_who_has_to_be_clear(text: str, words: list[str]) -> None:
    message = refusal(text)
    for word in words:
        assert word in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("broker", "user", "what"),
    [
        ("", "devsecops-gate", "the gate"),
        ("gate_user = 'judge'", "judge", "the gate"),
        ("builders = ['builds']", "builds", "a builder"),
        ("", "devsecops-worker-semgrep", "the worker of semgrep"),
    ],
)
def test_a_programs_user_is_no_persons(broker: str, user: str, what: str) -> None:
    message = refusal(f"[broker]\n{broker}\n[people.ada]\nusers = ['ada', '{user}']\n")
    assert f"people.ada.users: {user} is {what}, which is nobody's to speak for" in message


def test_the_sole_user_of_a_trial_is_everybody() -> None:
    text = "[broker]\nsole_user = 'me'\ngate_user = 'me'\n[people.ada]\nusers = ['me']\n"
    assert parse(text).settings.people.of_user("me") == "ada"


def test_one_name_said_twice_of_one_person_is_that_persons() -> None:
    text = "[people.ada]\nusers = ['ada', 'ada']\nemails = ['a@b.c', 'A@B.C']\n"
    assert parse(text).settings.people.of_email("a@B.c") == "ada"


def test_people_and_groups_are_shown_with_their_places() -> None:
    loaded = parse(f"{ADA}{GRACE}[groups]\nsecurity = ['grace', 'ada']\n")
    shown = {row.key: (row.value, row.origin) for row in rows(loaded)}
    assert shown["people.ada.users"] == (["ada"], f"{FILE}:2")
    assert shown["people.grace.emails"] == ([], "default")
    assert shown["groups.security"] == (["ada", "grace"], f"{FILE}:7")


def test_what_holds_without_being_said_is_shown() -> None:
    shown = {row.key: row.value for row in rows(parse('[checks.semgrep]\nuser = "sem"\n'))}
    assert shown["checks.semgrep.user"] == "sem"
    assert shown["checks.safety.user"] == "devsecops-worker-safety"
    assert shown["broker.management_url"] is None
