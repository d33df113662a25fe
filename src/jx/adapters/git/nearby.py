"""The heads of repositories on a git server of this very machine, asked for without starting git.

Git's own client takes two processes to ask. Where a server is a loopback address over plain HTTP, no proxy, certificate or
redirection is between, so one request tells the same. Whatever is not as expected is left to git, and so are its errors.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

_SECONDS = 5.0
_MOST_BYTES = 4 * 1024 * 1024
_LINE = re.compile(rb"([0-9a-f]{4})")
_REF = re.compile(rb"([0-9a-f]{40}(?:[0-9a-f]{24})?) (refs/[^\0\n]+)(?:\0[^\n]*)?\n?")
_ADVERT = "application/x-git-upload-pack-advertisement"


def ask_refs(url: str, login: tuple[str, str] | None) -> dict[str, str] | None:
    """All refs with their commits; None where git has to be asked."""
    try:
        target = urlsplit(url)
        if not _is_nearby(target):
            return None
        body = _get(target, login)
    except (OSError, ValueError, http.client.HTTPException):
        return None
    return None if body is None else read_advert(body)


def read_advert(body: bytes) -> dict[str, str] | None:
    """The refs of an answer to `info/refs`; None for what is not a whole one."""
    found: dict[str, str] = {}
    at, flushes, is_first = 0, 0, True
    while at < len(body):
        size = _LINE.fullmatch(body, at, at + 4)
        if size is None:
            return None
        length = int(size[1], 16)
        if length == 0:
            flushes, at = flushes + 1, at + 4
            continue
        line = body[at + 4 : at + length]
        if length < 4 or len(line) != length - 4:
            return None
        at += length
        if is_first:
            if line.rstrip(b"\n") != b"# service=git-upload-pack":
                return None
            is_first = False
        elif ref := _REF.fullmatch(line):
            found[ref[2].decode(errors="replace")] = ref[1].decode()
    return found if flushes == 2 else None


def _is_nearby(target: SplitResult) -> bool:
    if target.scheme != "http" or target.username is not None or not target.hostname:
        return False
    try:
        return ipaddress.ip_address(target.hostname).is_loopback
    except ValueError:
        return False


def _get(target: SplitResult, login: tuple[str, str] | None) -> bytes | None:
    headers = {"User-Agent": "git/jx"}
    if login:
        headers["Authorization"] = "Basic " + base64.b64encode(":".join(login).encode()).decode()
    connection = http.client.HTTPConnection(target.hostname or "", target.port or 80, timeout=_SECONDS)
    try:
        connection.request("GET", f"{target.path}/info/refs?service=git-upload-pack", headers=headers)
        answer = connection.getresponse()
        if answer.status != 200 or answer.getheader("Content-Type") != _ADVERT:
            return None
        body = answer.read(_MOST_BYTES + 1)
    finally:
        connection.close()
    return body if len(body) <= _MOST_BYTES else None
