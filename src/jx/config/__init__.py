"""Settings: where they come from (files, environment, flags) and what they mean."""
