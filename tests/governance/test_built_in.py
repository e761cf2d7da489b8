"""Interlock's own actions: who signs a resumption, and that rules of the files tighten it and never loosen it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.domain.errors import OffSchema
from app.domain.plan import PlanRule, StageRule, Tally, begin
from app.domain.progress import progress
from app.domain.request import Level, Mode, Reversibility, Risk
from app.domain.states import Status
from app.domain.verdict import AskFacts, Outcome, Verdict
from app.governance.built_in import BUILT_IN, GROUP, PERMIT, PREFIX, PUBLISH, RESUME_BOT, RESUME_INSTALLATION, plan_of
from app.governance.check import check
from app.governance.files import load
from app.governance.policy import compile_policy
from tests.governance.small import OWNERS, pay, policy, read, write

BOTS = ("bot", None)
SECOND_BOT = (
    "actions:\n",
    f"""  - id: second
    entitlements: ["*"]
    deployed_by: olivia
    owners: {OWNERS.replace("security: sam", "security: dana")}
actions:
""",
)


def resumption(bot: str | None = "bot", **facts: Any) -> AskFacts:
    """A person asks to let a bot (None: the installation) go on."""
    action, parameters = (RESUME_INSTALLATION, {}) if bot is None else (RESUME_BOT, {"bot": bot})
    given_: dict[str, Any] = {"action": action, "parameters": parameters, "bot": bot or "", "on_behalf_of": None}
    return pay(**{**given_, "windows": {}, **facts})


def ruled(folder: Path, *rules: str, plan: str = "", bot: str | None = "bot") -> Verdict:
    """What holds for a resumption under the small governance with these rules more."""
    more = "".join(f"  - {{name: r{number}, {rule}}}\n" for number, rule in enumerate(rules))
    edits = [("plans:\n", f"{more}plans:\n{plan}")]
    return policy(folder, *edits).change_verdict(resumption(bot), bot)


def stages(verdict: Verdict) -> list[str]:
    """Which groups must sign."""
    assert verdict.plan is not None
    return [stage.group for stage in verdict.plan.stages]


def named(name: str = RESUME_BOT) -> str:
    """The condition that this is the action."""
    return f"when: 'action.name == \"{name}\"'"


def own_plan(bot: str | None) -> PlanRule:
    """The built-in plan of a resumption."""
    return plan_of(RESUME_INSTALLATION if bot is None else RESUME_BOT, bot)


def test_another_administrator_signs_a_publication(tmp_path: Path) -> None:
    """As they are called, whichever groups they are in."""
    rules = policy(tmp_path, SECOND_BOT)
    facts = replace(resumption(None), action=PUBLISH, parameters={"files": {"a.yaml": ""}})
    verdict = rules.change_verdict(facts, None)
    stage = StageRule(name="publish", group="interlock:administrators", quorum=1, level=Level.LOGIN)
    assert verdict.plan == PlanRule("interlock.publish", (stage,), timedelta(hours=24))
    assert rules.members("interlock:administrators") == rules.groups_that_may("administer") != frozenset()
    assert rules.members("interlock:administrator") == frozenset()


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"files": {}},
        {"files": {"../a.yaml": ""}},
        {"files": {"a/b.yaml": ""}},
        {"files": {".a.yaml": ""}},
        {"files": {"a.txt": ""}},
        {"files": {"a.yaml": 1}},
        {"files": {f"{n}.yaml": "" for n in range(101)}},
        {"files": {"a.yaml": ""}, "base": "latest"},
        {"files": {"a.yaml": ""}, "more": 1},
    ],
)
def test_what_a_publication_takes(tmp_path: Path, parameters: dict[str, Any]) -> None:
    rules = policy(tmp_path)
    rules.check_parameters(rules.action(PUBLISH), {"files": {"a.yaml": "", "b.yml": ""}, "base": f"sha256:{'0' * 64}"})
    with pytest.raises(OffSchema):
        rules.check_parameters(rules.action(PUBLISH), parameters)


PERMISSION: dict[str, Any] = {
    "bot": "bot",
    "action": "orders.pay",
    "when": "true",
    "max_uses": 10,
    "expires_at": "2026-01-19T08:00:00Z",
}


def permission(folder: Path, *edits: tuple[str, str]) -> Verdict:
    """What holds for a standing permission under the small governance, changed like this."""
    facts = replace(resumption(), action=PERMIT, parameters=PERMISSION)
    return policy(folder, *edits).change_verdict(facts, "bot")


def test_two_sign_a_standing_permission_in_turn(tmp_path: Path) -> None:
    """Of the exceptions seat, then of security or administration; no one signs both."""
    verdict = permission(tmp_path)
    assert verdict.plan is not None
    assert [(one.group, one.quorum, one.level) for one in verdict.plan.stages] == [
        ("interlock:exceptions:bot", 1, Level.LOGIN),
        ("interlock:security:bot", 1, Level.LOGIN),
    ]
    assert (verdict.plan.expires, verdict.plan.allow_repeat) == (timedelta(hours=72), False)
    rules = policy(tmp_path, SECOND_BOT)
    assert rules.members("interlock:exceptions:bot") == rules.seat("bot", None, "exceptions") != frozenset()
    assert rules.members("interlock:security:bot") == rules.members("interlock:resume:bot")
    assert rules.members("interlock:security:bot") != rules.members("interlock:security:second")
    assert rules.members("interlock:exceptions:nobody") == rules.members("interlock:exceptions") == frozenset()


def test_rules_tighten_a_standing_permission_and_never_loosen_it(tmp_path: Path) -> None:
    easy = f"""  - {{name: easy, when: 'action.name == "{PERMIT}"', allow: true}}\nplans:\n"""
    assert permission(tmp_path, ("plans:\n", easy)).plan == plan_of(PERMIT, "bot")
    never = f"""  - {{name: never, when: 'action.name == "{PERMIT}"', deny: "No exceptions here"}}\nplans:\n"""
    assert permission(tmp_path, ("plans:\n", never)).outcome is Outcome.DENY


@pytest.mark.parametrize(
    "changed",
    [
        *({"max_uses": uses} for uses in (0, 10_001, 1.5, "1", True)),
        *({"max_total": total} for total in ({}, {"parameter": "amount"}, {"parameter": "amount", "at_most": -1}, 5)),
        *({"expires_at": at} for at in ("tomorrow", "2026-01-19", "2026-01-19T08:00:00", 0)),
        *({"when": when} for when in ("", "x" * 2049, True)),
        {"more": 1},
    ],
)
def test_what_a_standing_permission_takes(tmp_path: Path, changed: dict[str, Any]) -> None:
    rules = policy(tmp_path)
    most = {"max_total": {"parameter": "amount", "at_most": 2**53 - 1}}
    rules.check_parameters(rules.action(PERMIT), PERMISSION)
    rules.check_parameters(rules.action(PERMIT), PERMISSION | most)
    with pytest.raises(OffSchema):
        rules.check_parameters(rules.action(PERMIT), PERMISSION | changed)
    for name in PERMISSION:
        with pytest.raises(OffSchema):
            rules.check_parameters(rules.action(PERMIT), {key: PERMISSION[key] for key in PERMISSION if key != name})


@pytest.mark.parametrize(("bot", "group"), [("bot", "interlock:resume:bot"), (None, "interlock:resume")])
def test_one_signature_at_a_login_within_a_day(tmp_path: Path, bot: str | None, group: str) -> None:
    verdict = ruled(tmp_path, bot=bot)
    assert (verdict.outcome, verdict.code) == (Outcome.HOLD, "default-plan")
    stage = StageRule(name="resume", group=group, quorum=1, level=Level.LOGIN)
    assert verdict.plan == PlanRule("interlock.resume", (stage,), timedelta(hours=24))


def test_they_are_found_and_listed_nowhere(tmp_path: Path) -> None:
    """What is asked of the catalogue does not have them: no bot, target or rollback comes upon one."""
    rules = policy(tmp_path)
    for name in (RESUME_BOT, RESUME_INSTALLATION):
        action = rules.find(name)
        assert action is not None
        assert (action.mode, action.risk, action.rollback) == (Mode.INTERNAL, Risk.HIGH, None)
        assert action is rules.action(name)
        assert action.reversibility is Reversibility.REVERSIBLE
        assert name not in rules.actions
    assert rules.find("interlock.anything.else") is None
    found = rules.find("orders.pay")
    assert found is rules.action("orders.pay")


def test_each_is_a_definition_of_its_own() -> None:
    assert len({one.action.version for one in BUILT_IN.values()}) == len(BUILT_IN) == 11


@pytest.mark.parametrize("parameters", [{}, {"bot": ""}, {"bot": 1}, {"bot": "x" * 101}, {"bot": "b", "more": 1}])
def test_what_they_take(tmp_path: Path, parameters: dict[str, Any]) -> None:
    rules = policy(tmp_path)
    rules.check_parameters(rules.action(RESUME_BOT), {"bot": "bot"})
    rules.check_parameters(rules.action(RESUME_INSTALLATION), {})
    with pytest.raises(OffSchema):
        rules.check_parameters(rules.action(RESUME_BOT), parameters)
    with pytest.raises(OffSchema):
        rules.check_parameters(rules.action(RESUME_INSTALLATION), parameters or {"bot": "bot"})


def test_no_bot_may_ask_for_one(tmp_path: Path) -> None:
    """Not even with an entitlement to everything."""
    rules = policy(tmp_path, ('entitlements: ["orders.*"]', 'entitlements: ["*"]'))
    assert rules.entitled("bot", "undo.pay")
    assert not any(rules.entitled("bot", name) for name in BUILT_IN)


@pytest.mark.parametrize("pattern", ["interlock.*", RESUME_BOT])
def test_an_entitlement_that_names_one_matches_nothing(tmp_path: Path, pattern: str) -> None:
    found = findings(tmp_path, ('entitlements: ["orders.*"]', f'entitlements: ["orders.*", "{pattern}"]'))
    assert found == [f"{pattern} matches no action"]


def findings(folder: Path, *edits: tuple[str, str]) -> list[str]:
    """What `policy check` says of the small governance with these edits."""
    return [finding.what for finding in check(write(folder, *edits))]


def test_the_groups_that_sign(tmp_path: Path) -> None:
    """Administrators, and the security seat: the bot's own, or any bot's for the installation."""
    rules = policy(tmp_path, SECOND_BOT)
    assert rules.security("bot") == {"sam"}
    assert rules.security("second") == {"dana"}
    assert rules.security(None) == {"sam", "dana"}
    assert rules.security("nobody") == frozenset()
    assert rules.members(f"{GROUP}:bot") == {"sam", "tom"}
    assert rules.members(f"{GROUP}:second") == {"sam", "tom", "dana"}
    assert rules.members(GROUP) == {"sam", "tom", "dana"}
    assert rules.members(f"{GROUP}:nobody") == {"sam", "tom"}
    for strange in (f"{GROUP}s", f"{GROUP}d:bot", "interlock", "interlock:", "interlock:bot", f"x{GROUP}", ""):
        assert rules.members(strange) == frozenset(), strange


@pytest.mark.parametrize("bot", BOTS)
def test_an_allow_frees_nothing(tmp_path: Path, bot: str | None) -> None:
    name = RESUME_INSTALLATION if bot is None else RESUME_BOT
    verdict = ruled(tmp_path, f"{named(name)}, allow: true", bot=bot)
    assert (verdict.outcome, stages(verdict)) == (Outcome.HOLD, [own_plan(bot).stages[0].group])


@pytest.mark.parametrize("bot", BOTS)
def test_a_hold_adds_its_stages_and_takes_none_away(tmp_path: Path, bot: str | None) -> None:
    name = RESUME_INSTALLATION if bot is None else RESUME_BOT
    verdict = ruled(tmp_path, f"{named(name)}, hold: both", bot=bot)
    assert sorted(stages(verdict)) == sorted(["leads", "finance", own_plan(bot).stages[0].group])
    assert verdict.plan is not None
    assert (verdict.plan.expires, verdict.plan.allow_repeat) == (timedelta(hours=2), False)


def test_a_plan_of_the_same_name_replaces_nothing(tmp_path: Path) -> None:
    plan = "  interlock.resume: {stages: [{group: leads}], expires: 4h}\n"
    verdict = ruled(tmp_path, f"{named()}, hold: interlock.resume", plan=plan)
    assert own_plan("bot").stages[0].group in stages(verdict)


def test_the_fallback_of_a_hold_signs_nothing_in_place_of_who_must(tmp_path: Path) -> None:
    """Where nobody is left who may sign the built-in stage it expires; rules cannot let others in there."""
    verdict = ruled(tmp_path, f"{named()}, hold: lead")
    assert verdict.plan is not None
    held = begin(verdict.plan, resumption().now)
    while held.open_stage is not None and held.stages[held.open_stage].group != own_plan("bot").stages[0].group:
        held = held.advance(resumption().now)

    def nobody(*_: object) -> Tally:
        return Tally(frozenset(), frozenset(), frozenset())

    after = progress(held, nobody, resumption().now, resumption().now)
    assert (after.status, after.why, after.events) == (Status.EXPIRED, "quorum-out-of-reach", ())


def test_a_denial_denies_and_one_that_errs_does(tmp_path: Path) -> None:
    verdict = ruled(tmp_path, f"{named()}, deny: Not in December")
    assert (verdict.outcome, verdict.reason) == (Outcome.DENY, "Not in December")
    assert ruled(tmp_path, f"{named(RESUME_INSTALLATION)}, deny: Never").outcome is Outcome.HOLD
    erring = ruled(tmp_path, "when: 'action.name.startsWith(\"interlock.bots.\") && parameters.amount > 1', deny: No")
    assert (erring.outcome, erring.code) == (Outcome.DENY, "rule-error")


def test_rules_that_do_not_name_them_do_not_see_them(tmp_path: Path) -> None:
    """They were written for the bots' actions: one that reads a parameter would deny every resumption for ever."""
    for rule in ("when: 'parameters.amount > 1', deny: No", "when: 'true', hold: both", "when: 'true', deny: No"):
        verdict = ruled(tmp_path, rule)
        assert (verdict.code, stages(verdict), verdict.rules) == ("default-plan", [own_plan("bot").stages[0].group], ())


