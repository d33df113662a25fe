"""Runs of pipelines, and the records of them."""
