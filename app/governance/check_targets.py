"""Targets: an address that is one of their hosts, and not a private one unless they say so."""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from app.domain.errors import Finding
from app.governance import models
from app.governance.entries import Known


def target_findings(known: Known) -> Iterator[Finding]:
    """Every finding about targets, and about webhooks of bots, whose addresses are judged alike."""
    for entry, target in known.of("targets", models.Target):
        for what in address_findings(target.url, target.hosts, private=target.private):
            yield Finding(entry.where("url"), what)
    yield from _errands(known)
    for entry, bot in known.of("bots", models.Bot):
        if bot.webhook is not None:
            host = _host(bot.webhook.url)
            for what in address_findings(bot.webhook.url, [host], private=bot.webhook.private):
                yield Finding(entry.where("webhook", "url"), what)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _errands(known: Known) -> Iterator[Finding]:
    """Who runs an activity fetches its grant as a client of the target."""
    targets = known.by_name("targets", models.Target)
    for entry, action in known.of("actions", models.Action):
        run = action.run.temporal
        target = None if run is None else targets.get(run.target)
        if target is not None and not target.clients:
            what = f"the target {target.name} has no clients: nobody could fetch the grant"
            yield Finding(entry.where("run", "temporal", "target"), what)


def address_findings(url: str, hosts: list[str], *, private: bool) -> Iterator[str]:
    """What is wrong with a target's address, from the files or from the environment."""
    try:
        parts = urlsplit(url)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        yield f"{url!r} is not a URL: {error}"
        return
    if parts.scheme not in ("http", "https") or not host or _more_than_an_address(parts, url):
        yield f"{url!r} must be http(s)://host[:port][/path], without user, query or fragment"
        return
    if host not in {name.lower() for name in hosts}:
        yield f"the host {host} is not in hosts"
    if not private and (parts.scheme == "http" or _is_private(host)):
        yield "plain http, loopback and private ranges need private: true"


def _more_than_an_address(parts: SplitResult, url: str) -> bool:
    return "@" in parts.netloc or "?" in url or "#" in url or "\\" in url or any(char.isspace() for char in url)


def _is_private(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return not ip_address(host).is_global
    except ValueError:
        return False