def test_rules_that_name_them_see_the_bots_actions_as_well(tmp_path: Path) -> None:
    rules = policy(tmp_path, ("plans:\n", f"  - {{name: r, {named()}, deny: No}}\nplans:\n"))
    assert rules.verdict(pay(5)).outcome is Outcome.ALLOW
    assert rules.verdict(read()).outcome is Outcome.ALLOW


def test_what_rules_see_of_one(tmp_path: Path) -> None:
    """The bot that it is about, and the class of the change."""
    for fact in (
        'bot.id == "bot"',
        'parameters.bot == "bot"',
        'action.risk == "high"',
        "on_behalf_of == null",
        'now.getHours("UTC") == 12',
        'bot.model.name == "chat"',
    ):
        when = f'action.name.startsWith("interlock.bots.") && {fact}'
        assert ruled(tmp_path, f"when: '{when}', deny: Seen").reason == "Seen"


NAMED = [f'action.name == "{RESUME_BOT}"', f'action.name.startsWith("{PREFIX}")', f'action.name != "{PREFIX}x"']
UNNAMED = ["true", "false", "parameters.nope > 1"]
WORDS = [{"allow": True}, {"hold": "lead"}, {"hold": "both"}, {"deny": "No"}]
RULE = st.tuples(st.sampled_from([*NAMED, *UNNAMED]), st.sampled_from(WORDS))


