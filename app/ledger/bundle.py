"""Bundles: what an outsider needs to check one request, rollback, incident or span of time (DESIGN.md section 10).

A bundle is one RFC 8785 JSON document. Everything in it outside ``entries`` is committed to by an entry in it, and each
entry by the checkpoint: so no byte can be another, and nothing can be put in. `check` needs the log's verifier key, and
neither database nor network.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidTag

from app.domain.digest import canonical, request_digest, sha256
from app.domain.ledger import Chains, LedgerFinding, NotCanonical, Stored, leaf_hash, parsed
from app.domain.note import Checkpoint, NoteInvalid, VerifierKey
from app.domain.tree import HASH_BYTES, root_by_inclusion
from app.ledger.notes import opened
from app.ledger.vault import Secret

VERSION = 1
MEDIA_TYPE = "application/json"
KINDS = ("request", "rollback", "governance", "incident", "span")
KEYS = frozenset(
    [
        "v",
        "kind",
        "id",
        "entries",
        "openings",
        "proofs",
        "checkpoint",
        "policy",
        "catalogue",
        "cards",
        "grant",
        "outcome",
    ],
)
_OURS = "interlock."
"""How Interlock's own actions begin: their entries are of the release that ran then, which may not be at hand."""
Bundle = dict[str, Any]
Body = Mapping[str, Any]


@dataclass(slots=True)
class Reading:
    """What a check learns on its way. ``bodies``: by leaf index; ``secrets``: by kid, of what was opened."""

    bodies: dict[int, Body] = field(default_factory=dict)
    secrets: dict[str, Secret] = field(default_factory=dict)
    opened: dict[int, Any] = field(default_factory=dict)

    def of_kind(self, *kinds: str) -> Iterator[tuple[int, Body]]:
        """The entries of these kinds, with their leaves."""
        return ((leaf, body) for leaf, body in self.bodies.items() if body["kind"] in kinds)


def check(document: bytes, keys: Sequence[VerifierKey]) -> tuple[Bundle | None, list[LedgerFinding]]:
    """The bundle, when it can be read, and all that is wrong with it."""
    try:
        bundle = parsed(document)
    except NotCanonical as error:
        return None, [LedgerFinding("bundle", str(error).replace("the body", "it"))]
    shape = list(_misshapen(bundle))
    if shape:
        return None, shape
    reading = Reading()
    return bundle, [finding for part in _PARTS for finding in _safely(part, bundle, keys, reading)]


def _safely(part: Any, bundle: Bundle, keys: Sequence[VerifierKey], reading: Reading) -> Iterator[LedgerFinding]:
    """A part that is not even of the right form is a finding, too: a forger writes what they like."""
    name, judge = part
    try:
        yield from judge(bundle, keys, reading)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        yield LedgerFinding(name, f"it is not of the form that it must have ({type(error).__name__})")


def _misshapen(bundle: Any) -> Iterator[LedgerFinding]:
    if not isinstance(bundle, dict) or bundle.keys() != KEYS:
        yield LedgerFinding("bundle", f"its parts must be {', '.join(sorted(KEYS))}, and no others")
    elif type(bundle["v"]) is not int or bundle["v"] != VERSION or bundle["kind"] not in KINDS:
        yield LedgerFinding("bundle", f"it must be of version {VERSION}, and one of: {', '.join(KINDS)}")
    elif not isinstance(bundle["entries"], list) or not bundle["entries"]:
        yield LedgerFinding("entries", "there are none")


def _checkpoint(bundle: Bundle, keys: Sequence[VerifierKey]) -> Checkpoint:
    return opened(bundle["checkpoint"], keys)


def _entries(bundle: Bundle, keys: Sequence[VerifierKey], reading: Reading) -> Iterator[LedgerFinding]:
    """Each is under the checkpoint, where it says; those of a stream are chained; a span has no gap."""
    try:
        head = _checkpoint(bundle, keys)
    except NoteInvalid as error:
        yield LedgerFinding("checkpoint", str(error))
        return
    yield from _proven(bundle, head, reading)
    yield from _chained(bundle, reading)
    leaves = [entry["leaf"] for entry in bundle["entries"]]
    if leaves != sorted(set(leaves)):
        yield LedgerFinding("entries", "they are not in the order of their leaves")
    if bundle["kind"] == "span" and leaves != list(range(leaves[0], leaves[0] + len(leaves))):
        yield LedgerFinding("entries", "a leaf of the span is left out")


def _proven(bundle: Bundle, head: Checkpoint, reading: Reading) -> Iterator[LedgerFinding]:
    entries, proofs = bundle["entries"], bundle["proofs"]
    if len(entries) != len(proofs):
        yield LedgerFinding("proofs", f"there are {len(proofs)} for {len(entries)} entries")
        return
    for entry, path in zip(entries, proofs, strict=True):
        _only(entry, "leaf", "body")
        leaf, body = entry["leaf"], entry["body"]
        where = f"leaf {leaf}"
        if type(leaf) is not int:
            raise TypeError("a leaf's index is a number")
        reading.bodies[leaf] = body
        hash_ = bytes.fromhex(leaf_hash(canonical(body)))
        if root_by_inclusion(hash_, leaf, head.size, [_hash(one) for one in path]) != head.root:
            yield LedgerFinding(where, f"{body['stream']}#{body['n']} is not what was sealed there")


