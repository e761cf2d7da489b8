"""What cards, Details and stories have in common: each part of a request as blocks, cut to what the surface holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from app.slack.parameters import pointer
from app.slack.pieces import Bullets, Header, Line, Prose, Run, Small, Verbatim, bold, date, labelled, line
from app.slack.text import chunks, excerpt, mrkdwn, one_line, short, visible
from app.slack.words import EXCLUDED, NAMED_BY_BOT, REVERSIBILITY, SAID, UNKNOWN, group, name, status_line, titled
from app.use_cases.card_facts import AwayFacts, CardFacts, DecisionFacts, ExclusionFacts, StageFacts

PIECE = 2_900
"""Characters of one piece of a long text; below Slack's limit of 3,000."""

_NO_LIMIT = 10**9
_VIA = {"slack": "in Slack", "api": "over the web API", "cli": "on the command line"}
_RISKY = frozenset({"high", "critical"})


@dataclass(frozen=True, slots=True)
class Caps:
    """How much of each part a surface shows, in characters, and how many of each list."""

    reason: int
    lines: int
    behalf: int
    remark: int
    policy: int
    listed: int
    names: int
    name: int


WHOLE = Caps(*[_NO_LIMIT] * 8)
"""Details: everything."""

ROOMY = Caps(reason=1_000, lines=25, behalf=300, remark=150, policy=400, listed=8, names=20, name=80)
TIGHT = Caps(reason=300, lines=10, behalf=100, remark=40, policy=120, listed=2, names=4, name=30)
"""For a card whose parameters, or people, leave little room."""


def runs(text: str, most: int, *, code: bool = False) -> tuple[Run, ...]:
    """One line of somebody's text, cut to ``most`` characters, as runs that Slack takes."""
    return tuple(Run(piece, code=code) for piece in chunks(excerpt(one_line(text), most), PIECE))


def bolds(text: str, caps: Caps) -> tuple[Run, ...]:
    """A name that stands out."""
    return tuple(bold(piece) for piece in chunks(name(text, caps.name), PIECE))


def header(facts: CardFacts) -> Header:
    """The title."""
    return Header(titled(facts))


def summary(facts: CardFacts, caps: Caps) -> Prose:
    """Where it stands, who asks for what, and how much it can hurt."""
    kind = "" if facts.kind == "action" else f" ({one_line(facts.kind).replace('_', ' ')})"
    undo = REVERSIBILITY.get(facts.reversibility, one_line(facts.reversibility))
    lines = [
        line(bold(status_line(facts))),
        *_why_stopped(facts, caps),
        *([line(UNKNOWN)] if facts.status == "unknown" else []),
        *askers(facts, caps),
        labelled("Action", *runs(facts.action, caps.name, code=True), kind),
        labelled("Risk", Run(one_line(facts.risk), bold=facts.risk in _RISKY), f", {undo}"),
        *(line(bold(warning)) for warning in facts.warnings),
    ]
    if facts.environment != "production":
        lines.append(labelled("Environment", *runs(facts.environment, caps.name)))
    return Prose((*lines, *_ran(facts)))


def _why_stopped(facts: CardFacts, caps: Caps) -> Iterator[Line]:
    if facts.ended_reason:
        yield labelled("Why it was stopped, in a person's words", *runs(facts.ended_reason, caps.policy))


def askers(facts: CardFacts, caps: Caps) -> Iterator[Line]:
    """The person who asks, if one does, and the bot that asks, or that it is about."""
    if facts.asker is not None:
        yield labelled("Asked by", name(facts.asker, caps.name))
    if facts.incident is not None:  # whose they are stands with what it undoes
        return
    about = "Bot" if facts.kind != "governance" else "About"
    known = () if facts.bot is None else (f" ({name(facts.bot, caps.name)})",)
    yield labelled(about, name(facts.bot_title, caps.name), *known)


