"""Workers: processes that do several steps of work, and ask people instead of guessing."""
