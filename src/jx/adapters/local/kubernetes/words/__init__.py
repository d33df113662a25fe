"""How values are written, and what is wrong with them, in the real server's words."""