@pytest.fixture(name="document", scope="module")
def _document(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return load(write(tmp_path_factory.mktemp("small"))).document


@given(rules=st.lists(RULE, max_size=5), bot=st.sampled_from(BOTS))
def test_whatever_the_rules_say_its_own_stage_is_signed(
    document: dict[str, Any], rules: list[tuple[str, dict[str, Any]]], bot: str | None
) -> None:
    """Never allowed; denied only by a rule that names them; else held by its own stage and what the rules add."""
    listed = [{"name": f"r{n:02}", "when": when, **says} for n, (when, says) in enumerate(rules)]
    verdict = compile_policy({**document, "rules": listed}, "v").change_verdict(resumption(bot), bot)
    speaking = [says for when, says in rules if when in NAMED and not (bot is None and when == NAMED[0])]
    assert verdict.outcome is (Outcome.DENY if any("deny" in says for says in speaking) else Outcome.HOLD)
    if verdict.plan is None:
        return
    own = own_plan(bot).stages[0]
    kept = [stage for stage in verdict.plan.stages if stage.group == own.group]
    assert [(stage.quorum, stage.level, stage.escalate_to) for stage in kept] == [(1, Level.LOGIN, ())]
    wanted = {"lead": {"leads"}, "both": {"leads", "finance"}}
    added = set().union(*(wanted[says["hold"]] for says in speaking if "hold" in says))
    assert set(stages(verdict)) == {own.group} | added
    assert verdict.plan.expires <= timedelta(hours=24)
    assert not verdict.plan.allow_repeat


def test_the_files_define_no_action_of_that_name(tmp_path: Path) -> None:
    for name in ("interlock.bots.resume", "interlock", "interlock.mine"):
        edit = ("  - name: undo.pay\n", f"  - name: {name}\n")
        assert any("Interlock's own" in finding for finding in findings(tmp_path, edit))


def test_the_files_name_no_group_of_that_name(tmp_path: Path) -> None:
    for edit in (
        ("{name: finance, members", f"{{name: '{GROUP}', members"),
        ("fallback: finance", f"fallback: '{GROUP}'"),
        ('incident: "group:responders"', f'incident: "group:{GROUP}"'),
    ):
        assert findings(tmp_path, edit)
