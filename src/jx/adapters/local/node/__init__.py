"""The node of the embedded cluster: pods of our images run as real processes, and an ingress router leads to them.

What a pod's spec says is done: arguments, environment, volumes, account, probes, grace. Pods of other images are
played by `adapters.local.kubernetes.controllers`. `daemon` runs API, controllers, node and router as one process.
"""
