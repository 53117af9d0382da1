"""Who stays when, from each property's reservation feeds, and what that means for a repair."""
