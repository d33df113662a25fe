"""How callers see objects and the API itself: lists, watches, tables, logs, discovery, OpenAPI."""
