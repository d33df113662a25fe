"""What the server itself does to objects as they come and go."""