def _chained(bundle: Bundle, reading: Reading) -> Iterator[LedgerFinding]:
    """Whole streams only: in a span they begin anywhere, and of others only what is named is in it."""
    chains = Chains()
    whole = {body["stream"] for body in reading.bodies.values() if body["n"] == 1 and _is_own(body["stream"])}
    for body in reading.bodies.values():
        if body["stream"] in whole and bundle["kind"] != "span":
            yield from chains.follow(Stored(body["stream"], body["n"], canonical(body)))
        elif _is_own(body["stream"]) and bundle["kind"] != "span":
            yield LedgerFinding(f"{body['stream']}#{body['n']}", "the beginning of its stream is left out")


def _is_own(stream: str) -> bool:
    return stream.startswith(("request:", "incident:"))


def _openings(bundle: Bundle, _: Sequence[VerifierKey], reading: Reading) -> Iterator[LedgerFinding]:
    """Keys are those that their admission names, where it names any; values are what the entries hold sealed."""
    openings = _only(bundle["openings"], "keys", "values")
    named = {f"request:{_id(body)}": body["facts"].get("keys") for _, body in reading.of_kind("admitted")}
    for kid, keys in openings["keys"].items():
        secret = Secret.disclosed(kid, _only(keys, "seal", "commit"))
        if secret.disclose() != keys or named.get(kid, secret.fingerprints()) != secret.fingerprints():
            yield LedgerFinding(f"openings of {kid}", "they are other keys than its admission names")
            continue
        reading.secrets[kid] = secret
    sealed = {leaf: body["facts"]["sealed"] for leaf, body in reading.bodies.items() if "sealed" in body["facts"]}
    wanted = {leaf for leaf, one in sealed.items() if one["kid"] in openings["keys"]}
    if {value["leaf"] for value in openings["values"]} != wanted or len(openings["values"]) != len(wanted):
        yield LedgerFinding("openings", "they are not of exactly the entries that these keys open")
    if {one["kid"] for one in sealed.values()} < openings["keys"].keys():
        yield LedgerFinding("openings", "a key opens nothing here")
    for value in openings["values"]:
        yield from _opening(_only(value, "leaf", "value"), sealed, reading)


def _opening(value: Any, sealed: Mapping[int, Any], reading: Reading) -> Iterator[LedgerFinding]:
    where, one = f"opening of leaf {value['leaf']}", sealed.get(value["leaf"])
    if one is None or one["kid"] not in reading.secrets:
        yield LedgerFinding(where, "there is nothing there that these keys open")
        return
    try:
        plain = reading.secrets[one["kid"]].open(one)
    except (InvalidTag, binascii.Error):
        yield LedgerFinding(where, "the key does not open what is sealed there")
        return
    if plain != canonical(value["value"]):
        yield LedgerFinding(where, "it is not what is sealed there")
    reading.opened[value["leaf"]] = value["value"]


def _digests(_: Bundle, __: Sequence[VerifierKey], reading: Reading) -> Iterator[LedgerFinding]:
    """What a bot's request says is what the digest is over that people signed."""
    for leaf, body in reading.of_kind("admitted"):
        facts, personal = body["facts"], reading.opened.get(leaf)
        if personal is None or facts["asker"]["kind"] != "bot":
            continue  # the digest of a person's request is over their id, which is on no ledger
        digest = request_digest(
            request_id=_id(body),
            kind=facts["kind"],
            asker=facts["asker"],
            action=facts["action"],
            action_version=facts["action_version"],
            parameters=personal["parameters"],
            on_behalf_of=personal["on_behalf_of"],
            triggered_by=personal["triggered_by"],
            parent=facts["parent"],
            reverses=facts.get("reverses"),
            environment=facts["environment"],
            expires_at=facts["expires_at"],
            nonce=personal["nonce"],
        )
        if digest != facts["digest"]:
            yield LedgerFinding(f"leaf {leaf}", "the digest is not that of what was asked")


def _policy(bundle: Bundle, _: Sequence[VerifierKey], reading: Reading) -> Iterator[LedgerFinding]:
    """The rules are those that the entries name, and the catalogue's entries theirs."""
    wanted = versions(reading.bodies.values())
    for one in bundle["policy"]:
        _only(one, "version", "document")
        if sha256(one["document"]) != one["version"]:
            yield LedgerFinding(f"policy {one['version']}", "it is not the document of that version")
    if sorted(one["version"] for one in bundle["policy"]) != sorted(wanted):
        yield LedgerFinding("policy", "these are not exactly the versions that the entries name")
    actions = {(body["facts"]["action"], body["facts"]["action_version"]) for _, body in reading.of_kind("admitted")}
    actions = {(name, version) for name, version in actions if version}
    for one in bundle["catalogue"]:
        _only(one, "action", "version", "entry")
        if sha256(one["entry"]) != one["version"] or one["entry"]["name"] != one["action"]:
            yield LedgerFinding(f"catalogue, {one['action']}", "it is not the entry of that version")
    given = [(one["action"], one["version"]) for one in bundle["catalogue"]]
    needed = {(name, version) for name, version in actions if not name.startswith(_OURS)}
    if given != sorted(set(given)) or not needed <= set(given) <= actions:
        yield LedgerFinding("catalogue", "these are not the entries of the actions that were asked for")


