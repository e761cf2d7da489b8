"""Every way in which the shop says no: a code for programs, a sentence for people.

ShopProblem
├── Unauthenticated  401  the grant does not hold
├── Forbidden        403  it holds, for something else
├── Unknown          404  no such order, user, product or item
├── Refused          409  the shop's own state forbids it
├── Malformed        422  the body or a header is not what this call takes
└── Unavailable      503  the issuer's keys, or its word on a grant, cannot be had
"""

from __future__ import annotations

from typing import ClassVar


class ShopProblem(Exception):
    """Base of all. ``code`` is kebab-case and stable; ``str(problem)`` is one sentence."""

    status: ClassVar[int]

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code

    @property
    def body(self) -> dict[str, str]:
        """The JSON problem that a caller reads."""
        return {"error": self.code, "message": str(self)}


class Unauthenticated(ShopProblem):
    """No grant, or one that does not hold."""

    status = 401


class Forbidden(ShopProblem):
    """The grant holds, but not for this call."""

    status = 403


class Unknown(ShopProblem):
    """No such thing in the shop."""

    status = 404


class Refused(ShopProblem):
    """The shop's own state forbids it."""

    status = 409


class Malformed(ShopProblem):
    """Not a call that this endpoint takes."""

    status = 422


class Unavailable(ShopProblem):
    """Something that the shop needs is not there."""

    status = 503
