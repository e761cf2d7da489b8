"""What may go wrong with a stack on this machine; each sentence is for the person who started it."""

from __future__ import annotations


class StackError(Exception):
    """The stack cannot be started, found or kept; the sentence says what to do."""


class AlreadyRunning(StackError):
    """Another process uses the same data directory."""


class PartFailed(StackError):
    """A part ended, or did not answer in time; the sentence ends with the end of its log."""