def _cards(bundle: Bundle, _: Sequence[VerifierKey], reading: Reading) -> Iterator[LedgerFinding]:
    """Each is one that a decision was made on."""
    named = {
        (_id(body), body["facts"]["card"]): body["facts"]["not_shown"]
        for _, body in reading.of_kind("decided", "withdrawn")
        if "card" in body["facts"]
    }
    seen = set[tuple[str, str]]()
    for one in bundle["cards"]:
        _only(one, "request", "card", "content", "not_shown")
        where, place = f"card {one['card'][:24]}", (one["request"], one["card"])
        secret = reading.secrets.get(f"request:{one['request']}")
        if place not in named or place in seen or named[place] != one["not_shown"]:
            yield LedgerFinding(where, "no decision here was made on it")
        elif secret is None or secret.commit(one["content"]) != one["card"]:
            yield LedgerFinding(where, "it is not what was put before people")
        seen.add(place)
    if {place for place in named if f"request:{place[0]}" in reading.secrets} - seen:
        yield LedgerFinding("cards", "one that a decision was made on is left out")


def _outcome(bundle: Bundle, _: Sequence[VerifierKey], reading: Reading) -> Iterator[LedgerFinding]:
    """The hashes of grants, and where each request ended, say what the entries say."""
    if bundle["grant"] != grants(reading.bodies.values()):
        yield LedgerFinding("grant", "these are not the hashes of the grants that the entries name")
    if bundle["outcome"] != outcomes(reading.bodies.values()):
        yield LedgerFinding("outcome", "it is not what the entries say")
    yield from _about(bundle, reading)


def _about(bundle: Bundle, reading: Reading) -> Iterator[LedgerFinding]:
    kind, id_ = bundle["kind"], bundle["id"]
    if kind == "span":
        fits = id_ == span_id(reading.bodies)
    elif kind == "incident":
        fits = any(body["stream"] == f"incident:{id_}" for body in reading.bodies.values())
    else:
        fits = any(_id(body) == id_ and kind_of(body) == kind for _, body in reading.of_kind("admitted"))
    if not fits:
        yield LedgerFinding("id", "it is not what the entries are about")


def kind_of(admitted: Body) -> str:
    """What a bundle of this request is called."""
    return _KINDS[admitted["facts"]["kind"]]


_KINDS = {"action": "request", "rollback": "rollback", "incident_rollback": "rollback", "governance": "governance"}
_PARTS = (
    ("entries", _entries),
    ("openings", _openings),
    ("entries", _digests),
    ("policy", _policy),
    ("cards", _cards),
    ("outcome", _outcome),
)


def versions(bodies: Iterable[Body]) -> set[str]:
    """The versions of the rules that these entries judge by."""
    found = set[str]()
    for body in bodies:
        facts = body["facts"]
        if body["kind"] == "admitted":
            found.add(facts["verdict"]["policy_version"])
        elif body["kind"] in ("started", "held-again") and "policy_version" in facts:
            found.add(facts["policy_version"])
    return found


def grants(bodies: Iterable[Body]) -> list[dict[str, Any]]:
    """Which grants were given, as the entries `started` say: never themselves, only their hashes."""
    return [
        {"request": _id(body), "attempt": body["facts"]["attempt"], **body["facts"]["grant"]}
        for body in bodies
        if body["kind"] == "started" and body["facts"].get("grant")
    ]


def outcomes(bodies: Iterable[Body]) -> dict[str, str]:
    """Where each request stood at its last entry."""
    return {
        _id(body): body["facts"]["status"]
        for body in bodies
        if body["stream"].startswith("request:") and "status" in body["facts"]
    }


def span_id(leaves: Mapping[int, Body]) -> str:
    """How a span of leaves is called."""
    return f"{min(leaves)}-{max(leaves)}"


def _id(body: Body) -> str:
    return str(body["stream"]).partition(":")[2]


def _only(value: Any, *names: str) -> Any:
    """A JSON object with exactly these members. Raises ValueError."""
    if not isinstance(value, dict) or value.keys() != set(names):
        raise ValueError("an object has other members than it must")
    return value


def _hash(text: Any) -> bytes:
    found = base64.b64decode(text, validate=True)
    if len(found) != HASH_BYTES or base64.b64encode(found).decode() != text:
        raise ValueError("it is no hash")
    return found
