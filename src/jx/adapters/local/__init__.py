"""The embedded platform: a world on one machine (forge, charts, Kubernetes API, node). One more row of adapters."""
