"""A tab for each painter: one main act, and what belongs to it."""
