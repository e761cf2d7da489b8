"""The guards of incidents, each with how it is taken out and which tests must then fail."""

from __future__ import annotations

from tests.properties.mutants import Mutant

DOMAIN = "app.domain.incident"
ROLLBACK = "app.steps.incident_rollback"
ITEM = "app.steps.incident_item"
RUN = "app.steps.incident_run"
USE = "app.use_cases.incidents"
BY_EXAMPLE = "domain/test_incident.py::"
ATTACK = "attacks/test_incidents.py::"

INCIDENTS = (
    Mutant(
        "incident: the newest first",
        f"{DOMAIN}:in_order",
        "-deed.at.timestamp()",
        "deed.at.timestamp()",
        (BY_EXAMPLE + "test_the_newest_comes_first_and_what_touched_the_same_thing_waits_for_it",),
    ),
    Mutant(
        "incident: what a request led to",
        f"{DOMAIN}:dependencies",
        "before = set(led_to.get(deed.request, ()))",
        "before = set[int]()",
        (BY_EXAMPLE + "test_what_a_request_led_to_is_undone_before_it",),
    ),
    Mutant(
        "incident: an unknown one stops what depends on it",
        f"{DOMAIN}:doomed",
        "at in ENDED and at is not ItemState.SUCCEEDED",
        "at is ItemState.FAILED",
        (BY_EXAMPLE + "test_an_unknown_one_stops_what_depends_on_it_as_well",),
    ),
    Mutant(
        "incident: an item waits for what was before it",
        f"{DOMAIN}:ready",
        "and undone >= set(item.after)",
        "",
        (BY_EXAMPLE + "test_a_run_ends_and_undoes_nothing_too_early",),
    ),
    Mutant(
        "incident: only what was signed",
        f"{ROLLBACK}:is_signed",
        'item["request"] == ask.reverses',
        "True",
        (ATTACK + "test_an_item_that_was_not_signed_is_denied",),
    ),
    Mutant(
        "incident: only under its own id",
        f"{ITEM}:_judged",
        'or asked.id != undo_id(parent.id, (asked.ask.part_of or {})["n"])',
        "",
        (ATTACK + "test_an_item_that_was_not_signed_is_denied",),
    ),
    Mutant(
        "incident: only while it runs",
        f"{ROLLBACK}:is_signed",
        "or parent.status != Status.EXECUTING",
        "",
        (ATTACK + "test_nothing_of_a_rollback_that_was_not_signed_yet_runs",),
    ),
    Mutant(
        "incident: who approved one of them",
        f"{ROLLBACK}:_approvers",
        "*(approvers_of(one.row, made.get(one.row.id, [])) for one in found)",
        "",
        (ATTACK + "test_who_approved_any_of_them_or_asks_does_not_sign",),
    ),
    Mutant(
        "incident: whom one of them was for",
        f"{ROLLBACK}:_admission",
        "subjects |= benefit | _near(one.row)",
        "subjects |= benefit",
        (ATTACK + "test_who_one_of_them_was_for_does_not_sign_the_rollback_of_all",),
    ),
    Mutant(
        "incident: who signed for all settles none",
        "app.steps.settle:_signed",
        "found.row.id if parent is None else parent",
        "found.row.id",
        (ATTACK + "test_who_signed_for_all_settles_none",),
    ),
    Mutant(
        "incident: a signature of who has left",
        f"{RUN}:_why_no_more",
        'return None if signed_still(found.row, await bench(found)) else "stale-authority"',
        "return None",
        (ATTACK + "test_a_signature_of_who_has_left_since_lets_nothing_more_run",),
    ),
    Mutant(
        "incident: a signature is not good for ever",
        f"{RUN}:_why_no_more",
        "if found.now > runs_until(found.row):",
        "if False:",
        (ATTACK + "test_a_signature_is_not_good_for_ever",),
    ),
    Mutant(
        "incident: undone as it was signed",
        f"{ITEM}:_differs",
        "if not what_runs(found).items() <= signed.items():",
        "if False:",
        (ATTACK + "test_what_the_rules_undo_otherwise_now_is_left_alone",),
    ),
    Mutant(
        "incident: what came of it is what was signed",
        f"{ITEM}:_differs",
        "if row.status != was:",
        "if False:",
        ("attacks/test_incident_signatures.py::test_what_was_settled_since_the_signature_is_not_undone",),
    ),
    Mutant(
        "incident: who signed may still, at each start",
        f"{ITEM}:ground_gone",
        'return None if signed_still(parent, people) else "stale-authority"',
        "return None",
        ("attacks/test_incident_signatures.py::test_what_waits_begun_does_not_start_when_who_signed_has_left",),
    ),
    Mutant(
        "incident: what waits ends with it",
        f"{ITEM}:ground_gone",
        "incident is None or incident.status == Standing.CLOSED",
        "False",
        ("attacks/test_incident_signatures.py::test_what_waits_begun_ends_with_its_incident",),
    ),
    Mutant(
        "incident: stricter rules before its turn",
        f"{ITEM}:_judged",
        "asked.policy.version != parent.policy_version and not _covers(parent, found.plan, now, asked.policy)",
        "False",
        (ATTACK + "test_rules_that_ask_for_more_than_was_signed_stop_an_item",),
    ),
    Mutant(
        "incident: stricter rules before its start",
        "app.steps.start:_rules_still_agree",
        "or not await _signed_enough(found, verdict)",
        "",
        (ATTACK + "test_rules_that_ask_for_more_than_was_signed_stop_an_item",),
    ),
    Mutant(
        "incident: what was undone alone meanwhile",
        f"{ITEM}:_judged",
        "rollback.refusal(await original_of(asked.session, asked.policy, row), parent.created_at)",
        "None",
        (ATTACK + "test_what_was_undone_alone_meanwhile_is_left_alone",),
    ),
    Mutant(
        "incident: a pause waits for who is about to start",
        "app.steps.incidents:pause",
        "await incidents.stop_items(found.session, found.row.id)",
        "pass",
        (ATTACK + "test_pause_waits_for_who_is_about_to_start",),
    ),
    Mutant(
        "incident: paused",
        f"{ITEM}:goes_on",
        "incident.status == Standing.ROLLING_BACK",
        "True",
        (ATTACK + "test_what_is_paused_starts_only_once_it_goes_on",),
    ),
    Mutant(
        "incident: closed",
        f"{ROLLBACK}:_refusal",
        "incident.status == Standing.CLOSED",
        "False",
        (ATTACK + "test_the_step_admits_nothing_of_a_closed_incident",),
    ),
    Mutant(
        "incident: one rollback at a time",
        f"{ROLLBACK}:_refusal",
        "if last is not None and Status(last.status) in LIVE:",
        "if False:",
        (ATTACK + "test_the_step_admits_one_rollback_of_an_incident_at_a_time",),
    ),
    Mutant(
        "incident: for responders",
        f"{USE}:_require",
        "if not may_respond(policy, person, bots):",
        "if False:",
        (ATTACK + "test_only_responders_open_pause_or_close",),
    ),
    Mutant(
        "incident: the incident seat of one bot is not that of all",
        f"{USE}:may_respond",
        "all(person in policy.responders(bot) for bot in bots)",
        "any(person in policy.responders(bot) for bot in bots)",
        (ATTACK + "test_the_incident_seat_of_one_bot_opens_none_of_two",),
    ),
)
