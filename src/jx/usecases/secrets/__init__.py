"""Secrets in their stores: kept, changed, shown, verified."""
