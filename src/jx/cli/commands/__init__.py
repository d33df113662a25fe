"""One module per command, named by the words a user types; loaded only when used."""
