"""Runs: started, checked, recorded, shown, ended."""
