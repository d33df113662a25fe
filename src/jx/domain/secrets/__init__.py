"""Where secrets are, who may refer to them, who reads them, and where some stand in plain text."""
