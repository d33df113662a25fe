"""What people ask for becomes a pull request: apps, environments, settings, upgrades."""
