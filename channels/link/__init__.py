"""The page behind a signed link: a vendor answers there without an app or an account. Its platform is our own
database: the page draws what the card says now."""
