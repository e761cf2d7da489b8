"""The real calls of 114 conversations, replayed: a bot asks, people release, the shop acts."""
