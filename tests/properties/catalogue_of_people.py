"""The guards of letting people go and of links for others, each with how it is taken out and which tests must fail."""

from __future__ import annotations

from tests.properties.mutants import Mutant

PURE = "app.governance.off_boarding"
LEAVING = "app.steps.off_boarding"
LINKING = "app.steps.linking"
TICK = "app.steps.tick"
GUARDS = "properties/test_guards_of_people.py::"
OUT_OF_ORDER = GUARDS + "test_what_would_be_out_of_order"
NOT_WHO = GUARDS + "test_neither_who_asked_nor_who_leaves_signs"

PEOPLE = (
    Mutant(
        "off-boarding: who leaves does not sign, nor who gains an account",
        "app.governance.built_in:person_of",
        "if action in (OFF_BOARD, LINK)",
        "if False",
        (NOT_WHO, GUARDS + "test_nor_their_delegate", GUARDS + "test_an_account_is_linked_by_two_others"),
    ),
    Mutant(
        "off-boarding: an administrator asks",
        f"{LEAVING}:fault",
        'if not policy.may(asker, "administer"):',
        "if False:",
        (GUARDS + "test_only_an_administrator_asks",),
    ),
    Mutant(
        "off-boarding: once",
        f"{LEAVING}:fault",
        "if not active[wish.person]:",
        "if False:",
        (GUARDS + "test_who_has_left_already",),
    ),
    Mutant(
        "off-boarding: successors are here",
        f"{LEAVING}:fault",
        "if not active.get(successor, False):",
        "if False:",
        (OUT_OF_ORDER, GUARDS + "test_a_successor_who_has_left"),
    ),
    Mutant(
        "off-boarding: who leaves takes nothing over",
        f"{LEAVING}:fault",
        "if successor == wish.person:",
        "if False:",
        (OUT_OF_ORDER,),
    ),
    Mutant(
        "off-boarding: no place that is not theirs",
        f"{PURE}:without",
        "for key in wish.seats if key not in mine",
        "for key in ()",
        (OUT_OF_ORDER,),
    ),
    Mutant(
        "off-boarding: no seat is left empty",
        f"{PURE}:without",
        "if place.seat is not None and wish.successor(place) is None",
        "if False",
        (OUT_OF_ORDER,),
    ),
    Mutant(
        "off-boarding: seats that differ, and two administrators",
        f"{PURE}:without",
        "sorted(_findings(after) - _findings(rules)",
        "sorted(set()",
        (OUT_OF_ORDER,),
    ),
    Mutant(
        "off-boarding: nobody is left in a group",
        f"{PURE}:_too_few",
        "if now[group] == 0 < then[group]:",
        "if False:",
        (OUT_OF_ORDER,),
    ),
    Mutant(
        "off-boarding: fewer than a stage asks for",
        f"{PURE}:_too_few",
        "if 0 < now.get(group, 0) < quorum <= then[group]:",
        "if False:",
        (OUT_OF_ORDER,),
    ),
    Mutant(
        "off-boarding: a place in a group goes to nobody by the way",
        f"{PURE}:Leaving.successor",
        'self.to if place.section != "groups" else None',
        "self.to",
        (GUARDS + "test_seats_go_to_the_successor_and_groups_to_nobody",),
    ),
    Mutant(
        "off-boarding: they are no longer among the people",
        f"{PURE}:without",
        "for person in rules.people if person.id != wish.person",
        "for person in rules.people",
        (GUARDS + "test_seats_go_to_the_successor_and_groups_to_nobody", GUARDS + "test_who_sits_nowhere"),
    ),
    Mutant(
        "off-boarding: it is a publication",
        "app.steps.lowering:lowered_by",
        "requests.succeeded(asked.session, PUBLICATIONS,",
        'requests.succeeded(asked.session, ("interlock.policy.publish",),',
        (GUARDS + "test_who_took_a_place_does_not_decide_there",),
    ),
    Mutant(
        "off-boarding: it is a publication, for what newer rules ask while it waited",
        "app.steps.lowering:let_in",
        "requests.succeeded(found.session, PUBLICATIONS,",
        'requests.succeeded(found.session, ("interlock.policy.publish",),',
        (GUARDS + "test_who_let_themselves_into_a_stage_that_was_added",),
    ),
    Mutant(
        "off-boarding: it is a publication, for who makes themselves a responder by it",
        "app.steps.lowering:entitled_by_themselves",
        "requests.succeeded(found.session, PUBLICATIONS,",
        'requests.succeeded(found.session, ("interlock.policy.publish",),',
        (
            GUARDS + "test_who_took_a_responders_place_does_not_break_the_glass",
            GUARDS + "test_nor_of_what_waited_already",
        ),
    ),
    Mutant(
        "off-boarding: it is a publication, for who they were as customers",
        "app.steps.crowd:crowd",
        "governance.everybody(session, PUBLICATIONS,",
        'governance.everybody(session, ["interlock.policy.publish"],',
        (GUARDS + "test_who_they_were_as_a_payee_is_remembered",),
    ),
    Mutant(
        "off-boarding: what they gave and received ends",
        f"{LEAVING}:_end_delegations",
        "row.ended_at, row.ended_by = found.now, found.row.asker_id",
        "pass",
        (GUARDS + "test_their_delegations_end",),
    ),
    Mutant(
        "off-boarding: their vote is void, and stays so",
        f"{TICK}:_due",
        "void = await void_who_left(found)",
        "void = False",
        (GUARDS + "test_their_vote_is_void", GUARDS + "test_their_vote_does_not_come_back_with_them"),
    ),
    Mutant(
        "off-boarding: a rollback that they asked is not left to sign",
        f"{TICK}:_asker_left",
        'return "asker-left" if by_person and not found.crowd.active.get(found.row.asker_id, False) else None',
        "return None",
        (GUARDS + "test_what_they_asked_is_revoked",),
    ),
    Mutant(
        "off-boarding: a resumption that they asked",
        "app.steps.resuming:_ground_gone",
        "if not found.crowd.active.get(found.row.asker_id, False):",
        "if False:",
        (GUARDS + "test_what_they_asked_is_revoked", GUARDS + "test_a_change_of_theirs_that_was_signed_does_not_run"),
    ),
    Mutant(
        "off-boarding: who sees where somebody sits",
        "app.use_cases.seats:seats_of",
        'if asker != person and not (policy.may(asker, "audit") or policy.may(asker, "administer")):',
        "if False:",
        (GUARDS + "test_who_sees_where_somebody_sits",),
    ),
    Mutant(
        "link: an administrator asks",
        f"{LINKING}:fault",
        'if not policy.may(asker, "administer"):',
        "if False:",
        (GUARDS + "test_only_an_administrator_asks_for_a_link",),
    ),
    Mutant(
        "link: to somebody who is here",
        f"{LINKING}:fault",
        "if person is None or not person.active:",
        "if False:",
        (GUARDS + "test_a_link_when_somebody_has_left",),
    ),
    Mutant(
        "link: who asked is here",
        f"{LINKING}:_ground_gone",
        "if not found.crowd.active.get(row.asker_id, False):",
        "if False:",
        (GUARDS + "test_a_link_when_somebody_has_left",),
    ),
    Mutant(
        "link: of nobody",
        f"{LINKING}:fault",
        "return None if holder is None else ",
        "return None if True else ",
        (GUARDS + "test_an_account_of_somebody_is_not_linked_again",),
    ),
    Mutant(
        "link: of nobody still",
        f"{LINKING}:_ground_gone",
        "if wrong is None:",
        "if True:",
        (GUARDS + "test_an_account_that_was_taken_meanwhile",),
    ),
    Mutant(
        "link: of nobody at that moment",
        f"{LINKING}:_apply",
        "if not claim.new:",
        "if False:",
        (GUARDS + "test_an_account_that_is_taken_at_the_same_moment",),
    ),
)
