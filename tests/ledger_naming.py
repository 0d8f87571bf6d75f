"""What every ledger finds by name: newest pushes, and digests that something names."""

from datetime import datetime

from devsecops_eda.ledger import CauseRow, Ledger, Message, PushRow, Records
from devsecops_eda.model import Identity, Subject
from tests.recorded import BASE, DAY, HEAD, MINUTE, NOW, OTHER, REPO, Promises, heard, named

NAMING = Promises()
MAIN = "refs/heads/main"


def pushed_to(
    records: Records,
    ref: str,
    subject: Subject,
    *,
    at: datetime,
    target: str = "main",
    check: str | None = None,
) -> None:
    """Record a push to ``ref``, or the wish that ``check`` looks at what was pushed there."""
    flow = f"{ref} {subject} {at} {check}"
    seq = heard(records, f"push {flow}", at=at, flow=flow)
    records.inbox.open_flow(named(flow), subject, ref=ref, target=target)
    cause = CauseRow(Identity("ci", "urn:ci", flow), check, target, named(flow), at, NOW)
    records.inbox.add_cause(seq, subject, cause)


def digest(letter: str) -> str:
    return "sha256:" + letter * 64


def all_digests(ledger: Ledger, *, limit: int) -> frozenset[str]:
    found: set[str] = set()
    after = None
    while True:
        with ledger.reading() as records:
            part = records.naming.digests(after=after, limit=limit)
        found |= part.digests
        after = part.next
        if after is None:
            return frozenset(found)


@NAMING
def the_newest_push_is_the_one_that_happened_last_whenever_it_was_recorded(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        pushed_to(records, MAIN, HEAD, at=NOW + MINUTE)
        pushed_to(records, MAIN, BASE, at=NOW)
    with ledger.reading() as records:
        assert records.naming.newest_push(REPO, MAIN) == PushRow(HEAD, MAIN, "main")


@NAMING
def a_rescan_is_no_push(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        pushed_to(records, MAIN, HEAD, at=NOW)
        pushed_to(records, MAIN, BASE, at=NOW + DAY, check="semgrep")
    with ledger.reading() as records:
        found = records.naming.newest_push(REPO, MAIN)
    assert found is not None
    assert found.subject == HEAD


@NAMING
def each_ref_and_each_repository_has_its_own_newest_push(ledger: Ledger) -> None:
    elsewhere = Subject.commit(OTHER, "e" * 40)
    with ledger.transaction() as records:
        pushed_to(records, MAIN, HEAD, at=NOW)
        pushed_to(records, "refs/heads/topic", BASE, at=NOW + DAY)
        pushed_to(records, MAIN, elsewhere, at=NOW + DAY)
    with ledger.reading() as records:
        assert records.naming.refs(REPO) == (MAIN, "refs/heads/topic")
        assert records.naming.refs("acme/none") == ()
        found = [records.naming.newest_push(repo, MAIN) for repo in (REPO, OTHER, "acme/none")]
    assert [one.subject if one else None for one in found] == [HEAD, elsewhere, None]


@NAMING
def every_digest_that_an_event_or_a_message_names_is_found(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        assert not records.naming.anything()
        for letter in "abc":
            heard(records, f'{{"datadigest":"{digest(letter)}"}}')
        for letter in "de":
            body = f'{{"x":"{digest(letter)}"}}'.encode()
            said = Message(named(letter), named("flow"), "listing.made.x", body)
            records.said.enqueue(said, cause=None, now=NOW)
        heard(records, "sha256:" + "f" * 63)
    with ledger.reading() as records:
        assert records.naming.anything()
    for limit in (1, 2, 500):
        assert all_digests(ledger, limit=limit) == frozenset(map(digest, "abcde"))
