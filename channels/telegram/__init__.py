"""Telegram: cards are HTML messages edited in place; a tap must be answered, and is kept for only 150 s."""
