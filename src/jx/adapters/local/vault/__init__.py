"""The embedded secret store: encrypted files behind the part of Vault's HTTP API that jx uses.

It is spoken to through the very adapter that speaks to a real Vault, so that one adapter is tested by both. Its key never lies in
its folder: a copy or backup of that alone reveals nothing.
"""
