"""What is done to a request: decide, cancel, start, report, settle, ask to undo it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from app.api import bodies, shapes
from app.api.documented import answers, created, json_body
from app.api.door import Behind, Who
from app.api.located import located
from app.api.proofs import ProvenKey
from app.api.queries import NeededKey, OptionalKey, RequestId
from app.api.reading import body_of
from app.use_cases import act
from app.use_cases.break_glass import Pull
from app.use_cases.break_glass import break_glass as release
from app.use_cases.decide import decide as decide_request
from app.use_cases.rollback import roll_back

router = APIRouter(prefix="/v1/requests/{id}", tags=["requests"])
_SETTLING = {"model": shapes.Settling, "description": "Heard; a second person must say the same."}
_REFUSED = ("forbidden", "not-found", "rate-limited")


@router.post(
    "/decisions",
    summary="Decide",
    responses=answers(
        shapes.RequestView,
        "What stands, as the decider sees it.",
        *_REFUSED,
        "violations",
        "closed",
        "decision-stands",
        "digest-differs",
        "idempotency-key-reused",
        "idempotency-key-missing",
        body=True,
    ),
    openapi_extra=json_body(bodies.Decision),
)
async def decide(
    behind: Behind,
    who: Who,
    request_id: RequestId,
    key: OptionalKey,
    body: Annotated[bodies.Decision, Depends(body_of(bodies.Decision))],
) -> JSONResponse:
    """For people; the token says who decides. The same again counts once. 503 `unconfirmed`: send it again."""
    shown = await decide_request(
        behind.services, who, request_id, decision=body.decision, reason=body.reason, digest=body.digest, key=key
    )
    return JSONResponse(shown)


@router.post(
    "/break-glass",
    summary="Release it at once, alone",
    responses=answers(
        shapes.RequestView,
        "Released, now or by the same person before.",
        *_REFUSED,
        "violations",
        "closed",
        "not-open-to-this",
        "digest-differs",
        "idempotency-key-reused",
        "idempotency-key-missing",
        body=True,
    ),
    openapi_extra=json_body(bodies.BreakGlass),
)
async def break_glass(
    behind: Behind,
    who: Who,
    request_id: RequestId,
    key: OptionalKey,
    body: Annotated[bodies.BreakGlass, Depends(body_of(bodies.BreakGlass))],
) -> JSONResponse:
    """For responders who have signed in lately (`recent`), of a held action of a bot: it runs without its quorum.

    Nothing else is waived: who asked, owns the bot, benefits or stands in for one who does may not; a stop, newer rules
    and a conflict still hold it up. 409 `not-open-to-this`: it is critical or irreversible, and its plan does not allow
    that; its plan says never; or nobody is left who could review it. `break_glass` of the request says who must review
    it by when (`POST /v1/reviews/{id}/attest`); if nobody has by then, the bot is suspended.
    """
    return JSONResponse(await release(behind.services, who, request_id, Pull(body.reason, body.digest, key)))


@router.post(
    "/cancel",
    summary="Take it back before it starts",
    responses=answers(shapes.RequestView, "Cancelled, now or before.", *_REFUSED, "closed", body=True),
    openapi_extra=json_body(bodies.Cancel, required=False),
)
async def cancel(
    behind: Behind,
    who: Who,
    request_id: RequestId,
    body: Annotated[bodies.Cancel, Depends(body_of(bodies.Cancel, may_be_empty=True))],
) -> JSONResponse:
    """For its asker, the bot's business owner and responders; only while it is `held` or `approved`.

    No body at all is fine. Again: 200, the same.
    """
    return JSONResponse(await act.cancel(behind.services, who, request_id, body.reason))


@router.post(
    "/grant",
    summary="Start an action that the bot runs itself",
    responses=answers(
        shapes.Grant, "The grant: the same one until it expires.", *_REFUSED, "not-open-to-this", body=True
    ),
    openapi_extra=json_body(bodies.Nothing, required=False),
)
async def grant(
    behind: Behind,
    who: Who,
    request_id: RequestId,
    jkt: ProvenKey,
    _body: Annotated[bodies.Nothing, Depends(body_of(bodies.Nothing, may_be_empty=True))],
) -> JSONResponse:
    """For the bot that asked, of an action that it runs itself. Handing out the grant is the start.

    1. Ask: `POST /v1/requests`. An action that is allowed at once is `executing`, with its `grant` in the 201. One that
       is `held` is waited for (`GET /v1/requests/{id}?wait=30s&since=VERSION`) until it is `approved`; then call this.
    2. Call the target with the action and its parameters, exactly as asked for, under the grant, before `expires_at`
       (120 s after the start). It is good for one execution.
    3. Report: `POST /v1/requests/{id}/outcome`, in time: the action's `start_within` counts from the start (10 minutes
       where it names none, and never less than 150 s). What is not reported by then becomes `unknown`, or `lapsed` if
       the action only reads.

    After a lost answer, of this call or of `POST /v1/requests`, call this (again): it gives the same grant until that
    expires. After that, and once it is reported, 409 `not-open-to-this`. The same with status `approved`: another
    request is under way with its conflict key; call again in a few seconds, before `expires_at` of the request.
    No body at all is fine.

    With a proof of a key (header `DPoP`, RFC 9449) on the call that starts it, the grant is bound to that key: whoever
    steals it cannot use it, for the target asks for a proof too, and nobody gets it again without one. Another key, or
    none: 409 `not-open-to-this`. A proof that does not hold: 422 `malformed`, `where` is `DPoP`, nothing was stored.
    """
    return JSONResponse(await act.grant(behind.services, who, request_id, jkt))


@router.post(
    "/outcome",
    summary="Report what came of it",
    responses=answers(shapes.RequestView, "Recorded, now or before.", *_REFUSED, "not-open-to-this", body=True),
    openapi_extra=json_body(bodies.Outcome),
)
async def outcome(
    behind: Behind,
    who: Who,
    request_id: RequestId,
    body: Annotated[bodies.Outcome, Depends(body_of(bodies.Outcome))],
) -> JSONResponse:
    """For the bot that ran it. The same again: 200; another: 409."""
    shown = await act.report(
        behind.services, who, request_id, status=body.status, detail=body.detail, result=body.result
    )
    return JSONResponse(shown)


@router.post(
    "/settle",
    summary="Say what an unknown outcome was",
    responses=answers(
        shapes.Settling,
        "Settled.",
        *_REFUSED,
        "violations",
        "closed",
        "not-open-to-this",
        "too-early",
        "settlement-differs",
        body=True,
        also={202: _SETTLING},
    ),
    openapi_extra=json_body(bodies.Settle),
)
async def settle(
    behind: Behind,
    who: Who,
    request_id: RequestId,
    body: Annotated[bodies.Settle, Depends(body_of(bodies.Settle))],
) -> JSONResponse:
    """For responders who neither approved it nor asked. High and critical risk takes two who say the same."""
    shown, done = await act.settle(behind.services, who, request_id, status=body.status, reason=body.reason)
    return JSONResponse(shown, 200 if done else 202)


@router.post(
    "/rollbacks",
    summary="Ask to undo it",
    responses=created(
        "A request of kind `rollback`, held.",
        "The same came before: that rollback as it stands now.",
        *_REFUSED,
        "violations",
        "not-reversible",
        "window-over",
        "rollback-exists",
        "idempotency-key-reused",
        "idempotency-key-missing",
    ),
    openapi_extra=json_body(bodies.Rollback),
)
async def rollback(
    behind: Behind,
    who: Who,
    request_id: RequestId,
    key: NeededKey,
    body: Annotated[bodies.Rollback, Depends(body_of(bodies.Rollback))],
) -> JSONResponse:
    """For responders. Others sign: never who asks for it, nor who approved, asked for or benefited from the original.

    The action and the parameters are the catalogue's (`rollback` of the request says which action, and until when),
    worked out from the original and its outcome. It is always held under a plan, and runs even if the bot is suspended.
    409 `not-reversible`: nothing undoes it, it has not acted, or its outcome does not say how. 409 `rollback-exists`:
    there is one at a time; `reversed_by` of the request names it.
    """
    return located(await roll_back(behind.services, who, request_id, key, body.reason))
