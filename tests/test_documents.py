"""What the documents say is so."""

from __future__ import annotations

import re
from pathlib import Path

from app.domain.states import as_markdown

ROOT = Path(__file__).parents[1]


def test_the_readme_prints_the_table_of_states() -> None:
    assert as_markdown() in (ROOT / "README.md").read_text()


def test_architecture_names_files_and_functions_that_exist() -> None:
    named = re.findall(
        r"`((?:app|workflows|tests)/[\w/]+\.py)(?:: (\w+)(?:\.\w+)?)?`", (ROOT / "ARCHITECTURE.md").read_text()
    )
    assert len(named) > 20
    for file, name in named:
        assert (ROOT / file).is_file(), file
        assert not name or re.search(rf"(def|class) {name}\b", (ROOT / file).read_text()), (file, name)


def test_relative_links_lead_somewhere() -> None:
    for page in ROOT.glob("*.md"):
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
            assert (ROOT / link).exists(), (page.name, link)
