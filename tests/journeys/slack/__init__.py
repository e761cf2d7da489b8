"""The real calls once more, decided by clicks on cards in a Slack that fails now and then; and Slack's outages."""
