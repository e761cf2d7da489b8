"""Proofs of possession (DPoP, RFC 9449) that come with a call."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Header, Request

from app.api.door import Behind
from app.domain.errors import Malformed
from app.grants.dpop import Call, ProofInvalid, check

WHERE = "DPoP"


def proven(
    request: Request,
    behind: Behind,
    _documented: Annotated[
        str | None,
        Header(
            alias=WHERE,
            description="A proof of a key of yours (RFC 9449) for this method and address, made just now: the grant is "
            "bound to that key (`cnf.jkt`), and its target asks for a proof of it.",
        ),
    ] = None,
) -> str | None:
    """The thumbprint of the key that the caller has; None for a call without a proof. Raises Malformed.

    That a proof came before is not looked for: who sends one again has the grant bound to a key that is not theirs.
    """
    given = request.headers.getlist(WHERE)
    if not given:
        return None
    if len(given) > 1:
        raise Malformed("The header DPoP takes one proof.", where=WHERE)
    url = behind.services.base_url + request.url.path
    try:
        return check(Call(request.method, url, given[0]), now=behind.now().timestamp()).jkt
    except ProofInvalid as invalid:
        raise Malformed(f"The proof in the header DPoP does not hold: {invalid}.", where=WHERE) from invalid


ProvenKey = Annotated[str | None, Depends(proven)]
