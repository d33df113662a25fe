"""The embedded Kubernetes API server, usable by itself; knows nothing of the rest of jx."""
