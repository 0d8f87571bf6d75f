"""What the gate's memory lists, for people: approvals, waivers and overrides."""

from __future__ import annotations

from datetime import UTC, datetime

from devsecops_eda.model import (
    ApprovalListed,
    CountedVote,
    OverrideListed,
    OverrideState,
    WaiverListed,
    WaiverScope,
    WaiverState,
)
from devsecops_eda.policy.durations import show_duration
from devsecops_eda.reports import plain, sentence


def approval_line(one: ApprovalListed, now: datetime) -> str:
    """Return one round in one line."""
    request = one.request
    counted = sum(vote.counted for vote in one.votes)
    stands = f"{counted} of {request.n} votes, {left(request.deadline, now)}"
    if one.closing is not None:
        stands = one.closing.value
    elif one.void:
        stands = "void"
    where = f" to {plain(request.environment)}" if request.environment else ""
    return f"{request.approval}  {plain(str(request.subject))}{where}  {stands}"


def approval_text(one: ApprovalListed, now: datetime) -> str:
    """Return everything an approver has to know about one round; it ends in a line break."""
    request = one.request
    lines = [
        f"approval {request.approval} (round {request.round})",
        f"  subject      {plain(str(request.subject))}",
        f"  gate         {plain(request.gate)}, rule {plain(request.rule)}",
    ]
    if request.environment:
        lines.append(f"  environment  {plain(request.environment)}")
    if request.target:
        base = f", merge base {request.merge_base[:12]}" if request.merge_base else ""
        lines.append(f"  branch       {plain(request.target)}{base}")
    seats = ", ".join(
        f"{plain(seat.group)} (at least {seat.at_least})" if seat.at_least else plain(seat.group)
        for seat in request.groups
    )
    lines += [
        f"  wanted       {request.n} of {seats}",
        f"  may vote     {', '.join(map(plain, request.eligible)) or 'nobody'}",
    ]
    lines += [
        f"  may not      {plain(other.person)}: {sentence(other.reason)}"
        for other in request.excluded
    ]
    lines.append(f"  deadline     {at(request.deadline)} ({left(request.deadline, now)})")
    if request.supersedes:
        lines.append(f"  replaces     {request.supersedes}: {sentence(request.why)}")
    lines.append("  what else the gate looked at:")
    for line in request.requirements:
        lines.append(f"    {line.state.value:<14} {plain(line.id)}: {sentence(line.message)}")
        lines += [f"                   by waiver {waiver}" for waiver in line.waivers]
    lines += [_vote(vote) for vote in one.votes]
    if one.closing is not None:
        when = f" at {at(one.closed_at)}" if one.closed_at else ""
        lines.append(f"  {one.closing.value}{when}")
    elif one.void:
        lines.append(f"  void: {sentence(one.void)}")
    lines.append(f"  view         {request.view}")
    return "\n".join(lines) + "\n"


def waiver_line(one: WaiverListed, now: datetime) -> str:
    """Return one waiver in one line."""
    ends = left(one.request.expires_at, now)
    over = one.state in (WaiverState.EXPIRED, WaiverState.REVOKED)
    stands = one.state.value if over else f"{one.state.value}, {ends}"
    return f"{one.waiver}  {plain(one.request.repo)}  {scope_text(one.request.scope)}  {stands}"


def waiver_text(one: WaiverListed, now: datetime) -> str:
    """Return everything about one waiver; it ends in a line break."""
    request = one.request
    lines = [
        f"waiver {one.waiver}: {one.state.value}",
        f"  covers         {scope_text(request.scope)}",
        f"  repository     {plain(request.repo)}",
        f"  reason         {request.reason.value}: {sentence(request.justification)}",
        f"  ends           {at(request.expires_at)} ({left(request.expires_at, now)})",
        f"  requested by   {plain(one.requester)}, {at(one.requested_at)}",
    ]
    if request.environment:
        lines.append(f"  environment    {plain(request.environment)}")
    if request.ticket:
        lines.append(f"  ticket         {plain(request.ticket)}")
    if one.granted_at:
        lines.append(f"  granted by     {plain(one.granter)}, {at(one.granted_at)}")
    if one.revoked_at:
        lines.append(f"  revoked by     {plain(one.revoked_by)}, {at(one.revoked_at)}")
    if one.message:
        lines.append(f"  {sentence(one.message)}")
    return "\n".join(lines) + "\n"


def override_line(one: OverrideListed, now: datetime) -> str:
    """Return one override in one line."""
    told = one.told
    stands = told.state.value
    if told.state is OverrideState.ACTIVE:
        stands += f" until {at(told.expires_at)}"
    elif told.state is OverrideState.EXPIRED:
        stands += f" at {at(told.expires_at)}"
    if one.reviewed_at:
        stands += f", reviewed by {plain(one.reviewer)}: "
        stands += "justified" if one.justified else "not justified"
    elif told.review_due and told.state is not OverrideState.REFUSED:
        stands += f", review due {at(told.review_due)}"
    about = f"{plain(str(told.subject))}, gate {plain(told.gate)}"
    why = f"{plain(told.actor)}: {sentence(told.reason, 100)}"
    return f"{told.override}  {about}  {stands}  ({why})"


def scope_text(scope: WaiverScope) -> str:
    """Return what a waiver covers, in a few words."""
    if scope.fingerprint:
        return f"finding {plain(scope.fingerprint)}"
    if scope.advisory:
        return f"{plain(scope.advisory)} in {plain(scope.package)}"
    return f"requirement {plain(scope.requirement)} on {plain(str(scope.subject))}"


def at(instant: datetime) -> str:
    """Return an instant for people, in UTC."""
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def left(instant: datetime, now: datetime) -> str:
    """Return how long it is until ``instant``."""
    span = instant - now
    return f"{show_duration(span)} left" if span.total_seconds() >= 1 else "over"


def _vote(vote: CountedVote) -> str:
    who = plain(vote.person) or "somebody"
    stands = "counts" if vote.counted else f"does not count: {sentence(vote.reason)}"
    comment = f' "{sentence(vote.comment)}"' if vote.comment else ""
    return f"  vote         {who} {vote.vote.value}, {at(vote.at)}: {stands}{comment}"
