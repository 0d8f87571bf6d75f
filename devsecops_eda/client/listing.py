"""The answer to a question what is recorded, put together from its parts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import chain

from devsecops_eda.broker import Deadline
from devsecops_eda.client.replies import Replies
from devsecops_eda.client.waiting import heard
from devsecops_eda.errors import UnavailableError
from devsecops_eda.model import Event, Listed, ListingMade


class Parts:
    """The parts of the answers so far, in any order, each as often as it likes."""

    def __init__(self, of: Listed) -> None:
        """Take what was asked for."""
        self._of = of
        self._heard: dict[tuple[str | None, int], dict[int, ListingMade]] = {}

    def hear(self, event: Event) -> ListingMade | None:
        """Return the whole answer when ``event`` completes one.

        Asked twice, the gate answers twice, and something may have changed in between: parts of
        two answers are never put together.
        """
        made = event.data
        if not isinstance(made, ListingMade) or made.of is not self._of:
            return None
        parts = self._heard.setdefault((event.causationid, made.parts), {})
        parts[made.part] = made
        if not parts.keys() >= set(range(1, made.parts + 1)):
            return None
        return whole([parts[number] for number in range(1, made.parts + 1)])


def whole(parts: list[ListingMade]) -> ListingMade:
    """Return the parts of one answer, in their order, as one."""
    return replace(
        parts[0],
        approvals=tuple(chain.from_iterable(part.approvals for part in parts)),
        waivers=tuple(chain.from_iterable(part.waivers for part in parts)),
        overrides=tuple(chain.from_iterable(part.overrides for part in parts)),
        outcomes=tuple(chain.from_iterable(part.outcomes for part in parts)),
        part=1,
        parts=1,
        more=max(part.more for part in parts),
    )


def listed(
    replies: Replies,
    of: Listed,
    *,
    ask: Callable[[], None],
    deadline: Deadline,
    silence_s: float,
) -> ListingMade:
    """Return the answer to what ``ask`` asks; asked again after each silence.

    Raises:
        The errors of ``ask``, where it could not be asked in the first place.
        UnavailableError: nobody answered in time.
        BrokerUnreachableError: the connection was lost and did not come back in time.
    """
    parts = Parts(of)
    ask()
    for event in heard(replies, deadline, ask=ask, silence_s=silence_s):
        answer = parts.hear(event)
        if answer is not None:
            return answer
    raise UnavailableError(
        f"the gate did not say in {deadline.timeout_s:g} s which {of.value} there are"
    )
