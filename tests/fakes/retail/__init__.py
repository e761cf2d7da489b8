"""A small retail back office over real PostgreSQL: the customer's system that Interlock's bots act on.

It knows nothing of Interlock but what a customer would build: it checks the grant with the published keys, keeps
idempotency keys, and refuses what its own state forbids. Run it with ``python -m tests.fakes.retail``, or in a test
with `tests.fakes.retail.server.shop`.

Semantics follow tau2-bench's retail tools, except where those would lose money: each of several modified items gets its
own price (there: the last one's), and cancelling an order refunds what is still paid (there: every entry once more).
"""
