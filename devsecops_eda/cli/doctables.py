"""The tables and sections in README.md and docs/ that come from the code.

Each stands between ``<!-- NAME: generated -->`` and ``<!-- end -->``; a test compares. Run
``python -m devsecops_eda.cli.doctables FILE…`` to write them anew.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from devsecops_eda.cli import COMMANDS
from devsecops_eda.cli.exit_codes import MEANING, code_of
from devsecops_eda.errors import DevSecOpsError, FailureReason, RefusalReason
from devsecops_eda.remedies import ERRORS, FAILURES, REFUSALS, Meaning
from devsecops_eda.rulepack import build_pack, shipped_rules
from devsecops_eda.settings import KEYS, Key
from devsecops_eda.settings.keys import NAME

_BLOCK = re.compile(r"(<!-- (?P<name>[a-z-]+): generated -->\n).*?(<!-- end -->)", re.DOTALL)


def events() -> str:
    """Return the table of events: type, routing key, who says it, who consumes it."""
    from devsecops_eda.cli import eventdocs

    return table(
        ("event", "routing key", "said by", "consumed by"),
        (
            (f"`{r.type.value}`", f"`{r.key}`", ", ".join(r.said_by), ", ".join(r.consumed_by))
            for r in eventdocs.rows()
        ),
    )


def exit_codes() -> str:
    """Return the table of exit codes."""
    rows = ((str(code.value), name, meaning) for code, (name, meaning) in MEANING.items())
    return table(("code", "name", "meaning"), rows)


def commands() -> str:
    """Return the table of commands."""
    rows = ((f"`{name}`", line) for name, (_, line) in COMMANDS.items())
    return table(("command", "what it does"), rows)


def command_line() -> str:
    """Return a section for each command."""
    from devsecops_eda.cli import clidocs

    return clidocs.markdown()


def settings() -> str:
    """Return the table of settings that are no named table's."""
    rows = (
        (f"`{key.dotted}`", key.form, _meaning(key), key.default, f"`{key.environment}`")
        for key in KEYS
        if NAME not in key.path
    )
    return table(("key", "value", "meaning", "default", "environment"), rows)


def named_settings() -> str:
    """Return the table of settings inside tables keyed by name."""
    rows = (
        (f"`{key.dotted}`", key.form, _meaning(key), key.default)
        for key in KEYS
        if NAME in key.path
    )
    return table(("key", "value", "meaning", "default"), rows)


def rules() -> str:
    """Return the table of the rules that ship with the package."""
    rows = (
        (f"`{rule.id}`", rule.title, rule.severity.word, rule.confidence.value, ", ".join(rule.cwe))
        for rule in build_pack([shipped_rules()]).rules
    )
    return table(("rule", "finds", "severity", "confidence", "weakness"), rows)


def metrics() -> str:
    """Return the table of metrics."""
    from devsecops_eda.metrics import METRICS

    rows = (
        (
            f"`{one.name}`",
            one.kind.value,
            ", ".join(f"`{name}`" for name in one.label_names) or "none",
            " and ".join(one.programs),
            one.help,
        )
        for one in METRICS
    )
    return table(("metric", "kind", "labels", "shown by", "what it tells"), rows)


def metric_labels() -> str:
    """Return the table of labels, with all the words each may say."""
    from devsecops_eda.metrics import METRICS
    from devsecops_eda.metrics.table import QUEUE, Label

    labels: dict[Label, list[str]] = {QUEUE: ["all"]}
    for metric in METRICS:
        for label in metric.labels:
            labels.setdefault(label, []).append(f"`{metric.name}`")
    rows = (
        (
            f"`{label.name}`",
            ", ".join(names),
            label.said or ", ".join(f"`{word}`" for word in label.words),
        )
        for label, names in labels.items()
    )
    return table(("label", "of", "words"), rows)


def doctor_checks() -> str:
    """Return the table of what the doctor looks at."""
    from devsecops_eda.doctor import CHECKS

    return table(("check", "what is well"), ((f"`{name}`", text) for name, text in CHECKS.items()))


def refusals() -> str:
    """Return the table of reasons for which a message becomes a dead letter."""
    return table(*_meanings(REFUSALS))


def failures() -> str:
    """Return the table of reasons for which a check has no verdict."""
    return table(*_meanings(FAILURES))


def gaps() -> str:
    """Return the table of reasons for which a file is not looked at, or not as it is."""
    from devsecops_eda.workspace.names import MEANINGS

    return table(("reason", "why"), ((f"`{one.value}`", why) for one, why in MEANINGS.items()))


def errors() -> str:
    """Return the table of errors, each below the one that it is a case of."""
    rows = (
        (f"{chr(0x2003) * depth}`{kind.__name__}`", _promise(kind), str(code_of(kind).value), what)
        for kind, depth in _tree(DevSecOpsError)
        if (what := ERRORS.get(kind)) is not None
    )
    return table(("error", "what happened", "exit code", "what to do"), rows)


TABLES: Mapping[str, Callable[[], str]] = {
    "events": events,
    "exit-codes": exit_codes,
    "commands": commands,
    "command-line": command_line,
    "settings": settings,
    "named-settings": named_settings,
    "rules": rules,
    "doctor-checks": doctor_checks,
    "metrics": metrics,
    "metric-labels": metric_labels,
    "refusals": refusals,
    "failures": failures,
    "gaps": gaps,
    "errors": errors,
}
"""Every table by the name in its mark."""


def _meaning(key: Key) -> str:
    return f"{key.meaning} (credential `{key.credential}`)" if key.secret else key.meaning


def _meanings(
    of: Mapping[RefusalReason, Meaning] | Mapping[FailureReason, Meaning],
) -> tuple[Sequence[str], Iterable[Sequence[str]]]:
    rows = ((f"`{reason.value}`", said.what, said.remedy) for reason, said in of.items())
    return ("reason", "what happened", "what to do"), rows


def _tree(of: type[DevSecOpsError], depth: int = 0) -> Iterator[tuple[type[DevSecOpsError], int]]:
    yield of, depth
    for kind in of.__subclasses__():
        yield from _tree(kind, depth + 1)


def _promise(kind: type[DevSecOpsError]) -> str:
    """Return the first paragraph of the docstring, as Markdown."""
    text = inspect.cleandoc(kind.__doc__ or "").partition("\n\n")[0]
    return " ".join(text.replace("``", "`").split())


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table that ends in a line break."""
    lines = [head, ["---"] * len(head), *rows]
    return "".join("| " + " | ".join(_cell(text) for text in line) + " |\n" for line in lines)


def filled(text: str) -> str:
    """Return ``text`` with every marked table as it is now.

    Raises:
        KeyError: a mark names no table.
    """
    return _BLOCK.sub(lambda match: f"{match[1]}{TABLES[match['name']]()}{match[3]}", text)


def main(files: Sequence[str]) -> None:
    """Write the tables in ``files`` anew."""
    for name in files:
        file = Path(name)
        text = file.read_text(encoding="utf-8")
        if filled(text) != text:
            file.write_text(filled(text), encoding="utf-8")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    main(sys.argv[1:])
