"""Environments as repositories declare them, edits of them, and what guards and holds their applies."""
