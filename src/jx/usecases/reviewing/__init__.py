"""What a pull request would do, who approves it, and how it merges."""
