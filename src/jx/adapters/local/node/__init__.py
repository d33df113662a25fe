"""The embedded node: starts pods of our images as processes, and routes Ingress to them."""
