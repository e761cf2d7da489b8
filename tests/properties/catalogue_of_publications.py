"""The guards of publications, each with how it is taken out and which tests must then fail."""

from __future__ import annotations

from tests.properties.catalogue import SEPARATION
from tests.properties.mutants import Mutant

PUBLISHING = "app.steps.publishing"
LOWERING = "app.steps.lowering"
RULE = "app.domain.lowering"
AT_THE_DOOR = "app.use_cases.publish:check_publication"
BY_RULE = "domain/test_lowering.py::"
STEPS = "properties/test_guards_of_publications.py::"

PUBLICATIONS = (
    Mutant(
        "policy-author",
        f"{SEPARATION}:_own_exclusions",
        "if person.id in facts.policy_authors:",
        "if False:",
        (STEPS + "test_who_lowered_the_bar_does_not_step_over_it",),
    ),
    Mutant(
        "policy-author: who approved it",
        f"{LOWERING}:_authors",
        "{published.asker_id, *(d.person_id for d in made if d.standing and d.say == Say.APPROVE)}",
        "{published.asker_id}",
        (STEPS + "test_who_lowered_the_bar_does_not_step_over_it",),
    ),
    Mutant(
        "policy-author: what was denied before, or held for more",
        f"{RULE}:gained",
        "asks_less(now.verdict, before.verdict) or ",
        "",
        (BY_RULE + "test_who_gained", STEPS + "test_who_lowered_the_bar_does_not_step_over_it"),
    ),
    Mutant(
        "policy-author: a lower risk",
        f"{RULE}:gained",
        " or now.risk < before.risk",
        "",
        (BY_RULE + "test_who_gained",),
    ),
    Mutant(
        "policy-author: a seat given up",
        f"{RULE}:gained",
        "(before.owners - now.owners) | ",
        "",
        (BY_RULE + "test_who_gained",),
    ),
    Mutant(
        "policy-author: no payee any more",
        f"{RULE}:gained",
        " | (before.beneficiaries - now.beneficiaries)",
        "",
        (BY_RULE + "test_who_gained",),
    ),
    Mutant(
        "policy-author: who let themselves in",
        f"{RULE}:gained",
        " or _joined(person, now, before)",
        "",
        (BY_RULE + "test_who_gained", STEPS + "test_who_joined_a_group_by_their_own_publication"),
    ),
    Mutant(
        "policy-author: as it stands now",
        f"{LOWERING}:_by",
        "gained(authors, bar, then) & ",
        "",
        (STEPS + "test_what_was_raised_again_is_theirs_to_decide",),
    ),
    Mutant(
        "policy-author: by that publication",
        f"{LOWERING}:_by",
        " & gained(authors, await bar_under(after), then)",
        "",
        (STEPS + "test_what_another_publication_lowered_is_not_theirs",),
    ),
    Mutant(
        "policy-author: the longer cool-down",
        f"{LOWERING}:_cool_down",
        "max([policy.cool_down, *(before.cool_down for age, before in replaced if age < before.cool_down)])",
        "policy.cool_down",
        (STEPS + "test_the_longer_cool_down_counts",),
    ),
    Mutant(
        "policy-author: who joined what newer rules ask while it waited",
        "app.steps.start:_rules_still_agree",
        ", *await let_in(found, verdict.plan)",
        "",
        (STEPS + "test_who_let_themselves_into_a_stage_that_was_added",),
    ),
    Mutant(
        "publication: an administrator asks",
        f"{PUBLISHING}:_refusal",
        'if not asked.policy.may(asked.ask.asker_id, "administer"):',
        "if False:",
        (STEPS + "test_only_an_administrator_asks",),
    ),
    Mutant(
        "publication: an administrator asks, at the door",
        AT_THE_DOOR,
        'if not policy.may(ask.asker_id, "administer"):',
        "if False:",
        (STEPS + "test_only_an_administrator_asks",),
    ),
    Mutant(
        "publication: made from the rules in force",
        f"{PUBLISHING}:_refusal",
        'asked.ask.parameters.get("base", asked.policy.version) != asked.policy.version',
        "False",
        (STEPS + "test_rules_made_from_others_are_not_asked_for",),
    ),
    Mutant(
        "publication: made from the rules in force, at the door",
        AT_THE_DOOR,
        "if base != policy.version:",
        "if False:",
        (STEPS + "test_rules_made_from_others_are_not_asked_for",),
    ),
    Mutant(
        "publication: who asked administers still",
        f"{PUBLISHING}:ground_gone",
        "if not (",
        "if False and not (",
        (STEPS + "test_who_asked_has_left",),
    ),
    Mutant(
        "publication: on the rules that it was signed on",
        f"{PUBLISHING}:ground_gone",
        'return None if await stood(found.session) == ground.get("stood") else "rules-changed"',
        "return None",
        (
            STEPS + "test_what_was_signed_on_other_rules_is_revoked",
            STEPS + "test_what_waits_on_other_rules_is_revoked_at_once",
            STEPS + "test_people_are_what_it_was_made_from_too",
        ),
    ),
    Mutant(
        "publication: people are part of that",
        "app.steps.installing:stood",
        '"people": [persons, sorted(subjects), sorted(identities)]',
        '"people": []',
        (STEPS + "test_people_are_what_it_was_made_from_too",),
    ),
    Mutant(
        "publication: under the lock once more",
        f"{PUBLISHING}:put",
        'if await stood(found.session) != (found.row.ground or {}).get("stood"):',
        "if False:",
        (STEPS + "test_of_two_at_once_the_second_fails",),
    ),
    Mutant(
        "publication: what waits is looked at",
        "app.steps.tick:_moot",
        "if found.row.kind == Kind.GOVERNANCE",
        "if False",
        (STEPS + "test_what_waits_on_other_rules_is_revoked_at_once",),
    ),
)
