"""What objects of the built-in kinds must be, what the server completes them with, and what may not change."""
