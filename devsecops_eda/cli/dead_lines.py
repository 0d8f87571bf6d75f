"""Dead letters as lines for people and as JSON for programs; no secret is in either."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from devsecops_eda import codec
from devsecops_eda.deadletters import (
    Dead,
    Done,
    Fate,
    Letter,
    masked_text,
    shown_body,
    shown_headers,
)
from devsecops_eda.reports import plain, sentence
from devsecops_eda.topology import queue_name

_COLUMNS = ("letter", "last refused", "times", "reason", "type", "repository", "queue", "by")


def rows(letters: Sequence[Letter]) -> Iterator[str]:
    """Yield a table of letters, line by line; nothing where there are none."""
    if not letters:
        return
    cells = [_COLUMNS, *(_cells(one) for one in letters)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(_COLUMNS))]
    for row in cells:
        texts = (text.ljust(width) for text, width in zip(row, widths, strict=True))
        yield "  ".join(texts).rstrip()


def summary(letters: Sequence[Letter], *, total: int, read: int) -> str:
    """Return one line: how many there are, by reason, and how many were not looked at."""
    if not letters and read:
        text = f"none of the dead letters is meant: {total} stand there"
        return text + (f", {read} were looked at" if read < total else "")
    counts = Counter(one.reason.value for one in letters).most_common()
    reasons = ", ".join(f"{count} {word}" for word, count in counts)
    text = _count(len(letters)) + (f": {reasons}" if reasons else "")
    if read < total:
        text += f"; {total} stood there, {read} were looked at"
    return text


def done_line(done: Done, *, verb: str) -> str:
    """Return what became of one letter."""
    one = done.letter
    fate = f"would {verb}" if done.fate is Fate.WOULD else done.fate.value
    about = f"{one.reason.value} {one.type or 'no event'} {_short(one.queue)}"
    why = f": {said(done.why)}" if done.why and done.fate is not Fate.WOULD else ""
    again = f" (the door will refuse it: {said(done.why)})" if done.why and not why else ""
    return f"{fate}  {one.id}  {plain(about)}{why}{again}"


def done_summary(done: Sequence[Done], *, verb: str, really: bool) -> str:
    """Return one line: how many letters had which fate."""
    counts = Counter(one.fate for one in done)
    words = {fate: fate.value for fate in Fate} | {Fate.WOULD: f"would {verb}"}
    told = ", ".join(f"{words[fate]} {counts[fate]}" for fate in Fate if counts[fate])
    text = told or "no letter is meant"
    if really or not done:
        return text
    return f"{text}; nothing was done" + (", --yes does it" if counts[Fate.WOULD] else "")


def document(letter: Letter) -> dict[str, Any]:
    """Return what is known of a letter as JSON values."""
    return {
        "id": letter.id,
        "reason": letter.reason.value,
        "detail": masked_text(letter.detail),
        "path": masked_text(letter.path),
        "queue": letter.queue,
        "type": letter.type,
        "repo": letter.repo and _repository(letter),
        "routing_key": masked_text(letter.key),
        "user": letter.user or None,
        "message_id": letter.message_id and masked_text(letter.message_id),
        "first": letter.first and codec.format_time(letter.first),
        "last": letter.last and codec.format_time(letter.last),
        "deaths": letter.deaths,
        "deliveries": letter.deliveries,
        "bytes": letter.size,
        "by_broker": letter.by_broker,
    }


def full_document(one: Dead, *, obstacle: str | None, copies: int) -> dict[str, Any]:
    """Return a letter with what is shown of its content as JSON values."""
    shown = shown_body(one.found.message.body, size=one.found.size)
    return {
        **document(one.letter),
        "copies": copies,
        "not_replayed": obstacle,
        "headers": shown_headers(one.found.message.properties.headers or {}),
        "body": {"kind": shown.kind, "text": shown.text, "cut": shown.cut},
    }


def full_text(one: Dead, *, obstacle: str | None, copies: int) -> str:
    """Return a letter with what is shown of its content; it ends in a line break."""
    letter = one.letter
    shown = shown_body(one.found.message.body, size=one.found.size)
    author = "the broker itself" if letter.by_broker else "the worker that refused it"
    where = f" ({said(letter.path)})" if letter.path else ""
    times = str(letter.deaths)
    if letter.deliveries is not None:
        times += f", the last time at delivery {letter.deliveries}"
    headers = shown_headers(one.found.message.properties.headers or {})
    lines = [
        f"letter {letter.id}" + (f" ({copies} copies)" if copies > 1 else ""),
        f"  reason       {letter.reason.value}: {said(letter.detail)}{where}",
        f"  refused      first {_at(letter.first)}, last {_at(letter.last)}",
        f"  times        {times}",
        f"  written by   {author}",
        f"  queue        {plain(letter.queue or '-')}",
        f"  routing key  {plain(masked_text(letter.key)) or '-'}",
        f"  type         {letter.type or '-'}",
        f"  said by      {plain(letter.user) or '-'}",
        f"  message id   {plain(masked_text(letter.message_id or '-'))}",
        f"  replay       {obstacle or 'goes to ' + plain(letter.queue or '')}",
        "  headers" if headers else "  headers      none",
    ]
    lines += [f"    {name}: {value}" for name, value in headers.items()]
    lines.append(f"  body         {letter.size} bytes, {shown.kind}")
    lines += [f"    {text}" for text in shown.text.splitlines()]
    if shown.cut:
        lines.append("    (and more)")
    return "\n".join(lines) + "\n"


def _cells(one: Letter) -> tuple[str, ...]:
    repo = _repository(one) or "-"
    texts = (_at(one.last), str(one.deaths), one.reason.value, one.type or "-")
    return (one.id, *texts, repo[:40], _short(one.queue)[:40], plain(one.user)[:40] or "-")


def _repository(one: Letter) -> str:
    """Return the repository as the configuration names it; "" where the key names none."""
    # In a routing key it has `:` for `/`.
    return plain(masked_text(one.repo or "")).replace(":", "/")


def _short(queue: str | None) -> str:
    return plain((queue or "-").removeprefix(queue_name("")))


def said(text: str) -> str:
    """Return a sentence about a letter, harmless and without secrets."""
    return sentence(masked_text(text), 200)


def _at(instant: datetime | None) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if instant else "-"


def _count(number: int) -> str:
    return f"{number or 'no'} dead letter{'' if number == 1 else 's'}"
