"""HTTP edges that run in a cluster: the webhook receiver."""
