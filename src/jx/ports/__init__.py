"""What the inside needs of the world, as Protocols in domain words, one file each, at most seven methods.

Each text says what a second call does, what is raised, and what must not be assumed. Adapters raise the errors of
`jx.domain.errors` only.
"""
