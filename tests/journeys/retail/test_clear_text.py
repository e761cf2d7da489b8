"""The grep that the journeys rely on finds what is there, in every form, and nothing else."""

from __future__ import annotations

import base64
import json
import secrets
import uuid
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

import pytest
from temporalio.client import Client
from tenacity import AsyncRetrying, stop_after_delay, wait_fixed

from app.db import ledger
from app.db.session import Database
from app.devstack import TemporalServer
from tests.clear_text import histories, in_clear, ledger_and_outbox, needles

STREET = 'Große Straße 7, "Hof" + Tür'
PLAIN = "Rotebühlplatz 41/31"
LONG = "The customer says that the parcel never came, and wants the money back on another card than the one that paid."


def spellings(text: str) -> dict[str, bytes]:
    """What a careless program makes of a value."""
    return {
        "as it is": text.encode(),
        "JSON": json.dumps({"a": text}).encode(),
        "JSON, not ASCII": json.dumps({"a": text}, ensure_ascii=False).encode(),
        "JSON in JSON": json.dumps({"a": json.dumps([text])}).encode(),
        "URL": quote(f"/v1/{text}", safe="").encode(),
        "form": quote_plus(f"a={text}&b=1").encode(),
        "hexadecimal": b"\\x" + f"row {text} row".encode().hex().encode(),
        "HEXADECIMAL": f"row {text} row".encode().hex().upper().encode(),
        "base64 after nothing": base64.b64encode(f"{text}xyz".encode()),
        "base64 after one": base64.b64encode(f"1{text}xyz".encode()),
        "base64url after two": base64.urlsafe_b64encode(f"12{text}xyz".encode()),
        "base64 of JSON": base64.b64encode(json.dumps({"parameters": {"a": text}}, ensure_ascii=False).encode()),
        "between bytes": secrets.token_bytes(50) + text.encode() + secrets.token_bytes(50),
    }


@pytest.mark.parametrize("form", sorted(spellings("")))
@pytest.mark.parametrize(
    "text", [STREET, PLAIN, "credit_card_9513926", "#W2378156"], ids=["street", "umlaut", "card", "order"]
)
def test_a_value_is_found_in_every_form(text: str, form: str) -> None:
    wanted = needles([{"deep": [{"er": text}]}], vocabulary=["something else"])
    hits = in_clear(wanted, {"clean": secrets.token_hex(500).encode(), "dirty": spellings(text)[form]})
    assert {(hit.value, hit.where) for hit in hits} == {(text, "dirty")}


def test_a_text_that_was_cut_is_found_by_its_pieces() -> None:
    assert in_clear(needles([LONG], vocabulary=[]), {"log": f"ERROR {LONG[20:80]}...".encode()})


@pytest.mark.parametrize(
    ("value", "found", "missed"),
    [
        ("Noah", ['{"name": "Noah"}', "by Noah.", "Noah", "(Noah,1)"], ["Noahs", "aGNoahQ==", "sha-Noah-x"]),
        ("19122", ['"zip":"19122"', r"\"19122\"", "('19122',)"], ["127.0.0.1:19122", "pid 19122", "[19122]", "a19122"]),
        ("1656367028", ["product 1656367028.", '["1656367028"]'], ["f1656367028a", "16563670281", "id-1656367028"]),
    ],
)
def test_what_is_short_or_all_digits_must_stand_alone(value: str, found: list[str], missed: list[str]) -> None:
    hays = {text: text.encode() for text in [*found, *missed]}
    assert {hit.where for hit in in_clear(needles([value], vocabulary=[]), hays)} == set(found)


def test_what_the_rules_say_and_what_says_nothing_is_no_needle() -> None:
    values = [{"reason": "no longer needed", "state": "NY", "quantity": 12, "really": True, "none": None}]
    assert needles(values, vocabulary=["reason: {enum: [no longer needed, ordered by mistake]}"]) == []


def test_a_signed_token_is_found_whosesoever_it_is() -> None:
    token = ".".join(
        base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (b'{"alg":"Ed25519"}', b"x" * 20, b"y" * 64)
    )
    hits = in_clear([], {"log": f"Authorization: Bearer {token} sent".encode(), "name": b"eyJhbGciOi.short"})
    assert [(hit.form, hit.where) for hit in hits] == [("signed token", "log")]


def test_chance_finds_nothing_in_a_megabyte_of_ciphertext() -> None:
    noise = secrets.token_bytes(500_000)
    values = [f"{number:05d}" for number in range(0, 100_000, 1000)] + ["Noah", "Emma", "Lucas", "9502126777"]
    hays = {"bytes": noise, "base64": base64.b64encode(noise[:300_000]), "hexadecimal": noise[:200_000].hex().encode()}
    assert in_clear(needles(values, vocabulary=[]), hays) == []


async def test_what_goes_to_temporal_without_a_codec_is_found_in_both_exports(temporal: TemporalServer) -> None:
    client, queue = await Client.connect(temporal.address), uuid.uuid4().hex
    await client.start_workflow("Anything", {"address1": PLAIN}, id=queue, task_queue=queue)
    async for attempt in AsyncRetrying(wait=wait_fixed(0.05), stop=stop_after_delay(30), reraise=True):
        with attempt:  # what is started is listed a moment later
            exported = await histories(client, f'TaskQueue = "{queue}"')
            assert exported
    hits = in_clear(needles([PLAIN], vocabulary=[]), exported)
    assert {hit.where for hit in hits} == exported.keys()
    assert {hit.where.rpartition(" ")[2] for hit in hits} == {"JSON", "bytes"}
    await client.get_workflow_handle(queue).terminate()


async def test_what_an_entry_says_in_clear_is_found(database_url: str) -> None:
    database = Database(database_url)
    async with database.transaction() as session:
        await ledger.append(session, "request:1", "admitted", datetime.now(UTC), {"address1": PLAIN})
    hits = in_clear(needles([PLAIN], vocabulary=[]), await ledger_and_outbox(database))
    assert {hit.where for hit in hits} == {"ledger request:1#1"}
    await database.close()
