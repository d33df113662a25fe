"""Small things on this machine's disk and clock."""
