"""Oversight reports as they go out, for the OpenAPI document."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Id = Annotated[str, Field(json_schema_extra={"format": "uuid"})]
Sha = Annotated[str, Field(pattern="^sha256:[0-9a-f]{64}$")]

_SHA = "sha256:" + "5f" * 32
_REPORT: dict[str, Any] = {
    "report": _SHA,
    "figures_sha256": _SHA,
    "over": True,
    "signed": [],
    "signed_as_it_is": False,
    "document": {
        "v": 1,
        "from": "2026-10-01T00:00:00.000000Z",
        "to": "2026-11-01T00:00:00.000000Z",
        "figures": {"violations": [{"invariant": "self-approval", "count": 1}]},
        "evidence": {
            "violations/0": {
                "kinds": ["refused", "vote-void"],
                "count": 1,
                "entries": ["request:0b3f0a53-5d3e-5a39-9a3e-2d4c6e8f0a12#2"],
                "sha256": _SHA,
            }
        },
    },
    "controls": [
        {
            "framework": "NIST CSF 2.0",
            "control": "PR.AA-05",
            "asks": "authorisations are defined, with least privilege and separation of duties",
            "evidence": {"violations": ["violations/0"]},
        }
    ],
}


class Evidence(BaseModel):
    """The entries that a figure counts."""

    kinds: list[str]
    count: int
    entries: list[str] = Field(description="The first ten, as `stream#n`.")
    sha256: Sha = Field(description="Over all of them, one a line, sorted by stream and number.")


class OversightDocument(BaseModel):
    """What is signed off: its digest is over the RFC 8785 form."""

    model_config = ConfigDict(populate_by_name=True)

    v: Literal[1]
    since: Time = Field(alias="from")
    until: Time = Field(alias="to")
    figures: dict[str, Any] = Field(
        description="`head`, and lists by name: `requests` by bot and action, `reviewers`, `violations`, and others."
    )
    evidence: dict[str, Evidence] = Field(description="By the figure: `violations/0` is of the first of `violations`.")


class SignedReport(BaseModel):
    """A report of this period that was signed off."""

    model_config = ConfigDict(populate_by_name=True)

    since: Time = Field(alias="from")
    until: Time = Field(alias="to")
    report: Sha
    figures_sha256: Sha
    status: Literal["prepared", "signed"]
    prepared_at: Time
    signed_at: Time | None
    request: Id | None


class ControlEvidence(BaseModel):
    """A control, and the figures that are evidence for it."""

    framework: str
    control: str
    asks: str
    evidence: dict[str, list[str]] = Field(description="Names in `document.evidence`, by list of figures.")


class OversightReport(BaseModel):
    """What was asked, decided and broken in a period."""

    model_config = ConfigDict(json_schema_extra={"examples": [_REPORT]})

    report: Sha = Field(description="Of `document`.")
    figures_sha256: Sha = Field(description="Of `document.figures`.")
    over: bool = Field(description="False while something may still happen in the period.")
    signed: list[SignedReport] = Field(description="The newest first.")
    signed_as_it_is: bool = Field(description="One of them is of these very figures and entries.")
    document: OversightDocument
    controls: list[ControlEvidence]


ANSWERS: tuple[type[BaseModel], ...] = (OversightReport,)
"""All that an operation answers with."""
