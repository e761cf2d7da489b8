"""The smallest governance that has one of everything, and how to break it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.domain.verdict import AskFacts
from app.governance.files import load
from app.governance.policy import Policy, compile_policy

OWNERS = """{business: olivia, security: sam, model_quality: sam, legal: sam, incident: "group:responders",
             rollback: rita, permissions: tom, exceptions: sam}"""

PEOPLE = """
people:
  - {id: olivia, name: Olivia, emails: [olivia@shop.example], subjects: ["customer:olivia"],
     identities: [{slack: T0SHOP/U0OLIVIA}, {oidc: {iss: "https://id.example", sub: "1"}}]}
  - {id: dana, name: Dana, time_zone: Europe/Vienna}
  - {id: sam, name: Sam}
  - {id: tom, name: Tom}
  - {id: rita, name: Rita}
  - {id: ivan, name: Ivan}
groups:
  - {name: leads, members: [dana, olivia], slack_channel: C0LEADS}
  - {name: finance, members: [rita, sam]}
  - {name: responders, members: [ivan], may: [respond]}
  - {name: admins, members: [sam, tom], may: [administer, audit]}
"""

THINGS = f"""
targets:
  - {{name: desk, url: "https://desk.example/api", audience: "https://desk.example", hosts: [desk.example]}}
bots:
  - id: bot
    model: {{provider: example-ai, name: chat, version: "5"}}
    entitlements: ["orders.*"]
    deployed_by: tom
    owners: {OWNERS}
actions:
  - name: orders.pay
    title: Pay
    risk: moderate
    reversibility: reversible
    parameters:
      type: object
      properties:
        amount: {{type: integer}}
        to: {{type: string, pattern: "^c:[a-z]+$", x-sensitive: true}}
      required: [amount]
    beneficiary: on_behalf_of
    conflict_key: 'has(parameters.to) ? parameters.to : null'
    run: {{http: {{target: desk, path: /pay, method: POST, idempotent: true, timeout: 5s}}}}
    rollback: {{action: undo.pay, parameters: '{{"payment": outcome.result.id}}', within: 72h, plan: both}}
    default_plan: lead
  - name: orders.read
    title: Read
    risk: low
    reversibility: read_only
    parameters: {{type: object}}
    run: {{bot: {{target: desk}}}}
  - name: undo.pay
    title: Take a payment back
    risk: high
    reversibility: irreversible
    parameters: {{type: object, properties: {{payment: {{type: string}}}}, required: [payment]}}
    run: {{http: {{target: desk, path: /unpay}}}}
    default_plan: both
    owners: {OWNERS}
"""

RULES = """
windows:
  - {name: paid, action: orders.pay, sum: parameters.amount, per: [bot, on_behalf_of], over: 24h}
rules:
  - {name: small, when: 'action.name == "orders.pay" && parameters.amount < 10', allow: true}
  - {name: big, when: 'action.name == "orders.pay" && windows.paid + parameters.amount > 100', hold: both}
  - {name: huge, when: 'action.name == "orders.pay" && parameters.amount > 1000', deny: Too much}
plans:
  lead: {stages: [{group: leads, within: 1h, escalate_to: finance}], fallback: finance, expires: 4h}
  both:
    stages: [{group: leads}, {name: money, group: finance, quorum: 2, level: login, reason_required: true}]
    expires: 2h
    on_expiry: deny
    allow_repeat: true
"""

FILES = {"people.yaml": PEOPLE, "things.yml": THINGS, "rules.yaml": RULES}


def write(folder: Path, *edits: tuple[str, str], files: dict[str, str] | None = None) -> Path:
    """The small governance in a folder, each edit's old text replaced by its new one, other files added."""
    texts = dict(FILES)
    for old, new in edits:
        assert any(old in text for text in texts.values()), f"nothing to replace: {old}"
        texts = {name: text.replace(old, new, 1) for name, text in texts.items()}
    for name, text in {**texts, **(files or {})}.items():
        (folder / name).write_text(text)
    return folder


def policy(folder: Path, *edits: tuple[str, str]) -> Policy:
    """The small governance, edited, loaded and compiled."""
    return compile_policy(load(write(folder, *edits)).document, "sha256:test")


def pay(amount: Any = 50, **facts: Any) -> AskFacts:
    """The bot asks to pay, for a customer."""
    given: dict[str, Any] = {
        "action": "orders.pay",
        "parameters": {"amount": amount},
        "bot": "bot",
        "now": datetime(2026, 7, 1, 12, tzinfo=UTC),
        "environment": "development",
        "on_behalf_of": "customer:wren",
        "windows": {"paid": 0},
    }
    return AskFacts(**{**given, **facts})


def read(**facts: Any) -> AskFacts:
    """The bot asks to read."""
    return pay(**{"action": "orders.read", "parameters": {}, "windows": {}, **facts})
