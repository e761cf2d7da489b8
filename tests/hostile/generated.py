"""One run of schemathesis over the live document: all its phases, every answer checked against what is declared."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import schemathesis
from schemathesis import Case, GenerationMode, HookContext
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.engine.core import EventStream
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER

from app.api.problems import PREFIX
from tests.hostile.supply import Supply

Refused = tuple[str, str, str]
"""Operation, problem type and path of a call that was generated to be accepted, and was not."""


@dataclass(slots=True)
class Found:
    """What a run found. ``answers``: how often each operation answered with each status."""

    answers: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    failures: Counter[str] = field(default_factory=Counter)
    errors: list[str] = field(default_factory=list)
    refused: Counter[Refused] = field(default_factory=Counter)
    checks: Counter[str] = field(default_factory=Counter)
    phases: dict[str, str] = field(default_factory=dict)

    @property
    def calls(self) -> int:
        """How many calls were answered."""
        return sum(count.total() for count in self.answers.values())

    def note(self, recorder: ScenarioRecorder) -> None:
        """Take in one scenario."""
        for case_id, node in recorder.cases.items():
            done = recorder.interactions.get(case_id)
            if done is not None and done.response is not None:
                label = node.value.operation.label
                self.answers[label][done.response.status_code] += 1
                self._note_refusal(node.value, done.response)
        for case_id, results in recorder.checks.items():
            for result in results:
                self.checks[result.name] += 1
                if result.failure_info is not None:
                    told = f"{result.failure_info.failure.title}: {result.failure_info.failure.message}"
                    label = recorder.cases[case_id].value.operation.label
                    self.failures[f"{label} {result.name}: {told:.300}\n{result.failure_info.code_sample:.600}"] += 1

    def _note_refusal(self, case: Case[Any], response: Any) -> None:
        positive = case.meta is not None and case.meta.generation.mode is GenerationMode.POSITIVE
        if positive and response.status_code in (400, 413, 415, 422):
            said = response.json()
            kind = said.get("error") or said["type"].removeprefix(PREFIX)
            self.refused[case.operation.label, kind, said.get("where", "")] += 1


def run(url: str, config: dict[str, Any], supply: Supply) -> Found:
    """Generate calls from the document at this URL and make them; nothing is raised for what is found."""
    schema = schemathesis.openapi.from_url(url + "/openapi.json", config=SchemathesisConfig.from_dict(config))

    def before_call(_context: HookContext, case: Case[Any], _kwargs: dict[str, Any]) -> None:
        supply.aim(case)

    found = Found()
    with _hooked(before_call):
        _follow(from_schema(schema).execute(), found)
    return found


@contextmanager
def _hooked(hook: Callable[..., None]) -> Iterator[None]:
    """Register a hook of the whole process, the only kind that sees every call, for a while."""
    schemathesis.hook(hook)
    try:
        yield
    finally:
        GLOBAL_HOOK_DISPATCHER.unregister(hook)


def _follow(stream: EventStream, found: Found) -> None:
    for event in stream:
        if isinstance(event, events.ScenarioFinished):
            found.note(event.recorder)
        elif isinstance(event, events.NonFatalError):
            found.errors.append(f"{event.label}: {event.value!r}")
        elif isinstance(event, events.PhaseFinished):
            found.phases[event.phase.name.value] = event.status.value
        elif isinstance(event, events.EngineFinished):
            found.errors += [repr(failure) for failure in event.failures]
