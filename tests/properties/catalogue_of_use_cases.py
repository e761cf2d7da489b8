"""The guards of approved use cases, each with how it is taken out and which tests must then fail."""

from __future__ import annotations

from tests.properties.mutants import Mutant

PURE = "app.governance.use_case"
USING = "app.steps.use_cases"
APPROVING = "app.steps.approving"
GUARDS = "properties/test_guards_of_use_cases.py::"
WHOLE = (GUARDS + "test_what_stops_the_whole_bot",)

USE_CASES = (
    Mutant(
        "use case: looked at where a bot asks",
        "app.steps.asking:_before_rules",
        "use_cases.refusal(asked, given.action, given.approved, given.now)",
        "None",
        (GUARDS + "test_a_new_bot", *WHOLE, GUARDS + "test_an_entitlement_more_stops_only_itself"),
    ),
    Mutant(
        "use case: looked at before the start",
        "app.steps.start:_ground_gone",
        "await use_cases.gone(found) or ",
        "",
        (GUARDS + "test_what_was_approved_before_does_not_start", GUARDS + "test_nor_after_the_day_of_its_review"),
    ),
    Mutant(
        "use case: none is not approved",
        f"{PURE}:stopped",
        'return f"The use case of {bot.id} is not approved. {ASK}"',
        "return None",
        (GUARDS + "test_a_new_bot", GUARDS + "test_a_bot_that_says_no_use_case_has_none"),
    ),
    Mutant(
        "use case: the day of its review",
        f"{PURE}:Approved.overdue",
        "now.date() > self.review_by",
        "False",
        (GUARDS + "test_after_the_day_of_its_review", GUARDS + "test_nor_after_the_day_of_its_review"),
    ),
    Mutant(
        "use case: its purpose",
        f"{PURE}:stopped",
        "if bot.purpose != said.purpose:",
        "if False:",
        WHOLE,
    ),
    Mutant(
        "use case: its data",
        f"{PURE}:stopped",
        "sorted(set(bot.data) - set(said.data))",
        "[]",
        WHOLE,
    ),
    Mutant(
        "use case: its model",
        f"{PURE}:stopped",
        "said.model is not None and bot.model != said.model",
        "False",
        WHOLE,
    ),
    Mutant(
        "use case: what it is entitled to",
        f"{PURE}:beyond",
        "not any(covers(pattern, action.name) for pattern in said.entitlements)",
        "False",
        (GUARDS + "test_an_entitlement_more_stops_only_itself", GUARDS + "test_the_newest_approval_stands"),
    ),
    Mutant(
        "use case: data of an action",
        f"{PURE}:beyond",
        "sorted(set(action.data) - set(said.data))",
        "[]",
        (GUARDS + "test_data_of_an_action_stops_only_that",),
    ),
    Mutant(
        "use case: autonomy where a bot asks",
        "app.steps.asking:_of_rules",
        "supervised(policy, facts, policy.verdict(facts), given.approved)",
        "policy.verdict(facts)",
        (
            GUARDS + "test_more_autonomy_waits_for_people",
            GUARDS + "test_what_only_reads_now_waits_for_people",
            GUARDS + "test_a_read_that_nobody_can_be_asked_about",
        ),
    ),
    Mutant(
        "use case: autonomy before the start",
        "app.steps.start:_verdict_now",
        "await use_cases.supervised_now(found, facts, found.policy.verdict(facts))",
        "found.policy.verdict(facts)",
        (GUARDS + "test_what_a_rule_allowed_waits_when_that_is_another",),
    ),
    Mutant(
        "use case: a read is one still",
        f"{PURE}:_unheld",
        "_reads(action) and ",
        "",
        (GUARDS + "test_what_once_only_read_is_not_run_by_that",),
    ),
    Mutant(
        "use case: the newest stands",
        "app.db.use_cases:newest",
        "Stored.approved_at.desc(), Stored.id.desc()",
        "Stored.approved_at",
        (GUARDS + "test_the_newest_approval_stands", GUARDS + "test_more_autonomy_waits_for_people"),
    ),
    Mutant(
        "use case: of this bot",
        "app.db.use_cases:newest",
        ".where(Stored.bot == bot)",
        "",
        (GUARDS + "test_of_one_bot_says_nothing_of_another",),
    ),
    Mutant(
        "use case: production installs none twice",
        "app.use_cases.governance:install",
        'made.active is None or ctx.environment == "development"',
        "True",
        (GUARDS + "test_the_same_again_approves_nothing_in_production",),
    ),
    Mutant(
        "use case: a bot that says none",
        f"{USING}:installed",
        "bot.purpose is None or ",
        "",
        (GUARDS + "test_a_bot_that_says_no_use_case_has_none",),
    ),
    Mutant(
        "use case: two who sign",
        "app.governance.built_in:plan_of",
        "if action == APPROVE:",
        "if False:",
        (GUARDS + "test_two_persons_sign_in_turn",),
    ),
    Mutant(
        "use case: the deployer does not sign",
        "app.steps.facts:owners_of_change",
        'owners(policy, bot_id, None) - policy.seat(bot_id, None, "business")',
        "frozenset()",
        (GUARDS + "test_who_deployed_it_does_not_sign",),
    ),
    Mutant(
        "use case: its owner signs",
        "app.steps.facts:owners_of_change",
        ' - policy.seat(bot_id, None, "business")',
        "",
        (GUARDS + "test_two_persons_sign_in_turn", GUARDS + "test_a_new_bot"),
    ),
    Mutant(
        "use case: who asks for it",
        f"{APPROVING}:fault",
        "if not may_ask(policy, wish.asker, bot.id):",
        "if False:",
        (GUARDS + "test_who_may_not_ask",),
    ),
    Mutant(
        "use case: one that can be signed",
        f"{APPROVING}:fault",
        'policy.seat(bot.id, None, "business") <= {wish.asker}',
        "False",
        (GUARDS + "test_who_alone_would_sign_first_does_not_ask",),
    ),
    Mutant(
        "use case: there is one",
        f"{APPROVING}:fault",
        "if bot.purpose is None:",
        "if False:",
        (GUARDS + "test_of_a_bot_that_says_none",),
    ),
    Mutant(
        "use case: a day to come",
        f"{APPROVING}:_of_day",
        "if day <= wish.now.date():",
        "if False:",
        (GUARDS + "test_what_is_not_to_be_had", GUARDS + "test_its_day_is_over_before_it_is_signed"),
    ),
    Mutant(
        "use case: reviewed within a year",
        f"{APPROVING}:_of_day",
        "if day > wish.asked_at.date() + LONGEST:",
        "if False:",
        (GUARDS + "test_what_is_not_to_be_had",),
    ),
    Mutant(
        "use case: who asked still may",
        f"{APPROVING}:_ground_gone",
        'found.crowd.active.get(row.asker_id, False) and may_ask(found.policy, row.asker_id, said["bot"])',
        "True",
        (GUARDS + "test_who_asked_leaves_before_it_is_signed",),
    ),
    Mutant(
        "use case: what was signed is in force",
        f"{APPROVING}:_ground_gone",
        'bot is None or statement(found.policy, bot).as_json() != (row.ground or {}).get("statement")',
        "bot is None",
        (GUARDS + "test_what_changes_before_it_is_signed",),
    ),
    Mutant(
        "use case: signed for this bot",
        f"{APPROVING}:_ground",
        'asked.policy.bots[asked.ask.parameters["bot"]]',
        'asked.policy.bots["bot"]',
        (GUARDS + "test_who_signs_sees_what_it_comes_to",),
    ),
)
