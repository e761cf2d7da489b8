"""What the demo stands on; the demo itself is run by .ci/run."""

from __future__ import annotations

import re

import pytest

from app.demo.expect import Narrator, Unexpected, expect
from app.demo.sample import ACTIONS, AMARA, BOT, LOOKS, MIA, asks
from app.demo.shop import shop
from app.demo.stack import EXAMPLE
from app.governance.files import load
from tests.fakes.retail.direct import apply
from tests.fakes.retail.load import engine
from tests.fakes.retail.samples import Databases
from tests.fakes.retail.tools import TOOLS

pytest_plugins = ["tests.fakes.retail.fixtures"]


def test_a_step_that_goes_otherwise_says_what_was_expected() -> None:
    expect("the sum", 4, 4)
    with pytest.raises(Unexpected, match=re.escape("the sum: expected 5, got 4")):
        expect("the sum", 4, 5)


def test_steps_are_numbered(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = Narrator()
    narrator.tell("held", "one")
    narrator.detail("more")
    narrator.tell("approved", "two")
    assert capsys.readouterr().out == "[ 1] held      one\n     more\n[ 2] approved  two\n"


def test_the_bot_asks_for_what_its_tools_are() -> None:
    assert {tool: TOOLS[tool].action for tool in ACTIONS} == ACTIONS
    assert {"0_1", "0_2", "1_4", "2_2", "4_2"} <= set(asks(EXAMPLE / "sample"))
    assert {MIA.action, AMARA.action, LOOKS.action} <= set(ACTIONS.values())
    assert BOT in {bot["id"] for bot in load(EXAMPLE).document["bots"]}


async def test_what_a_write_touches_is_among_the_rows(retail_databases: Databases, retail_sample: str) -> None:
    """Of an order that gets money back on a gift card: the booking is the order's, the card the customer's."""
    order, booking = "#W1000006", {"payment_method_id": "gift_card_2400002", "amount_minor": 1, "currency": "USD"}
    async with retail_databases.copy(retail_sample) as url, shop("", plain(url)) as counter:
        database = engine(url)
        before = await counter.rows(order)
        async with database.begin() as conn:
            assert (await apply(conn, "refund", {"order_id": order, **booking}))[0] == 200
        after = await counter.rows(order)
        await database.dispose()
    assert (len({*after} - {*before}), len({*before} - {*after})) == (2, 1)


def plain(url: str) -> str:
    """A database's URL as asyncpg takes it."""
    return url.replace("+asyncpg", "")
