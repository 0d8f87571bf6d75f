"""Every page of the documentation has one place in the site, and the site fetches nothing."""

from __future__ import annotations

from pathlib import Path

from ruamel.yaml import YAML

ROOT = Path(__file__).parents[2]
SITE = YAML(typ="safe").load(ROOT / "mkdocs.yml")


def test_every_page_has_one_place_in_one_of_the_four_parts() -> None:
    overview, *parts = SITE["nav"]
    assert overview == {"Overview": "index.md"}
    named = [(*part,) for part in parts]
    assert named == [("Tutorial",), ("How-to",), ("Reference",), ("Explanation",)]
    placed = [
        page
        for part in parts
        for entries in part.values()
        for entry in entries
        for page in entry.values()
    ]
    files = {path.name for path in (ROOT / "docs").iterdir()}
    assert sorted(["index.md", *placed]) == sorted(files)


def test_no_font_and_no_plugin_is_fetched() -> None:
    assert SITE["theme"]["font"] is False
    assert SITE["plugins"] == ["search"]
