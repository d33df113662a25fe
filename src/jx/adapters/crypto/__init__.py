"""Cryptography of this machine: random values, keys and certificates. All by well-kept libraries."""
