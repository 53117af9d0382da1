"""Language models behind one gateway: tiers, providers, fallback. Nothing here decides anything about a ticket."""
