"""`python -m bot` is `loopos`."""

from bot.cli import entry

entry()
