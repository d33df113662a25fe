"""Profiles -> adapters -> use-cases: the only module that names adapters; it imports them where it makes them."""
