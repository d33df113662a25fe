"""Releases on their way through the environments."""
