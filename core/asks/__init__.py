"""Questions that workers, the loop and the shell put to people: one card, options as buttons, the first answer counts."""
