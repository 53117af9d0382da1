"""Slack: no idempotency key for posting (every message carries our key as metadata and is looked up before a retry),
clicks that Slack never repeats, forms as modals whose trigger lives three seconds."""
