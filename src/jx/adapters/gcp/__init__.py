"""Google Cloud over its REST API, logged in by google-auth: an extra (`jx[gcp]`), imported only where it is used."""
