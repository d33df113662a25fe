"""Kubernetes objects as they are rendered and sent: their kinds, order, health, and which parts of them are secret."""
