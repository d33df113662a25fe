"""The embedded git forge: repositories, users, pull requests, webhooks, chart repository.

Inside out: `store` keeps rows; `git` runs git in one bare repository; `users`, `repositories`, `protection`, `pulls`,
`merges` and `webhooks` are the forge itself and raise `jx.domain.errors`; `following` turns moved branches into events;
`githttp`, `api`, `browse` and `charts` speak HTTP and are put together by `app`; `__main__` is the daemon. `client` is the
other end: the ports of `jx.ports.forge` over HTTP.
"""
