"""The page: whatever stands in a report stands in it as text, and nothing comes from elsewhere."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import Any

import pytest

from app.domain.oversight import CONTROLS
from app.steps.oversight import QUESTIONS
from app.use_cases import oversight
from app.use_cases.oversight import Readable
from app.use_cases.oversight_page import page
from tests.oversight.month import Month, known
from tests.steps.words import sql

HOSTILE = "</title></style><script>alert(1)</script><img src=x onerror=y>\"'&amp;"


@pytest.fixture(scope="module")
async def found(month: Month) -> Readable:
    """Of the ten asks, as the auditor reads it."""
    await known(month)
    return await oversight.readable(month.world.services, month.world.person("anya"), month.period)


class Tags(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def parsed(html: str) -> Tags:
    tags = Tags()
    tags.feed(html)
    tags.close()
    assert tags.open == []
    return tags


def poisoned(value: Any) -> Any:
    """With every text in it another one."""
    if isinstance(value, str):
        return HOSTILE
    if isinstance(value, list):
        return [poisoned(one) for one in value]
    if isinstance(value, dict):
        return {name: poisoned(one) for name, one in value.items()}
    return value


async def test_it_loads_nothing_and_runs_nothing(found: Readable) -> None:
    tags = parsed(page(found))
    assert not tags.tags & {"script", "img", "link", "iframe", "object", "form", "base", "foreignobject"}
    assert not {name for name in tags.attributes if name.startswith("on")} | (tags.attributes & {"src", "style"})
    assert not re.search(r"url\(|@import|https?://", page(found))


async def test_whatever_stands_in_it_is_text(found: Readable) -> None:
    clean, report = page(found), found.report
    document = {**poisoned(report["document"]), "figures": poisoned(report["document"]["figures"])}
    signed = [{"signed_at": HOSTILE, "request": HOSTILE, "report": HOSTILE}]
    bad = page(Readable({**report, "document": document, "signed": signed}, dict.fromkeys(found.names, HOSTILE)))
    assert "<script" not in bad
    assert "<img" not in bad
    assert parsed(bad).tags - {"p"} == parsed(clean).tags - {"p"}
    assert bad.count("&lt;script&gt;") > 50


async def test_persons_are_named(month: Month, found: Readable) -> None:
    [[name, pid]] = await sql(month.world, "select name, pid::text from person where id = 'dana'")
    assert f"<td>{name}</td>" in page(found)
    assert pid not in page(found)


async def test_every_control_has_its_figures(found: Readable) -> None:
    """Each list of figures that a control names is there, and is shown; nothing is claimed to be complied with."""
    html = page(found)
    for control in CONTROLS:
        assert set(control.figures) <= set(QUESTIONS)
        assert control.name in html
    assert all(f'<h2 id="{name}">' in html for name in QUESTIONS)
    assert "produces evidence for" in html
    assert not re.search(r"\bcompl(y|iant|iance)", html, re.IGNORECASE)


async def test_bars_are_as_long_as_what_they_tell(found: Readable) -> None:
    [verdicts] = re.findall(r'<svg[^>]*aria-label="Verdicts">.*?</svg>', page(found))
    assert [int(width) for width in re.findall(r'<rect [^>]*width="([0-9]+)"', verdicts)] == [52, 420, 52]
