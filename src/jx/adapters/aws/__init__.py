"""Amazon Web Services, by botocore: an extra (`jx[aws]`), imported only where it is used."""
