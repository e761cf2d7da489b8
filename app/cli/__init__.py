"""``interlock``: what operators, owners, auditors and developers do from a terminal (DESIGN.md sections 5, 9 and 12).

Exit codes: 0 done; 1 findings, or the demo went otherwise than expected; 2 usage, or something is not there or does
not answer; 3 refused by a rule; 4 asked for, and held until people release it (its id is on stdout). What goes wrong
is one clear line on stderr.
"""

from app.cli.root import main

__all__ = ["main"]
