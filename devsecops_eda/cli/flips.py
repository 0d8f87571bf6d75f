"""How `policy replay` tells what would have been decided otherwise."""

from __future__ import annotations

import json
from datetime import UTC

from devsecops_eda.replaying import Flip, WhatIf
from devsecops_eda.reports import plain, sentence

VERSION = 1
MAX_TOLD = 100
"""So many flips are told for people, and so many decisions that could not be read."""


def told(result: WhatIf) -> str:
    """Return the result for people; it ends in a line break."""
    opens = sum(flip.way == "opens" for flip in result.flips)
    closes = sum(flip.way == "closes" for flip in result.flips)
    counts = f"{len(result.flips)} flip, {closes} from allow, {opens} to allow"
    judged = _decisions(result.judged)
    lines = [f"{judged} judged again under {plain(result.policy)}: {counts}"]
    if not result.judged and not result.unreadable:
        lines = ["nothing was judged again: the ledger holds no such decision since then"]
    for flip in result.flips[:MAX_TOLD]:
        lines += _flip(flip)
    if len(result.flips) > MAX_TOLD:
        lines.append(f"and {len(result.flips) - MAX_TOLD} more; --format json has all")
    for name, why in result.unreadable[:MAX_TOLD]:
        lines.append(f"{plain(name)} could not be judged again: {sentence(why)}")
    if len(result.unreadable) > MAX_TOLD:
        lines.append(f"and {len(result.unreadable) - MAX_TOLD} more could not be judged again")
    return "\n".join(lines) + "\n"


def written(result: WhatIf) -> str:
    """Return the result for programs: one JSON document that ends in a line break."""
    document = {
        "version": VERSION,
        "policy": result.policy,
        "judged": result.judged,
        "flips": [
            {
                "decision": flip.decision,
                "gate": flip.gate,
                "subject": flip.subject,
                "target": flip.target,
                "environment": flip.environment,
                "decided_at": flip.decided_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
                "was": flip.was.value,
                "now": flip.now.value,
                "requirements": [
                    {"id": name, "was": was or None, "now": now or None}
                    for name, was, now in flip.lines
                ],
                "waived_later": list(flip.waived_later),
            }
            for flip in result.flips
        ],
        "unreadable": [{"decision": name, "why": why} for name, why in result.unreadable],
    }
    return json.dumps(document, indent=2) + "\n"


def _flip(flip: Flip) -> list[str]:
    at = f"{flip.decided_at.astimezone(UTC):%Y-%m-%d %H:%M}"
    target = f" into {plain(flip.target)}" if flip.target else ""
    environment = f" for {plain(flip.environment)}" if flip.environment else ""
    about = f"{plain(flip.subject)}{target}{environment}"
    where = f"(gate {plain(flip.gate)}, decision {flip.decision})"
    lines = [f"{flip.was.value} -> {flip.now.value}  {at}  {about}  {where}"]
    lines += [
        f"    {plain(name)}: {was or 'no line'} -> {now or 'no line'}"
        for name, was, now in flip.lines
    ]
    if flip.waived_later:
        lines.append(f"    waived later: {', '.join(map(plain, flip.waived_later))}")
    return lines


def _decisions(number: int) -> str:
    return f"{number} decision" if number == 1 else f"{number} decisions"
