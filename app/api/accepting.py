"""What form of an answer a caller asks for (RFC 9110 section 12.5.1)."""

from __future__ import annotations

MARKDOWN = "text/markdown"
HTML = "text/html"
LINES = "application/x-ndjson"
_JSON = ("application/json", "application/*", "*/*")


def wants(media_type: str, accept: str) -> bool:
    """True where this is named and wanted no less than JSON; what cannot be read is not wanted."""
    weights = dict(_weighed(part) for part in accept.split(","))
    json = next((weights[name] for name in _JSON if name in weights), 0.0)
    wanted = weights.get(media_type, 0.0)
    return wanted > 0 and wanted >= json


def wants_markdown(accept: str) -> bool:
    """True where Markdown is wanted."""
    return wants(MARKDOWN, accept)


def wants_html(accept: str) -> bool:
    """True where a page is wanted."""
    return wants(HTML, accept)


def wants_lines(accept: str) -> bool:
    """True where JSON a line is wanted."""
    return wants(LINES, accept)


def _weighed(part: str) -> tuple[str, float]:
    name, *parameters = (piece.strip().lower() for piece in part.split(";"))
    given = [piece.removeprefix("q=") for piece in parameters if piece.startswith("q=")]
    try:
        return name, float(given[0]) if given else 1.0
    except ValueError:
        return name, 0.0
