"""What stands in a page of the documentation as something to run or to write into a file."""

from __future__ import annotations

import shlex
import textwrap
from dataclasses import dataclass
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced or indented block of code."""

    page: str
    line: int
    """Of its first line of text, counted from 1."""
    language: str
    """The first word behind the fence; empty for none and for what is only indented."""
    text: str
    name: str = ""
    """From a comment ``<!-- example: NAME -->`` right above it."""
    heading: str = ""
    """The last one above it, of any level."""

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"

    @property
    def commands(self) -> tuple[tuple[str, ...], ...]:
        """The arguments of each ``devsecops-eda`` in it, as a shell would part them."""
        if self.language not in ("", "sh"):
            return ()
        lines = self.text.replace("\\\n", " ").splitlines()
        return tuple(
            tuple(shlex.split(line, comments=True)[1:])
            for line in lines
            if line.startswith("devsecops-eda ")
        )


def blocks(page: str, *languages: str) -> tuple[Block, ...]:
    """Return the blocks of ``page`` (a path in the tree) in their order, of these languages or all.

    What stands in a list is found too, with the list's own indentation taken off.
    """
    found = parsed((ROOT / page).read_text(encoding="utf-8"), page)
    return tuple(block for block in found if not languages or block.language in languages)


def parsed(text: str, page: str = "") -> tuple[Block, ...]:
    """Return all blocks of a page's text in their order."""
    found: list[Block] = []
    name = heading = before = ""
    for token in MarkdownIt("commonmark").parse(text):
        if token.type in ("fence", "code_block"):
            found.append(_block(page, token, name, heading))
        if before == "heading_open":
            heading = token.content
        # Only the very next block has the name.
        name, before = _named(token), token.type
    return tuple(found)


def named(page: str, name: str) -> Block:
    """Return the block of ``page`` below ``<!-- example: NAME -->``.

    Raises:
        LookupError: there is none, or more than one.
    """
    found = [block for block in blocks(page) if block.name == name]
    if len(found) != 1:
        raise LookupError(f"{page} has {len(found)} examples named {name}")
    return found[0]


def _block(page: str, token: Token, name: str, heading: str) -> Block:
    assert token.map is not None
    fenced = token.type == "fence"
    words = token.info.split()
    return Block(
        page,
        token.map[0] + 1 + fenced,
        words[0] if words else "",
        # Pages indent code in a list for two dialects of Markdown; one of them keeps a space.
        token.content if fenced else textwrap.dedent(token.content),
        name,
        heading,
    )


def _named(token: Token) -> str:
    words = token.content.split() if token.type == "html_block" else []
    match words:
        case ["<!--", "example:", name, "-->"]:
            return name
    return ""
