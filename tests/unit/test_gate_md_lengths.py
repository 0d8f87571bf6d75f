"""What the door lets in fits into the ledger: else one message would stop the whole gate."""

from dataclasses import replace

from sqlalchemy import String, func, select

from devsecops_eda.ledger import Ledger, open_ledger, tables
from devsecops_eda.model import (
    CommitPushed,
    Event,
    EventType,
    Identity,
    Listed,
    Person,
    Subject,
    flow_of,
)
from tests.governed import (
    HEADER,
    PEOPLE,
    built,
    governed,
    grant,
    listing,
    overriding,
    revoke,
    rounds,
    said,
    says,
    vote,
    waiver,
    wanted,
)
from tests.judged import NOW, commit_told, decisions, semgrep_told

# As long as the schemas and the broker let them be.
REPO = "r" * 99 + "/" + "r" * 100
SHA = "a" * 64
REF = "refs/heads/" + "b" * 244
ENVIRONMENT = "e" * 64
USER, OTHER = "u" * 254, "o" * 254
VOTES = "  - {id: one, kind: approvals, gates: [deploy], n: 1, groups: [appsec], deadline: 4h}\n"


def too_long(ledger: Ledger) -> list[str]:
    """The columns that hold more than they say they can."""
    found = []
    with ledger._engine.connect() as connection:
        for table in tables.METADATA.sorted_tables:
            for column in table.c:
                if isinstance(column.type, String) and column.type.length is not None:
                    longest = connection.execute(select(func.max(func.length(column)))).scalar()
                    if (longest or 0) > column.type.length:
                        found.append(f"{column} {longest}")
    return found


def test_the_longest_that_the_door_lets_in_fits_into_every_column() -> None:
    people = replace(
        PEOPLE,
        persons=(
            *(one for one in PEOPLE.persons if one.name not in ("ada", "linus", "margaret")),
            Person("ada", users=(OTHER,)),
            Person("linus", users=(USER,)),
            Person("margaret", users=("m" * 254,)),
        ),
    )
    ledger = open_ledger("sqlite://")
    judge = governed(HEADER + VOTES, ledger=ledger, people=people, repos=(REPO,))
    number = 0

    def long(event: Event) -> Event:
        nonlocal number
        number += 1
        return replace(event, id=f"{number:0128}", source="urn:" + "s" * 252)

    def say(user: str, *events: Event) -> list[Event]:
        return said(says(judge, user, *events))

    commit = Subject.commit(REPO, SHA)
    data = CommitPushed(REPO, REF, SHA, target=REF)
    push = long(Event("", "", EventType.COMMIT_PUSHED, str(commit), NOW, flow_of("x"), data))
    found = semgrep_told(push, "bad")
    answer = says(judge, USER, push)
    answer += says(judge, "ci", _about(commit_told(push), USER), _about(found, USER))
    (denied,) = decisions(answer)
    say("m" * 254, long(overriding(denied.id, repo=REPO)))
    wish = long(waiver(repo=REPO))
    say(USER, wish)
    say(OTHER, long(grant(wish, USER, repo=REPO)))
    say("nobody" * 40, long(revoke(wish, USER, repo=REPO)))
    say("builder" * 30, long(built(Subject.artifact("sha256:" + "9" * 64, REPO), commit)))
    asked = says(judge, USER, long(wanted(commit, environment=ENVIRONMENT, target=REF)))
    (request,) = rounds(asked)
    say(OTHER, long(vote(request)))
    say(OTHER, long(listing(Listed.APPROVALS, repo=REPO, every=True)))
    assert too_long(ledger) == []


def _about(event: Event, user: str) -> Event:
    """The same outcome in the slot of what ``user`` pushed."""
    cause = event.causationid or ""
    check = event.data.check  # type: ignore[union-attr]
    return replace(event, id=Identity(user, "urn:" + "s" * 252, cause).slot(check))
