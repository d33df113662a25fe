"""HashiCorp Vault and OpenBao over their HTTP API: the key/value engine (versions 1 and 2), and the ways to log in."""
