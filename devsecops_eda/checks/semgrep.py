"""The check ``semgrep``: patterns in source code, with rules of ours or the operator's.

What was measured of semgrep 1.182.0 and why the flags are what they are: its exit code is 0 with
and without findings, with files it did not parse and with none at all; ``.semgrepignore``, its
built-in ignores and ``nosem`` comments make findings vanish without a word.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from devsecops_eda.checks import (
    CheckSettings,
    Inputs,
    Plan,
    RawFinding,
    Report,
    Scanner,
    Selection,
    Tree,
)
from devsecops_eda.checks.targets import Targets
from devsecops_eda.checks.unreadable import unreadable
from devsecops_eda.errors import CheckError, FailureReason
from devsecops_eda.model import Gap
from devsecops_eda.rulepack import RuleInfo, RulePack, build_pack, pack_of, shipped_rules
from devsecops_eda.scope import PYTHON_SUFFIXES

RULES_FILE = "rules.json"
SCRIPTS_FILE = "scripts.json"

MAX_TARGET_BYTES = 1_000_000
"""A larger file is a gap: minified bundles cost semgrep minutes."""
RULE_TIMEOUT_S = 10
MAX_TIMEOUTS = 3
"""After as many rules that took too long on one file, semgrep leaves the file."""

_IN_A_FILE: Mapping[str, str] = {
    "AST builder error": "could not be parsed",
    "Fatal error": "semgrep broke on it",
    "Fixpoint timeout": "data flow was followed only in part: it took too long",
    "Internal matching error": "semgrep broke on it",
    "Lexical error": "could not be parsed",
    "OOM during interfile analysis": "took too much memory",
    "Other syntax error": "could not be parsed",
    "Out of memory": "took too much memory",
    "PartialParsing": "parsed only in part",
    "Stack overflow": "nested too deeply",
    "Syntax error": "could not be parsed",
    "Timeout": f"a rule took longer than {RULE_TIMEOUT_S} s",
    "Timeout during interfile analysis": f"a rule took longer than {RULE_TIMEOUT_S} s",
    "Too many matches": "too many matches of one rule",
}
"""Errors about one file: that file is a gap. No text of semgrep's, it names paths of this run."""

_IN_A_RULE = frozenset(
    {
        "Incompatible rule",
        "IncompatibleRule",
        "Invalid YAML",
        "InvalidRuleSchemaError",
        "Missing plugin",
        "Pattern parse error",
        "PatternParseError",
        "Rule parse error",
        "UnknownLanguageError",
    }
)


class Semgrep(Scanner):
    """Patterns in source and configuration files."""

    name = "semgrep"
    tool = "semgrep"

    def select(self, tree: Tree, settings: CheckSettings) -> Selection:
        """Say which files the rules of ``settings`` look at.

        Raises:
            ConfigurationError: a rule folder is unreadable or wrong.
        """
        targets = Targets.of(json.loads(_pack(settings.rules).json)["rules"])
        eligible: list[str] = []
        gaps: list[Gap] = []
        scripts: dict[str, tuple[str, bytes]] = {}
        for path in tree.paths:
            by_name = targets.takes(path)
            ending = None if by_name else _script_ending(tree, path, targets)
            if not by_name and ending is None:
                if targets.minified(path):
                    gaps.append(Gap(path, "minified: semgrep passes over it"))
            elif tree.size(path) > MAX_TARGET_BYTES:
                gaps.append(Gap(path, f"larger than {MAX_TARGET_BYTES} bytes"))
            else:
                # semgrep looks at these too and may find something: what they are stands beside.
                eligible.append(path)
                if reason := unreadable(
                    tree.read(path), python=(ending or path).endswith(PYTHON_SUFFIXES)
                ):
                    gaps.append(Gap(path, reason))
                if ending:
                    scripts[f"script-{len(scripts):06d}{ending}"] = (path, tree.read(path))
        generated = {name: content for name, (_, content) in scripts.items()}
        if scripts:
            origins = {name: path for name, (path, _) in scripts.items()}
            generated[SCRIPTS_FILE] = json.dumps(origins).encode()
        return Selection(tuple(eligible), tuple(gaps), generated)

    def inputs(self, settings: CheckSettings, *, now: datetime) -> Inputs:
        """Return the rule pack: of the folders in ``settings.rules``, else the shipped one.

        Raises:
            ConfigurationError: a rule folder is unreadable or wrong.
        """
        pack = _pack(settings.rules)
        return Inputs(rules_digest=pack.digest, files={RULES_FILE: pack.json})

    def command(self, plan: Plan) -> Sequence[str]:
        """Return a call in which no file of the repository has a say.

        ``--experimental`` is the engine without Python around it: on one file 0.2 s against 1.9 s,
        on Django's sdist (2 932 files, 63 rules) 180 s of processor time against 245 s, with the
        same findings and no time-outs. It used to lose on bundles of over a megabyte, which
        MAX_TARGET_BYTES leaves out.
        """
        scripts = sorted(_scripts(plan))
        return [
            str(plan.program),
            "scan",
            "--experimental",
            "--json",
            "--quiet",
            "--metrics=off",
            "--disable-version-check",
            "--no-rewrite-rule-ids",
            "--disable-nosem",
            "--x-ignore-semgrepignore-files",
            "--no-git-ignore",
            f"--timeout={RULE_TIMEOUT_S}",
            f"--timeout-threshold={MAX_TIMEOUTS}",
            f"--max-target-bytes={MAX_TARGET_BYTES}",
            "--jobs=1",
            f"--config={plan.inputs / RULES_FILE}",
            "--",
            str(plan.tree),
            *(str(plan.generated / name) for name in scripts),
        ]

    def parse(self, output: bytes, plan: Plan) -> Report:
        """Read the JSON report; what is said about a rule comes from the pack, not from it.

        Raises:
            CheckError: no report of semgrep's (``bad_output``), a rule it could not run
                (``misconfigured``), or it broke as a whole (``crashed``).
        """
        # semgrep puts matched text, which may be a secret, into messages and fixes.
        pack = (plan.inputs / RULES_FILE).read_bytes()
        rules = {info.id: info for info in pack_of([(RULES_FILE, pack.decode())]).rules}
        messages = {rule["id"]: rule["message"] for rule in json.loads(pack)["rules"]}
        place = _Places(plan)
        try:
            document = json.loads(output)
            gaps = tuple(dict.fromkeys(_gaps(document, place)))
            findings = dict.fromkeys(
                _finding(result, rules[result["check_id"]], messages[result["check_id"]], place)
                for result in document["results"]
            )
            return Report(
                version=str(document["version"]),
                findings=tuple(findings),
                scanned=frozenset(map(place.of, document["paths"]["scanned"])) & place.eligible,
                gaps=gaps,
            )
        except (ValueError, KeyError, TypeError, IndexError, RecursionError) as e:
            raise CheckError(
                FailureReason.BAD_OUTPUT,
                f"semgrep printed no report we understand ({len(output)} bytes)",
            ) from e


