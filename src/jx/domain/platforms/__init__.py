"""The installation as a whole: what it needs, what it is made of, and whether it works."""