def _ran(facts: CardFacts) -> Iterator[Line]:
    ran = facts.execution
    if ran is None:
        return
    attempts = "1 attempt" if ran.attempts == 1 else f"{ran.attempts:,} attempts"
    started = () if ran.started_at is None else (", started ", ran.started_at)
    finished = () if ran.finished_at is None else (", finished ", ran.finished_at)
    http = "" if ran.http_status is None else f", HTTP {ran.http_status}"
    yield labelled("Ran", attempts, *started, *finished, http)


def whose(facts: CardFacts) -> str:
    """Whose words the reason is; a rollback or a change of the rules is asked for by a person."""
    return "the bot's" if facts.kind == "action" else "the asker's"


def behalf(facts: CardFacts, caps: Caps) -> tuple[Prose, ...]:
    """For whom the bot says that it acts; of a rollback, that it acted. Changes, and what undoes many: nobody."""
    return () if facts.kind in ("governance", "incident_rollback") else (Prose(tuple(_spoken_for(facts, caps.behalf))),)


def _spoken_for(facts: CardFacts, most: int) -> Iterator[Line]:
    if facts.on_behalf_of is None:
        yield labelled("On behalf of", "nobody was named")
    else:
        yield labelled("On behalf of, in the bot's own words", *runs(facts.on_behalf_of, most, code=True))
    if facts.triggered_by not in (None, facts.on_behalf_of):
        yield labelled("Triggered by, in the bot's own words", *runs(str(facts.triggered_by), most, code=True))


def verbatim(label: str, shown: str, note: str = "") -> Iterator[Prose]:
    """A long text in framed pieces, each a block that says which part it is. ``shown``: as `visible` gave it."""
    pieces = list(chunks(shown, PIECE))
    for number, piece in enumerate(pieces, 1):
        part = "" if len(pieces) == 1 else f", part {number} of {len(pieces)}"
        within = number > 1 and not pieces[number - 2].endswith("\n")
        goes_on = " (goes on within a line)" if within else ""
        yield Prose((line(bold(f"{label}{part}"), f"{goes_on}{note}"), Verbatim(piece)))


def reason(facts: CardFacts, caps: Caps) -> tuple[Prose, ...]:
    """Why it is asked for, in the asker's own words."""
    if not facts.reason:
        return (Prose((labelled("Reason", "none was given"),)),)
    shown = excerpt(visible(facts.reason), caps.reason, lines=caps.lines)
    return tuple(verbatim(f"Reason, in {whose(facts)} own words", shown))


PARAMETERS = {
    "action": ("Parameters", "every text in them is the bot's"),
    "rollback": ("What will run", "worked out from what it undoes: every text in it is the bot's, or its target's"),
    "incident_rollback": ("What will run, in this order", "every text in it is the bots', or their targets'"),
    "governance": ("What would change", "every text in it is the asker's"),
}
"""By the request's kind: what the parameters are called, and whose words are in them."""


def asked(facts: CardFacts) -> tuple[str, str]:
    """What the parameters are called, and what is said beside that."""
    label, note = PARAMETERS.get(facts.kind, ("Parameters", "every text in them is the asker's"))
    return label, f" ({note})"


def without(facts: CardFacts) -> str:
    """What is said in place of parameters where there are none."""
    return "none" if facts.kind == "action" else f"{name(facts.action)}, without parameters"


def not_shown(facts: CardFacts, caps: Caps) -> tuple[Prose, ...]:
    """Which values are masked, by JSON pointer."""
    return masked_places("Not shown", facts.not_shown, caps)


def masked_places(label: str, pointers: Sequence[str], caps: Caps) -> tuple[Prose, ...]:
    """JSON pointers of values that are masked, and how many there are."""
    if not pointers:
        return ()
    places = [excerpt(pointer(path), caps.remark) for path in pointers[: caps.listed]]
    left = len(pointers) - len(places)
    more = f"\nand {left:,} more, all in Details" if left else ""
    return tuple(verbatim(f"{label}: {len(pointers):,}", "\n".join(places) + more))