class _Places:
    """Turns paths in a report into paths in the tree, those of copied programs too."""

    def __init__(self, plan: Plan) -> None:
        self._copies = {
            str(plan.generated / name): str(plan.tree / plan.names[path])
            for name, path in _scripts(plan).items()
        }

        self.eligible = frozenset(str(plan.tree / name) for name in plan.names.values())

    def of(self, path: str) -> str:
        return self._copies.get(path, path)


def _scripts(plan: Plan) -> Mapping[str, str]:
    try:
        origins: dict[str, str] = json.loads((plan.generated / SCRIPTS_FILE).read_bytes())
    except FileNotFoundError:
        return {}
    return origins


def _pack(folders: Sequence[Path]) -> RulePack:
    # Half a second of YAML, asked for two or three times per scan.
    if not folders:
        return _shipped_pack()
    return _pack_of_folders(
        tuple(folders),
        tuple(
            (str(file), file.stat().st_mtime_ns, file.stat().st_size)
            for folder in folders
            for file in sorted(folder.rglob("*"))
            if file.is_file()
        ),
    )


@cache
def _shipped_pack() -> RulePack:
    # Nobody edits an installed package under a running program.
    return build_pack([shipped_rules()])


@lru_cache(maxsize=4)
def _pack_of_folders(folders: tuple[Path, ...], _stamps: tuple[object, ...]) -> RulePack:
    return build_pack(folders)


def _script_ending(tree: Tree, path: str, targets: Targets) -> str | None:
    if "." in path.rpartition("/")[2].lstrip("."):
        return None
    return targets.script_ending(path, tree.read(path)[:200])


def _gaps(document: Mapping[str, Any], place: _Places) -> Iterator[Gap]:
    if document["skipped_rules"]:
        raise CheckError(FailureReason.MISCONFIGURED, "semgrep skipped rules it could not read")
    for error in document["errors"]:
        kind = error["type"] if isinstance(error["type"], str) else error["type"][0]
        if kind in _IN_A_RULE:
            rule = error.get("rule_id") or "of the pack"
            raise CheckError(
                FailureReason.MISCONFIGURED, f"semgrep cannot run rule {rule}: {kind.lower()}"
            )
        if "path" not in error:
            raise CheckError(FailureReason.CRASHED, f"semgrep broke: {kind.lower()}")
        reason = _IN_A_FILE[kind]
        if kind == "PartialParsing":
            reason += f" (line {int(error['type'][1][0]['start']['line'])})"
        yield Gap(place.of(error["path"]), reason)


def _finding(result: Mapping[str, Any], rule: RuleInfo, message: str, place: _Places) -> RawFinding:
    return RawFinding(
        rule=rule.id,
        path=place.of(result["path"]),
        line=int(result["start"]["line"]),
        severity=rule.severity,
        message=" ".join(message.split()),
        confidence=rule.confidence,
        column=int(result["start"]["col"]),
        end_line=int(result["end"]["line"]),
        title=rule.title,
        help=rule.help,
        cwe=rule.cwe,
        fix=rule.fix or None,
    )
