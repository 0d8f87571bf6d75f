"""Who gets what: bindings of checks, of the gate and of those who wait."""

from __future__ import annotations

import pytest

from devsecops_eda.codec import key_of
from devsecops_eda.model import EventType
from devsecops_eda.roles import MAY_SAY, Role
from devsecops_eda.topology import GATE_CHECK, Topology, check_keys, matches, reply_keys
from tests.examples import golden, good

TABLE = Topology(("semgrep", "safety"))
GATE_SAYS = {type_ for type_, roles in MAY_SAY.items() if roles == {Role.GATE}}


def heard(keys: tuple[str, ...], key: str) -> bool:
    return any(matches(each, key) for each in keys)


@pytest.mark.parametrize("type_", EventType)
def test_the_gate_gets_all_that_is_said_to_it_and_nothing_it_says_itself(type_: EventType) -> None:
    key = f"{type_.value}.acme:app._._.flow"
    taken = type_ not in GATE_SAYS and not type_.value.startswith("message.")
    assert (GATE_CHECK in TABLE.matching(key)) is taken


def test_no_binding_brings_one_event_into_a_queue_by_two_ways() -> None:
    for type_ in EventType:
        key = f"{type_.value}.acme:app._._.flow"
        for name in TABLE.names:
            assert sum(matches(each, key) for each in check_keys(name)) <= 1


def test_no_check_is_woken_by_what_people_say() -> None:
    about_people = ("approval", "waiver", "override", "listing", "deployment", "artifact")
    for type_ in EventType:
        if type_.value.startswith(about_people):
            assert set(TABLE.matching(f"{type_.value}.acme:app._._.flow")) <= {GATE_CHECK}


@pytest.mark.parametrize("name", ["approvals", "waivers", "overrides", "outcomes"])
def test_who_asks_for_a_listing_hears_the_answer(name: str) -> None:
    answer = golden("listing.made", name)
    repo = getattr(answer.data, "repo", None)
    flow = answer.correlationid
    assert heard(reply_keys(repo=repo, flow=flow), key_of(answer))
    assert not heard(reply_keys(repo="acme/other", flow=flow), key_of(answer))
    other = flow.replace("0f1a2b", "0f1a2c")
    assert not heard(reply_keys(repo=repo, flow=other), key_of(answer))


def test_who_waits_for_a_flow_hears_how_it_goes_on_and_not_what_others_ask() -> None:
    rooms = set()
    for each in good():
        event = golden(each.type, each.name.removesuffix(".json"))
        repo = key_of(event).split(".")[2].replace(":", "/")
        if heard(reply_keys(repo=repo, flow=event.correlationid), key_of(event)):
            rooms.add(each.type)
    assert rooms == {
        type_.value
        for type_ in EventType
        if type_.value.startswith(("decision.made", "scan.", "approval.", "override."))
        or type_ is EventType.LISTING_MADE
    }
    assert len(reply_keys(repo="acme/app", flow=golden("commit.pushed", "main").correlationid)) == 5
