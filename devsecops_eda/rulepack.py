"""Rule folders become one JSON pack for semgrep, with a digest that names its meaning.

JSON, because semgrep reads it several times faster than YAML. The pack is checked here, because
semgrep drops the second of two rules with one id without a word.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from devsecops_eda.errors import ConfigurationError
from devsecops_eda.model import Confidence, Severity

RULE_SUFFIXES = (".yaml", ".yml", ".json")
# semgrep's older words for how bad a finding is.
SEVERITIES = {"ERROR": Severity.HIGH, "WARNING": Severity.MEDIUM}


@dataclass(frozen=True, slots=True)
class RuleInfo:
    """What a report says about a rule; ``cwe`` in short form (``CWE-89``)."""

    id: str
    title: str
    severity: Severity
    confidence: Confidence
    cwe: tuple[str, ...]
    help: str
    fix: str


@dataclass(frozen=True, slots=True)
class RulePack:
    """Rules in the form semgrep reads fastest; ``digest`` is equal exactly when the rules are."""

    json: bytes
    digest: str
    rules: tuple[RuleInfo, ...]

    def __post_init__(self) -> None:
        """Refuse a pack without rules: a scan with it would find nothing and look clean."""
        if not self.rules:
            raise ConfigurationError("the rule pack is empty: name a folder that holds rules")


def shipped_rules() -> Traversable:
    """Return the folder of the rules that come with this package."""
    return files("devsecops_eda") / "rules"


def build_pack(folders: Sequence[Traversable]) -> RulePack:
    """Return every rule below ``folders`` (YAML 1.2 or JSON), in the order of their ids.

    Test files (``*.test.yaml``) and hidden files are passed over.

    Raises:
        ConfigurationError: a folder is unreadable or holds no rules, a file is no rule file, or
            two rules have one id. The message names the file and the mend.
    """
    texts: list[tuple[str, str]] = []
    for folder in folders:
        try:
            found = tuple(_texts(folder))
        except OSError as e:
            raise ConfigurationError(f"rule folder {folder}: {e.strerror}") from e
        if not found:
            raise ConfigurationError(
                f"rule folder {folder} holds no rule files ({', '.join(RULE_SUFFIXES)})"
            )
        texts += found
    return pack_of(texts)


def pack_of(texts: Iterable[tuple[str, str]]) -> RulePack:
    """Return the pack of rule files, each given as (name, content); pure.

    Raises:
        ConfigurationError: as :func:`build_pack`.
    """
    rules: dict[str, Mapping[str, Any]] = {}
    origin: dict[str, str] = {}
    for name, text in texts:
        for rule in _rules(name, text):
            if rule["id"] in rules:
                raise ConfigurationError(
                    f"rule {rule['id']} stands in {origin[rule['id']]} and in {name}: rename one"
                )
            rules[rule["id"]] = rule
            origin[rule["id"]] = name
    ordered = sorted(rules)
    document = json.dumps(
        {"rules": [rules[key] for key in ordered]},
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
    ).encode()
    return RulePack(
        json=document,
        digest=f"sha256:{hashlib.sha256(document).hexdigest()}",
        rules=tuple(_info(origin[key], rules[key]) for key in ordered),
    )


def _texts(folder: Traversable) -> Iterable[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.name.startswith((".", "__")):
            continue
        if entry.is_dir():
            yield from _texts(entry)
        elif _is_rule_file(entry.name):
            try:
                yield str(entry), entry.read_text(encoding="utf-8")
            except UnicodeDecodeError as e:
                raise ConfigurationError(f"rule file {entry} is not UTF-8: save it as UTF-8") from e


def _is_rule_file(name: str) -> bool:
    stem, dot, suffix = name.rpartition(".")
    return dot + suffix in RULE_SUFFIXES and not stem.endswith(".test")


def _rules(name: str, text: str) -> Sequence[Mapping[str, Any]]:
    try:
        # The pure loader: the one in C reads YAML 1.1, where `no` is false and `010` is eight.
        parsed = (
            json.loads(text) if name.endswith(".json") else YAML(typ="safe", pure=True).load(text)
        )
        # What JSON cannot say (dates, NaN, keys that are no text) cannot be a rule either.
        json.dumps(parsed, sort_keys=True, allow_nan=False)
    except (YAMLError, ValueError, TypeError, RecursionError) as e:
        raise ConfigurationError(f"rule file {name} cannot be read: {_first_line(e)}") from e
    rules = parsed.get("rules") if isinstance(parsed, dict) else None
    if not isinstance(rules, list) or not rules:
        raise ConfigurationError(f"rule file {name} has no list `rules:`; move it or mend it")
    for rule in rules:
        if not isinstance(rule, dict) or not isinstance(rule.get("id"), str):
            raise ConfigurationError(f"rule file {name}: every rule needs an `id`")
        if not isinstance(rule.get("message"), str) or not isinstance(rule.get("severity"), str):
            raise ConfigurationError(
                f"rule file {name}: rule {rule['id']} needs `message` and `severity`"
            )
    return rules


def _first_line(error: Exception) -> str:
    problem = getattr(error, "problem", None) or str(error) or type(error).__name__
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark is not None else ""
    return where + str(problem).splitlines()[0]


def _info(name: str, rule: Mapping[str, Any]) -> RuleInfo:
    # An operator's rules need not carry our metadata; what is absent is said plainly or left out.
    metadata = rule.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise ConfigurationError(f"rule file {name}: `metadata` of {rule['id']} is not a mapping")
    cwe = metadata.get("cwe") or ()
    return RuleInfo(
        id=rule["id"],
        title=str(metadata.get("title") or rule["id"]),
        severity=SEVERITIES.get(rule["severity"]) or Severity.of(rule["severity"]),
        confidence=_confidence(metadata.get("confidence")),
        cwe=tuple(str(c).split(":")[0] for c in ((cwe,) if isinstance(cwe, str) else cwe)),
        help=str(metadata.get("help") or rule["message"]).strip(),
        fix=str(metadata.get("fix") or "").strip(),
    )


def _confidence(word: object) -> Confidence:
    known = {c.value: c for c in Confidence}
    return known.get(str(word).lower(), Confidence.UNKNOWN)
