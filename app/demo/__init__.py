"""``interlock demo`` and ``interlock up``: the main job on a stack of its own, as bot and people would do it.

Nothing here reaches into Interlock: stack and shop are processes, bot and people come over HTTP, and what happened is
read from the API, the shop's database and the ledger.
"""
