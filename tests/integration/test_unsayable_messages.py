"""A message that AMQP cannot carry is its sender's trouble alone."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from devsecops_eda.broker import (
    PublishingThread,
    declare,
    outgoing,
    parse_url,
    publish_once,
)
from devsecops_eda.errors import PublishRefusedError
from devsecops_eda.topology import Topology, queue_name
from tests.conftest import Vhost
from tests.examples import golden
from tests.rig.standin import messages

GOOD = outgoing(golden("commit.pushed", "branch_with_target"))
UNSAYABLE: dict[str, dict[str, Any]] = {
    "a surrogate": {"message_id": "\ud800"},
    "too long an id": {"message_id": "x" * 256},
    "a number for an id": {"message_id": 7},
    "a header with a fraction": {"headers": {"a": 1.5}},
    "a header beyond 64 bits": {"headers": {"a": 2**64}},
    "a property that is none": {"no_such": ""},
}


@pytest.mark.parametrize("name", UNSAYABLE)
def test_it_is_refused_and_the_next_message_goes_over_the_same_connection(
    vhost: Vhost, name: str
) -> None:
    address = parse_url(vhost.url)
    declare(Topology(("semgrep",)), address)
    bad = replace(GOOD, properties={**GOOD.properties, **UNSAYABLE[name]})
    with PublishingThread(address) as thread:
        thread.publish(GOOD, timeout_s=10)
        link = thread._link
        for message in (bad, replace(GOOD, key="\ud800")):
            with pytest.raises(PublishRefusedError, match="AMQP cannot carry"):
                thread.publish(message, timeout_s=10)
        thread.publish(GOOD, timeout_s=10)
        assert thread._link is link
    with pytest.raises(PublishRefusedError, match="AMQP cannot carry"):
        publish_once(address, bad, timeout_s=10)
    assert len(messages(address, queue_name("semgrep"))) == 2
