"""What every ledger promises of people, on whichever database."""

from datetime import timedelta

from devsecops_eda.ledger import Ledger
from devsecops_eda.model import Ballot, Closing, OverrideState, RequirementState
from devsecops_eda.policy.facts import Seen
from tests.recorded import (
    BASE,
    DAY,
    HEAD,
    MINUTE,
    NOW,
    OTHER,
    REPO,
    Promises,
    approval,
    asked,
    heard,
    named,
    override,
    wish,
)

PEOPLE = Promises()


@PEOPLE
def who_asks_to_deploy_goes_by_every_name_he_gave(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        for words, requester in (("one", "ada@localhost"), ("two", "")):
            records.voting.add_request(
                heard(records, words),
                name=words,
                subject=HEAD,
                environment="prod",
                user="ci",
                requester=requester,
                expires_at=NOW + DAY,
                recorded_at=NOW,
                flow=named("flow"),
            )
        one, two = records.voting.requests(HEAD, "prod")
        assert (one.requesters, two.requesters) == (("ci", "ada@localhost"), ("ci",))
        assert records.voting.requests(HEAD, "staging") == ()
        assert records.voting.requests(BASE, "prod") == ()


@PEOPLE
def a_round_is_opened_once_for_all_flows_about_its_subject(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        first, second = asked(records, flow="1"), asked(records, flow="2")
        wanted = approval("round")
        for ask, new in ((first, True), (second, False)):
            opened = records.voting.open_round(
                wanted, flow=ask.flow, ask=ask, event_request="wish", now=NOW
            )
            assert opened is new
        (seen,) = records.voting.rounds(second)
        row = records.voting.round(wanted.approval)
        assert row is not None
        assert (row.round, row.request, row.ask_flow) == (seen, wanted, first.flow)
        assert (seen.request, seen.opened_at, seen.deadline) == ("wish", NOW, wanted.deadline)
        assert records.voting.round(named("nobody")) is None


@PEOPLE
def a_round_that_ended_is_listed_only_where_every_one_is_wanted(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        ask = asked(records)
        for number in range(3):
            wanted = approval(f"round {number}")
            at = NOW + number * MINUTE
            records.voting.open_round(wanted, flow=ask.flow, ask=ask, event_request=None, now=at)
        records.voting.close(named("round 2"), Closing.EXPIRED, NOW)
        records.voting.close(named("round 2"), Closing.GRANTED, NOW + DAY)
        still = records.voting.open_rounds(repo=REPO)
        assert [row.request.approval for row in still] == [named("round 1"), named("round 0")]
        assert len(records.voting.open_rounds(repo=None, every=True)) == 3
        assert records.voting.open_rounds(repo=OTHER, every=True) == ()
        (closed,) = (row for row in records.voting.open_rounds(every=True) if row.round.closing)
        assert (closed.round.closing, closed.round.closed_at) == (Closing.EXPIRED, NOW)


@PEOPLE
def a_vote_carries_the_view_it_names_if_that_was_ever_shown(ledger: Ledger) -> None:
    seen = (Seen("scan", RequirementState.FAILED, blocking=frozenset({"b", "a"})),)
    with ledger.transaction() as records:
        ask = asked(records)
        wanted = approval("round")
        records.voting.open_round(wanted, flow=ask.flow, ask=ask, event_request=None, now=NOW)
        for _ in range(2):
            records.voting.keep_view(wanted.approval, wanted.view, seen)
        for words, view, person in (("one", wanted.view, "ada"), ("two", "never", None)):
            records.voting.add_vote(
                heard(records, words),
                event_id=words,
                approval=wanted.approval,
                user=f"user-{words}",
                person=person,
                groups={"leads", "all"},
                vote=Ballot.APPROVE,
                view=view,
                recorded_at=NOW,
                comment="ok",
            )
        one, two = records.voting.votes([wanted.approval])
        assert (one.seen, two.seen) == (seen, None)
        assert (one.person, two.person) == ("ada", None)
        assert one.groups == {"leads", "all"}
        assert records.voting.votes([]) == ()


@PEOPLE
def every_grant_of_a_waiver_is_a_candidate_and_the_first_revocation_stands(ledger: Ledger) -> None:
    waiver = named("waiver")
    with ledger.transaction(REPO) as records:
        records.waivers.request(
            heard(records, "wish"),
            waiver=waiver,
            request=wish(),
            user="ci",
            person=None,
            event_id="wish",
            now=NOW,
        )
        row = records.waivers.get(waiver)
        assert row is not None
        assert (row.requester, row.grants, row.waiver.granted_at) == ("ci", (), None)
        for number, person in enumerate((None, "ada")):
            records.waivers.grant(
                waiver,
                user=f"user {number}",
                person=person,
                groups=["leads"],
                event_id=f"grant {number}",
                now=NOW + number * MINUTE,
            )
        for person in ("bob", "ada"):
            records.waivers.revoke(
                waiver, user="u", person=person, reason="r", event_id=f"no {person}", now=NOW
            )
        (row,) = records.waivers.of_repo(REPO)
        assert [one.granter for one in row.candidates] == [None, "ada"]
        assert row.waiver.granter_groups == {"leads"}
        assert (row.waiver.granter, row.revoked_by, row.waiver.revoked_at) == ("ada", "bob", NOW)
        assert row.events == ("wish", "grant 0", "grant 1", "no bob")
        assert records.waivers.of_repo(OTHER) == ()
        assert records.waivers.of_repo(None) == (row,)


@PEOPLE
def a_waiver_ends_when_it_was_granted_not_revoked_and_not_told(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        for words in ("asked", "granted", "revoked", "told"):
            records.waivers.request(
                heard(records, words),
                waiver=named(words),
                request=wish(),
                user="ci",
                person=None,
                event_id=words,
                now=NOW,
            )
            if words != "asked":
                records.waivers.grant(
                    named(words), user="u", person="ada", groups=(), event_id="g", now=NOW
                )
        records.waivers.revoke(
            named("revoked"), user="u", person=None, reason="", event_id="r", now=NOW
        )
        for mark in ("expiring", "expired", "expired"):
            records.waivers.announce(named("told"), mark, NOW)
        records.waivers.announce(named("granted"), "expiring", NOW)
        assert records.waivers.announced(named("told")) == {"expiring", "expired"}
        end = wish().expires_at
        assert [row.id for row in records.waivers.ending(end)] == [named("granted")]
        assert records.waivers.ending(end - timedelta(microseconds=1)) == ()


@PEOPLE
def an_override_is_listed_while_it_is_active_or_owes_a_review(ledger: Ledger) -> None:
    with ledger.transaction() as records:
        over = OverrideState.EXPIRED
        for told in (
            override("active"),
            override("over", state=over),
            override("owed", state=over, review_due=NOW),
        ):
            records.overrides.add(heard(records, told.override), told=told, now=NOW)
        listed = [row.told.override for row in records.overrides.of_repo(REPO)]
        assert sorted(listed) == sorted([named("active"), named("owed")])
        assert len(records.overrides.of_repo(None, every=True)) == 3
        assert len(records.overrides.of_decision(named("decision"))) == 3
        for justified in (False, True):
            records.overrides.review(
                named("owed"),
                event_id="r",
                reviewer="bob",
                justified=justified,
                comment="c",
                now=NOW,
            )
        row = records.overrides.get(named("owed"))
        assert row is not None
        assert (row.reviewer, row.justified) == ("bob", False)
        (ending,) = records.overrides.ending(NOW + DAY)
        assert records.overrides.ending(NOW + DAY - MINUTE) == ()
        records.overrides.update(ending.told.override, override("active", state=over))
        assert records.overrides.of_repo(REPO) == records.overrides.ending(NOW + DAY) == ()
