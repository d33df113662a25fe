"""jx: GitOps for a whole CI/CD platform on Kubernetes.

The layers, from the inside out: `domain` (pure values and decisions), `ports` (what the domain needs of the world),
`usecases` (the order of work), `adapters` (the world), `controllers`, `server` and `cli` (edges), `wiring` (who gets what).
Dependencies point inward only; `.importlinter` is the law.
"""

__version__ = "0.1.0"
