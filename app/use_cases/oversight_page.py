"""An oversight report as a page to read, print and file: no script, nothing from elsewhere, all texts escaped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from typing import Any

from app.domain.oversight import CONTROLS, Control
from app.use_cases.oversight import Readable

Row = Mapping[str, Any]

POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
"""The Content-Security-Policy of the page: should anything slip through, it does nothing."""

_STYLE = """
body { font: 14px/1.45 system-ui, sans-serif; color: #1b1b1f; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
h1 { font-size: 1.6rem } h2 { font-size: 1.15rem; margin-top: 2rem; border-bottom: 1px solid #ccc }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 } th, td { text-align: left; padding: .2rem .6rem
.2rem 0; vertical-align: top; border-bottom: 1px solid #e5e5e5; overflow-wrap: anywhere }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums }
code { font: 12px ui-monospace, monospace; overflow-wrap: anywhere } .fine { color: #555; font-size: 12px }
svg text { font: 12px system-ui, sans-serif } .warn { color: #8a1f11; font-weight: 600 }
@media print { body { margin: 0; max-width: none } h2 { break-after: avoid } tr { break-inside: avoid } }
"""

_TITLES = {
    "requests": "Requests by bot and action",
    "outcomes": "How they stand",
    "refused": "Refused when they were asked for",
    "decided": "Time until people had decided",
    "reviewers": "Reviewers",
    "violations": "Broken separation of duties, by invariant",
    "endings": "Ended without being run",
    "break_glass": "Released by one person (break-glass)",
    "break_glass_reviews": "Reviews of what one person released",
    "permissions": "Standing permissions granted and revoked",
    "permission_uses": "Uses of standing permissions",
    "owner_reviews": "Reviews by owners",
    "rollbacks": "Rollbacks",
    "incidents": "Incidents",
    "unknowns": "Unknown outcomes",
    "settled": "Unknown outcomes that were settled",
    "settlers": "Who said what they were",
    "suspensions": "Stops and resumptions",
    "publications": "Rules put in force",
}
_HEADS = {
    "decided": "Since the ask; of what was held again, the first time.",
    "reviewers": "Since the stage was opened or, if later, since its card was first shown. Many fast approvals: look.",
    "violations": "Attempts that were refused, and votes that were void. Repeated ones are coalesced in the ledger.",
    "outcomes": "As of now: what is still open or unknown may change, and the report with it.",
}
NOTHING = "&ndash;"
_PERSONS = ("person", "by")
_TIMES = ("median_ms", "p95_ms", "fastest_ms")
_SHARES = ("approval_rate", "under_10_s_share")


def page(found: Readable) -> str:
    """The whole page."""
    made, names = found.report["document"], found.names
    figures, evidence = made["figures"], made["evidence"]
    parts = [_top(found.report, made), _head(figures["head"]), _plots(figures, names)]
    parts += [_section(name, figures[name], evidence, names) for name in _TITLES]
    parts += [_controls(CONTROLS, figures), _how(made)]
    title = escape(f"Oversight report {made['from'][:10]} to {made['to'][:10]}")
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body>\n{''.join(parts)}</body></html>\n"
    )


def _top(report: Row, made: Row) -> str:
    signed = "".join(
        f"<p>Signed off at {escape(one['signed_at'])} by request <code>{escape(one['request'])}</code>, "
        f"report <code>{escape(one['report'])}</code>.</p>"
        for one in report["signed"]
    )
    if not report["over"]:
        signed += '<p class="warn">The period is not over: these figures may still change.</p>'
    elif report["signed"] and not report["signed_as_it_is"]:
        signed += (
            '<p class="warn">Something was settled or has ended since it was signed: the figures are others now.</p>'
        )
    elif not report["signed"]:
        signed += '<p class="warn">Nobody has signed it off.</p>'
    return (
        f"<h1>Oversight report</h1><p>From {escape(made['from'])} until {escape(made['to'])}.</p>{signed}"
        f'<p class="fine">Report <code>{escape(report["report"])}</code><br>'
        f"Figures <code>{escape(report['figures_sha256'])}</code></p>\n"
    )


def _head(head: Row) -> str:
    rows = "".join(
        f"<tr><td>{escape(_words(name.removesuffix('_to_decision')))}</td>"
        f'<td class="n">{_cell(_time_name(name), value, {})}</td></tr>'
        for name, value in head.items()
    )
    return f"<h2>At a glance</h2><table>{rows}</table>\n"


def _time_name(name: str) -> str:
    return "median_ms" if name.endswith("_ms_to_decision") else name


def _plots(figures: Row, names: Mapping[str, str]) -> str:
    head = figures["head"]
    asked = [(f"{one['bot'] or one['kind']}: {one['action']}", one["requests"]) for one in figures["requests"]]
    return "".join(
        (
            _bars("Verdicts", [(word, head[word]) for word in ("allow", "hold", "deny")], str),
            _bars("Requests", _largest(asked), str),
            _bars("How they stand", [(one["status"], one["count"]) for one in figures["outcomes"]], str),
            _bars(
                "Median time to a decision, by reviewer",
                _largest(
                    (names.get(one["person"], one["person"]), one["median_ms"] or 0) for one in figures["reviewers"]
                ),
                _span,
            ),
            _bars(
                "Decisions in under 10 s, by reviewer",
                _largest((names.get(one["person"], one["person"]), one["under_10_s"]) for one in figures["reviewers"]),
                str,
            ),
            _bars("Violations", _largest((one["invariant"], one["count"]) for one in figures["violations"]), str),
        )
    )


def _largest(rows: Iterable[tuple[str, int]], most: int = 20) -> list[tuple[str, int]]:
    return sorted(rows, key=lambda row: (-row[1], row[0]))[:most]


def _bars(title: str, rows: Sequence[tuple[str, int]], told: Callable[[int], str]) -> str:
    if not rows:
        return ""
    widest = max((value for _, value in rows), default=0) or 1
    lines = "".join(
        f'<text x="230" y="{22 * n + 15}" text-anchor="end">{escape(_short(label))}</text>'
        f'<rect x="238" y="{22 * n + 3}" width="{max(1, 420 * value // widest)}" height="15" fill="#3b6ea8"/>'
        f'<text x="{244 + max(1, 420 * value // widest)}" y="{22 * n + 15}">{escape(told(value))}</text>'
        for n, (label, value) in enumerate(rows)
    )
    return (
        f'<h2>{escape(title)}</h2><svg viewBox="0 0 760 {22 * len(rows) + 4}" width="100%" role="img" '
        f'aria-label="{escape(title)}">{lines}</svg>\n'
    )


def _short(text: str) -> str:
    return text if len(text) <= 36 else f"{text[:35]}…"


def _section(name: str, rows: Sequence[Row], evidence: Row, names: Mapping[str, str]) -> str:
    title = f'<h2 id="{name}">{escape(_TITLES[name])}</h2>'
    if name in _HEADS:
        title += f'<p class="fine">{escape(_HEADS[name])}</p>'
    if not rows:
        return f"{title}<p>None.</p>\n"
    columns = list(rows[0])
    heads = "".join(f"<th>{escape(_words(column))}</th>" for column in columns)
    body = "".join(
        f"<tr>{''.join(_td(column, row[column], names) for column in columns)}"
        f"<td>{_evidence(evidence.get(f'{name}/{n}'))}</td></tr>"
        for n, row in enumerate(rows)
    )
    return f"{title}<table><tr>{heads}<th>evidence</th></tr>{body}</table>\n"


def _td(column: str, value: Any, names: Mapping[str, str]) -> str:
    numeric = isinstance(value, int | float) and not isinstance(value, bool)
    style = ' class="n"' if numeric else ""
    return f"<td{style}>{_cell(column, value, names)}</td>"


def _cell(column: str, value: Any, names: Mapping[str, str]) -> str:
    if value is None:
        return NOTHING
    if isinstance(value, dict):
        return escape(", ".join(f"{name} {count}" for name, count in sorted(value.items()) if count)) or NOTHING
    if column in _TIMES:
        return escape(_span(value))
    if column in _SHARES:
        return f"{100 * value:.0f} %"
    return escape(names.get(value, value) if column in _PERSONS else str(value))


def _evidence(one: Row | None) -> str:
    if one is None:
        return ""
    shown = ", ".join(f"<code>{escape(entry)}</code>" for entry in one["entries"][:3])
    more = one["count"] - min(3, len(one["entries"]))
    return shown + (f" and {more} more" if more > 0 else "")


def _controls(controls: Sequence[Control], figures: Row) -> str:
    rows = "".join(
        f"<tr><td>{escape(one.framework)}</td><td>{escape(one.name)}</td><td>{escape(one.asks)}</td>"
        f"<td>{'; '.join(_pointer(name, figures) for name in one.figures)}</td></tr>"
        for one in controls
    )
    return (
        "<h2>Controls</h2><p>This report <b>produces evidence for</b> these controls. Whether they are met is for "
        "others to judge.</p><table><tr><th>framework</th><th>control</th><th>asks that</th><th>figures, each with its "
        f"entries</th></tr>{rows}</table>\n"
    )


def _pointer(name: str, figures: Row) -> str:
    many = sum(row.get("count", row.get("requests", row.get("decisions", 0))) for row in figures[name])
    return f'<a href="#{name}">{escape(_TITLES[name])}</a> ({many})'


def _how(made: Row) -> str:
    return (
        "<h2>How to check this</h2><p>A figure counts entries of the ledger whose <code>at</code> is at or after "
        f"{escape(made['from'])} and before {escape(made['to'])}, of the kinds that the JSON of this report names. "
        "Up to ten are named there, and the SHA-256 over all of them, one <code>stream#n</code> a line, sorted by "
        "stream and number. <code>interlock oversight entries</code> lists all, <code>interlock ledger show</code> "
        "prints a stream.</p>\n"
    )


def _words(name: str) -> str:
    return name.removesuffix("_ms").replace("_", " ")


def _span(value: int) -> str:
    seconds = value / 1000
    if seconds < 120:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.1f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
