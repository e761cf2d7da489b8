"""The one way to a Temporal client."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from temporalio.api.common.v1 import Payload
from temporalio.client import Client
from temporalio.common import RawValue
from temporalio.converter import DataConverter, DefaultPayloadConverter

from app.codec import data_converter
from app.keys import KeyRings
from app.settings import TemporalSettings


async def connect(settings: TemporalSettings, keyrings: KeyRings, *, lazy: bool = False) -> Client:
    """A client whose payloads are encrypted.

    ``lazy`` connects at the first call: for the API, which starts and reads while Temporal is down. Workers take no
    lazy client. Raises RuntimeError when the server does not answer.
    """
    return await Client.connect(
        settings.address,
        namespace=settings.namespace,
        data_converter=data_converter(keyrings.codec),
        tls=settings.tls,
        api_key=settings.api_key.get_secret_value() if settings.api_key else None,
        lazy=lazy,
    )


class AsItCame(DefaultPayloadConverter):
    """Keeps what others have put into a failure and it cannot read: else a workflow would hang over it."""

    def from_payloads(self, payloads: Sequence[Payload], type_hints: list[type] | None = None) -> list[Any]:
        """As its base; but what nobody says the type of never fails."""
        try:
            return super().from_payloads(payloads, type_hints)
        except (KeyError, RuntimeError, UnicodeError):
            if type_hints is not None:
                raise
            return [RawValue(payload) for payload in payloads]


def plain(client: Client) -> Client:
    """The same client, but what goes through it anyone may read: for what owners' workers get, who have no key of ours.

    Nothing but ids, handles and what is sealed may go through it.
    """
    config = client.config()
    config["data_converter"] = DataConverter(payload_converter_class=AsItCame)
    return Client(**config)
