"""Clusters through the Kubernetes API: transport, kubeconfigs, and the ports that live in a cluster."""
