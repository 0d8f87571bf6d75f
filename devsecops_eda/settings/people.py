"""Who is who, from the tables ``[people.<name>]`` and ``[groups]``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from devsecops_eda.model import People, Person
from devsecops_eda.settings.document import Document, nearest

PEOPLE, GROUPS = "people", "groups"
MAX_NAME_CHARS = 64
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")

Table = Mapping[str, Any]


def people_of(
    document: Document,
    persons: Mapping[str, Table],
    groups: Mapping[str, tuple[str, ...]],
    *,
    programs: Mapping[str, str],
) -> People:
    """Return all persons and groups.

    ``programs`` maps the broker users that are no person's to what they are.

    Raises:
        InvalidSettingsError: a name nobody can be called by, a person nobody can be, one user or
            address at two persons or at a program, or a group without people or with unknown ones.
    """
    made = tuple(_person(document, name, table) for name, table in persons.items())
    _refuse_twice(document, made)
    for person in made:
        for user in person.users:
            if user in programs:
                message = f"{user} is {programs[user]}, which is nobody's to speak for"
                raise document.refusal((PEOPLE, person.name, "users"), message)
    members = {
        name: _members(document, name, listed, known=persons) for name, listed in groups.items()
    }
    return People(made, members)


def _person(document: Document, name: str, table: Table) -> Person:
    _refuse_name(document, (PEOPLE, name))
    if not any(table.values()):
        raise document.refusal((PEOPLE, name), "needs users or emails, else nobody can be that")
    return Person(name, **table)


def _members(
    document: Document, group: str, listed: tuple[str, ...], *, known: Iterable[str]
) -> frozenset[str]:
    path = (GROUPS, group)
    _refuse_name(document, path)
    if not listed:
        raise document.refusal(path, "is empty: nobody could ever vote for it")
    names = set(known)
    for place, name in enumerate(listed):
        if name not in names:
            there = nearest(name, names) if names else "there is no table [people.<name>] at all"
            raise document.refusal(path, f"{name} is no person; {there}")
        if name in listed[:place]:
            raise document.refusal(path, f"names {name} twice; one person has one vote")
    return frozenset(listed)


def _refuse_name(document: Document, path: tuple[str, ...]) -> None:
    name = path[-1]
    if len(name) > MAX_NAME_CHARS or _NAME.fullmatch(name) is None:
        message = (
            f"a name here has at most {MAX_NAME_CHARS} letters, digits and . _ -,"
            " and begins with a letter or digit"
        )
        raise document.refusal(path, message)


def _refuse_twice(document: Document, persons: Iterable[Person]) -> None:
    """Refuse a user or address of two persons: one of them would vote for both."""
    users: dict[str, str] = {}
    emails: dict[str, str] = {}
    for person in persons:
        for key, seen, names in (
            ("users", users, person.users),
            ("emails", emails, tuple(map(str.casefold, person.emails))),
        ):
            for name in names:
                if seen.setdefault(name, person.name) != person.name:
                    message = f"{name} is already {seen[name]}'s; one name is one person's"
                    raise document.refusal((PEOPLE, person.name, key), message)
