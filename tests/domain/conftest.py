"""Laws are tried as often as they take; how long a busy machine needs for one try is no failure."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
