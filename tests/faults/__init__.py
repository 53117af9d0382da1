"""Each platform's faults, injected while a company works over it; then every promise is counted."""