def policy(facts: CardFacts, caps: Caps) -> Prose:
    """What the rules say, and which of them matched."""
    said = facts.verdict_reason or f"code {facts.verdict_code}"
    rules = [f"{name(rule, caps.name)} ({one_line(outcome)})" for rule, outcome in facts.rules.items()]
    matched = listing(rules, caps.listed, _NO_LIMIT) if rules else "none"
    return Prose((labelled("Why", *runs(said, caps.policy)), labelled("Rules that matched", matched)))


def plan(facts: CardFacts, caps: Caps) -> tuple[Prose, ...]:
    """The stages, with their votes so far."""
    if not facts.stages:
        return ()
    shown = _near(facts, caps)
    left = len(facts.stages) - len(shown)
    more = [line(f"and {left} more stages, in Details")] if left else []
    title = labelled("Plan", name(facts.plan or "without a name", caps.name))
    return (Prose((title, Bullets((*[_stage(stage, caps) for stage in shown], *more)))),)


def _near(facts: CardFacts, caps: Caps) -> tuple[StageFacts, ...]:
    """The stages from the open one on; all of them where there is room."""
    start = max(0, min(_open_index(facts.stages), len(facts.stages) - caps.listed))
    return facts.stages[start : start + caps.listed]


def _open_index(stages: Sequence[StageFacts]) -> int:
    return next((n for n, stage in enumerate(stages) if stage.status == "open"), 0)


def _stage(stage: StageFacts, caps: Caps) -> Line:
    by = (
        ""
        if stage.groups == (stage.name,)
        else f" (decided by {listing(list(map(group, stage.groups)), caps.listed, caps.name)})"
    )
    level = "" if stage.level == "click" else f", sign-in level {one_line(stage.level)}"
    asks = ", with a reason" if stage.reason_required else ""
    closes: tuple[str | datetime, ...] = (
        () if stage.closes_at is None or stage.status != "open" else (", closes ", stage.closes_at)
    )
    reminds: tuple[str | datetime, ...] = () if stage.remind_at is None else (", next reminder ", stage.remind_at)
    votes = f": {one_line(stage.status)}, {stage.approvals:,} of {stage.quorum:,} approvals"
    return line(*bolds(stage.name, caps), f"{by}{votes}{level}{asks}", *closes, *reminds)


def decisions(facts: CardFacts, caps: Caps) -> tuple[Prose, ...]:
    """Who said what, and when: the latest ones, and how many came before."""
    if not facts.decisions:
        return (Prose((labelled("Decisions", "none so far"),)),) if facts.status == "held" else ()
    shown = facts.decisions[-caps.listed :]
    left = len(facts.decisions) - len(shown)
    earlier = [line(f"{left:,} earlier ones are in Details")] if left else []
    said = [decision(one, caps) for one in shown]
    return (Prose((line(bold(f"Decisions: {len(facts.decisions):,}")), Bullets((*earlier, *said)))),)


def decision(said: DecisionFacts, caps: Caps) -> Line:
    """One decision, in one line."""
    stage = "" if said.stage is None else f" stage {name(said.stage, caps.name)}"
    what = SAID.get(said.say, one_line(said.say))
    over = "" if said.standing else " (this no longer counts)"
    reasons: tuple[str | Run, ...] = () if not said.reason else (". Reason: ", *runs(said.reason, caps.remark))
    via = _VIA.get(said.via, f"by {one_line(said.via)}")
    return line(*bolds(said.person, caps), f" {what}{stage} {via}, ", said.at, over, *reasons)


