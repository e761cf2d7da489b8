"""Actions that their owners' workers run, over a real Temporal server and real HTTP."""
