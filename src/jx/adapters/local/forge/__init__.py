"""The embedded git forge: repositories, users, pull requests, webhooks, chart repository."""
