"""What the data is and where it lives: configuration, contracts, sources, the month, the journal."""
