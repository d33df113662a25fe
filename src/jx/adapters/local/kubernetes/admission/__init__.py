"""Who is asked about each write after defaulting: plugins, policies, webhooks."""
