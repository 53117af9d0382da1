"""Voice notes become words: engines, their order, and what is never passed off as speech."""
