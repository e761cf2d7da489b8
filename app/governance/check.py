"""`interlock policy check`: everything that is wrong with a governance folder, not only the first thing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from app.domain.errors import Finding
from app.governance import models
from app.governance.check_budgets import budget_findings
from app.governance.check_changes import change_findings
from app.governance.check_clocks import clock_findings
from app.governance.check_expressions import expression_findings
from app.governance.check_people import people_findings
from app.governance.check_references import reference_findings
from app.governance.check_seats import seat_findings
from app.governance.check_targets import target_findings
from app.governance.entries import Known, fit
from app.governance.schemas import schema_findings
from app.governance.separation import separation_findings
from app.governance.tree import Tree, files_tree, read_tree


def check(folder: Path) -> list[Finding]:
    """All findings of a folder, by file and path; empty means that it can become a version."""
    return inspect(folder)[2]


def inspect(folder: Path) -> tuple[Tree, Known, list[Finding]]:
    """The same with what was read. Never raises for what the files hold."""
    return _inspected(read_tree(folder))


def inspect_files(files: Mapping[str, str]) -> tuple[Tree, Known, list[Finding]]:
    """The same of files by name that came as text."""
    return _inspected(files_tree(files))


def _inspected(tree: Tree) -> tuple[Tree, Known, list[Finding]]:
    known, misfits = fit(tree)
    findings = [*tree.findings, *misfits, *(cross_findings(known) if tree.complete else ())]
    if not findings:
        findings = [*change_findings(tree.document(), known)]
    return tree, known, sorted(set(findings), key=lambda finding: (finding.where, finding.what))


def cross_findings(known: Known) -> Iterator[Finding]:
    """What no entry shows alone."""
    yield from people_findings(known)
    yield from target_findings(known)
    yield from reference_findings(known)
    yield from budget_findings(known)
    yield from seat_findings(known)
    yield from separation_findings(known)
    yield from clock_findings(known)
    yield from _schemas(known)
    yield from expression_findings(known)


def _schemas(known: Known) -> Iterator[Finding]:
    for entry, action in known.of("actions", models.Action):
        for path, what in schema_findings(action.parameters):
            yield Finding(entry.where("parameters", *path), what)
