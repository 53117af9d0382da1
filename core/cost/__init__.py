"""What the work costs: prices, the ledger, budgets, reports and the owner's statement."""
