"""Rendering by Helm's own engine and chart catalogs (HTTP, OCI, folders) with a content-addressed cache."""