def people(facts: CardFacts, caps: Caps) -> tuple[Prose, ...]:
    """Who may decide now, who may not and why, and how many tried in vain."""
    lines: list[Line | Bullets] = []
    if facts.open_stage is not None:
        lines.append(labelled("May decide", *(_each(facts.may_decide, caps) or ["nobody now"])))
        lines += _away(facts.away, caps)
        lines += _left_out(facts.excluded, caps)
    if facts.refusals:
        tried = "1 attempt to decide was" if facts.refusals == 1 else f"{facts.refusals:,} attempts to decide were"
        lines.append(labelled("Refused", f"{tried} refused"))
    return (Prose(tuple(lines)),) if lines else ()


def _each(names: Sequence[str], caps: Caps) -> list[str]:
    """As `listing`, in pieces that a long list may be parted between."""
    shown = [name(one, caps.name) for one in names[: caps.names]]
    left = len(names) - len(shown)
    more = [f" and {left:,} more, all in Details"] if left else []
    return [*(f"{one}, " for one in shown[:-1]), *shown[-1:], *more]


def _away(absent: Sequence[AwayFacts], caps: Caps) -> Iterator[Line]:
    for one in absent[: caps.listed]:
        away, by = name(one.person, caps.name), one.delegate
        decides = () if by is None else ("; ", name(by, caps.name), f" decides for {away}")
        yield line(*bolds(one.person, caps), " is away until ", one.until, *decides)
    left = len(absent) - caps.listed
    if left > 0:
        yield line(f"and {left:,} more who are away, in Details")


def _left_out(excluded: Sequence[ExclusionFacts], caps: Caps) -> Iterator[Line | Bullets]:
    if not excluded:
        return
    named = sum(1 for one in excluded if NAMED_BY_BOT & set(one.invariants))
    note = f"; {named:,} because of whom the bot named: a bot must not choose its approvers by naming them"
    yield labelled("May not decide", f"{len(excluded):,}{note if named else ''}")
    shown = excluded[: caps.listed]
    left = len(excluded) - len(shown)
    more = [line(f"and {left:,} more, in Details")] if left else []
    yield Bullets((*[line(*bolds(one.person, caps), f": {_because(one, caps)}") for one in shown], *more))


def _because(one: ExclusionFacts, caps: Caps) -> str:
    said = [f"{EXCLUDED[why]} ({why})" if why in EXCLUDED else name(why, caps.name) for why in one.invariants]
    return "; ".join(said) or "excluded"


def clock(facts: CardFacts) -> Small:
    """When it closes or ended, and the short digest, in small print."""
    return Small(f"{' · '.join(_times(facts))} · Digest `{mrkdwn(short(facts.digest))}`")


def _times(facts: CardFacts) -> Iterator[str]:
    stage = facts.open_stage
    if stage is not None and stage.closes_at is not None and stage.closes_at < facts.expires_at:
        yield f"This stage closes {date(stage.closes_at)}"
    match facts.status:
        case "held":
            yield f"{'The request closes' if stage and stage.closes_at else 'Closes'} {date(facts.expires_at)}"
        case "approved":
            yield f"Starts by {date(facts.expires_at)}, or never"
        case "executing":
            yield f"Executing since {date(_started(facts))}"
        case "unknown":
            yield f"Unknown since {date(_ended(facts))}"
        case _:
            yield f"Ended {date(_ended(facts))}"


def _started(facts: CardFacts) -> datetime:
    return (facts.execution and facts.execution.started_at) or facts.updated_at


def _ended(facts: CardFacts) -> datetime:
    return (facts.execution and facts.execution.finished_at) or facts.updated_at


def notes(sentences: Iterable[str]) -> tuple[Prose, ...]:
    """Sentences of ours, a line each."""
    lines = tuple(line(one_line(sentence)) for sentence in sentences)
    return (Prose(lines),) if lines else ()


def listing(names: Sequence[str], most: int, each: int) -> str:
    """Names with commas, at most ``most`` of them, of at most ``each`` characters, and how many are left out."""
    shown = [name(one, each) for one in names[:most]]
    left = len(names) - len(shown)
    return ", ".join(shown) + (f" and {left:,} more, all in Details" if left else "")
