"""Repositories and folders through the git command line."""
