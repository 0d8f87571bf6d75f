"""Who is who: broker users and mail addresses, persons, groups. Said by the operator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Person:
    """One person with every name he goes by."""

    name: str
    users: tuple[str, ...] = ()
    emails: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class People:
    """All persons and groups. No user and no address belongs to two persons.

    ``groups`` maps a group to the names of its persons.
    """

    persons: tuple[Person, ...] = ()
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def of_user(self, user: str) -> str | None:
        """Return the name of the person behind a broker user, None where there is none."""
        return next((one.name for one in self.persons if user in one.users), None)

    def of_email(self, email: str) -> str | None:
        """Return the name of the person behind a mail address, in any case of its letters."""
        wanted = email.casefold()
        return next(
            (one.name for one in self.persons if wanted in map(str.casefold, one.emails)), None
        )

    def named(self, text: str) -> tuple[str, ...]:
        """Return everybody who may be meant by free text: a name, user or address in any case."""
        wanted = text.strip().casefold()
        return tuple(
            one.name
            for one in self.persons
            if wanted in map(str.casefold, (one.name, *one.users, *one.emails))
        )

    def groups_of(self, person: str) -> frozenset[str]:
        """Return the groups a person is in."""
        return frozenset(group for group, members in self.groups.items() if person in members)
