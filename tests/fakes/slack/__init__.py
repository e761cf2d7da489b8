"""A strict fake of Slack over real HTTP: the Web API, response URLs, Socket Mode, and people who click.

It refuses what Slack refuses, with Slack's own errors, and keeps all that it was asked and all that its people saw. Run
it with ``python -m tests.fakes.slack``, or in a test with `tests.fakes.slack.server.SlackFake.serving`.
"""
