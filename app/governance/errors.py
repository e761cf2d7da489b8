"""What governance adds to the tree of app/domain/errors.py.

InterlockError
├── RuleError                  an expression that failed on the facts: whoever evaluates it must refuse
└── Misconfigured
    └── ExpressionInvalid      an expression that does not compile, or may not be used where it stands
"""

from __future__ import annotations

from app.domain.errors import InterlockError, Misconfigured


class RuleError(InterlockError):
    """An expression failed at run time. The sentence holds words of the policy's source, never a value of the facts."""


class ExpressionInvalid(Misconfigured):
    """The source of an expression is not acceptable; the sentence says why."""
