"""The web channel: a chat page of our own. Its platform is our database, so delivery is exactly once."""
