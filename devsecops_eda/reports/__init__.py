"""Reports: one file per format, each a pure function from a result to text."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from devsecops_eda.reports.decision import render_decision
from devsecops_eda.reports.github import render_annotations, render_github
from devsecops_eda.reports.gitlab import render_gitlab
from devsecops_eda.reports.junit import render_junit
from devsecops_eda.reports.machine import render_decision_json, render_json
from devsecops_eda.reports.plain import plain, sentence
from devsecops_eda.reports.result import Context, Lack, LineOf, Result
from devsecops_eda.reports.sarif import render_sarif
from devsecops_eda.reports.text import render_scan

FORMATS: Mapping[str, Callable[[Result], str]] = {
    "text": render_scan,
    "json": render_json,
    "sarif": render_sarif,
    "junit": render_junit,
    "gitlab": render_gitlab,
    "github": render_github,
}
"""Every format by its name on the command line."""

__all__ = [
    "FORMATS",
    "Context",
    "Lack",
    "LineOf",
    "Result",
    "plain",
    "render_annotations",
    "render_decision",
    "render_decision_json",
    "render_github",
    "render_gitlab",
    "render_json",
    "render_junit",
    "render_sarif",
    "render_scan",
    "sentence",
]
