"""Git over smart HTTP: rights and protected branches are checked here, the rest is git's own `upload-pack` and
`receive-pack`.

A push names its branches before its objects, so a refusal needs no hook: the commands are read from the request, and where a
rule forbids one of them the answer is git's own report of a refused push.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import re
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response
from starlette.types import Message, Receive, Scope, Send

from jx.adapters.local.forge import git, rules
from jx.adapters.local.forge.following import Following
from jx.adapters.local.forge.protection import Protections
from jx.adapters.local.forge.pushes import Pushes
from jx.adapters.local.forge.repositories import Repositories, Repository
from jx.adapters.local.forge.users import Level, User, Users
from jx.domain.errors import Forbidden, NotFound

log = logging.getLogger("jx.forge.git")

NOT_KEPT = {"Cache-Control": "no-cache"}
CHALLENGE = {"WWW-Authenticate": 'Basic realm="jx", charset="UTF-8"'}

_CHUNK = 64 * 1024
_MOST_COMMANDS = 4 * 1024 * 1024
"""Bytes of a push's list of branches; 20,000 branches are well below."""
_BAND_MOST = 900
_PACKET_SIZE = re.compile(rb"[0-9a-fA-F]{4}")
_OBJECT = re.compile(r"[0-9a-f]{40}")
_SECOND_PROTOCOL = b"000eversion 2\n"
_PROTOCOL = re.compile(r"[A-Za-z0-9=:_.-]{1,200}")


@dataclass(frozen=True, slots=True)
class Command:
    """One line of a push: a ref from an old to a new commit (all zeros: not there)."""

    old: str
    new: str
    ref: str


@dataclass(frozen=True, slots=True)
class Service:
    """One of git's two services for one request."""

    name: str
    folder: Path
    environment: Mapping[str, str]

    @property
    def command(self) -> tuple[str, ...]:
        """How it is run."""
        return "git", self.name, "--stateless-rpc", str(self.folder)


@dataclass(frozen=True, slots=True)
class GitHttp:
    """The ASGI application below `/<owner>/<name>.git/`."""

    users: Users
    repositories: Repositories
    protections: Protections
    pushes: Pushes
    following: Following
    root: Path
    url: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request of a git client."""
        headers = Headers(scope=scope)
        service, is_advert = _service(scope)
        if not service:
            answer: Response = PlainTextResponse("only git's smart protocol is spoken here\n", 403)
            await answer(scope, receive, send)
            return
        found = await run_in_threadpool(self._admit, scope, headers, service)
        if isinstance(found, Response):
            await found(scope, receive, send)
            return
        repo, user = found
        body = _body(receive, headers.get("content-encoding", ""))
        try:
            if is_advert:
                await (await run_in_threadpool(_advert, repo, service, headers))(scope, receive, send)
            elif headers.get("content-type") != f"application/x-git-{service}-request":
                # No page of the web can send that type without being asked whether it may.
                await PlainTextResponse("that is no request of git\n", 415)(scope, receive, send)
            elif service == "receive-pack" and user is not None:
                await self._push(scope, send, body, repo, user)
            else:
                await _serve(send, body, self._service(repo, service, headers))
        except ConnectionAbortedError:
            log.info("%s: the client went away", repo.full_name)

    def _admit(
        self, scope: Scope, headers: Headers, service: str
    ) -> tuple[Repository, User | None] | Response:
        """The repository and the user, or the answer that keeps them apart."""
        user = None
        if headers.get("authorization"):
            user = self.users.authenticate(token_of(headers["authorization"]))
            if user is None:
                return PlainTextResponse("that token is not valid here\n", 401, CHALLENGE)
        needs = Level.WRITE if service == "receive-pack" else Level.READ
        path = scope["path_params"]
        try:
            return self.repositories.get(
                path["owner"], path["name"].removesuffix(".git"), user, needs=needs
            ), user
        except (NotFound, Forbidden) as error:
            if user is None:
                return PlainTextResponse("git needs a login here\n", 401, CHALLENGE)
            return PlainTextResponse(f"{error.message}\n", 404 if isinstance(error, NotFound) else 403)

    async def _push(
        self, scope: Scope, send: Send, body: AsyncIterator[bytes], repo: Repository, user: User
    ) -> None:
        try:
            head, commands, capabilities = await _read_commands(body)
        except ValueError as error:
            await PlainTextResponse(f"this push is not understood: {error}\n", 400)(scope, _nothing, send)
            return
        refusals = await run_in_threadpool(self._refusals, repo, user, commands)
        if refusals:
            async for _ in body:
                pass  # A client that still sends would take an early answer for a broken connection.
            log.info("%s: push by %s refused: %s", repo.full_name, user.login, "; ".join(refusals.values()))
            where = f"{self.url}/{repo.full_name}"
            report = refuse_push(commands, refusals, capabilities, where=where)
            content_type = "application/x-git-receive-pack-result"
            await Response(report, media_type=content_type)(scope, _nothing, send)
            return
        settings = {}
        if await run_in_threadpool(self._touches_protected, repo, commands):
            settings = {"receive.denyNonFastForwards": "true", "receive.denyDeletes": "true"}
        service = self._service(repo, "receive-pack", Headers(scope=scope), settings)
        await run_in_threadpool(self._note, repo, user, commands)

        async def follow() -> None:
            await run_in_threadpool(self.following.follow, repo, user.person)

        await _serve(send, _chain(head, body), service, before_end=follow)

    def _refusals(self, repo: Repository, user: User, commands: list[Command]) -> dict[str, str]:
        """Why refs may not be pushed, by ref; empty where all may."""
        found = {}
        for command in commands:
            if not command.ref.startswith(("refs/heads/", "refs/tags/", "refs/notes/", "refs/jx/")):
                found[command.ref] = "only branches, tags and notes can be pushed here"
                continue
            branch = command.ref.removeprefix(git.HEADS)
            protection = self.protections.find(repo, branch) if branch != command.ref else None
            why = rules.why_not_push(protection, user.login)
            if not why and protection is not None and command.new == git.ZERO:
                why = "protected branch: it cannot be deleted"
            if why:
                found[command.ref] = why
        return found

    def _note(self, repo: Repository, user: User, commands: list[Command]) -> None:
        """Whose push it is, before it can be seen: afterwards a kill, or somebody else's push, could come in between."""
        for command in commands:
            if command.ref.startswith(git.HEADS) and command.new != git.ZERO:
                self.pushes.note(repo, command.ref.removeprefix(git.HEADS), command.new, user.login)

    def _touches_protected(self, repo: Repository, commands: list[Command]) -> bool:
        return any(
            command.ref.startswith(git.HEADS)
            and self.protections.find(repo, command.ref.removeprefix(git.HEADS)) is not None
            for command in commands
        )

    def _service(
        self, repo: Repository, name: str, headers: Headers, settings: Mapping[str, str] | None = None
    ) -> Service:
        environment = git.environment(self.root) | _configuration(settings or {})
        if protocol := _protocol(headers):
            environment["GIT_PROTOCOL"] = protocol
        return Service(name, repo.git.folder, environment)


def token_of(authorization: str) -> str:
    """The token of an `Authorization` header (`Bearer`, `token`, or `Basic` with the token as password), or empty."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() in {"bearer", "token"}:
        return rest.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        decoded = base64.b64decode(rest.strip(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return decoded.partition(":")[2]


def refuse_push(
    commands: list[Command], refusals: Mapping[str, str], capabilities: frozenset[str], *, where: str
) -> bytes:
    """Git's own answer to a push of which nothing was taken."""
    report = _packet(b"unpack ok\n")
    for command in commands:
        reason = refusals.get(command.ref, "nothing was pushed, since another ref was refused")
        report += _packet(f"ng {command.ref} {reason}\n".encode())
    report += b"0000"
    if not capabilities & {"side-band-64k", "side-band"}:
        return report
    words = "".join(f"{ref.removeprefix(git.HEADS)} is a {why}: {where}\n" for ref, why in refusals.items())
    return _band(2, words.encode()) + _band(1, report) + b"0000"


def _packet(data: bytes) -> bytes:
    return f"{len(data) + 4:04x}".encode() + data


def _band(number: int, data: bytes) -> bytes:
    parts = (data[start : start + _BAND_MOST] for start in range(0, len(data), _BAND_MOST))
    return b"".join(_packet(bytes([number]) + part) for part in parts)


def _service(scope: Scope) -> tuple[str, bool]:
    """Which of git's two services is asked for (empty: neither), and whether it is the advertisement of refs."""
    path, method, query = scope["path"], scope["method"], scope["query_string"].decode("latin-1")
    services = ("upload-pack", "receive-pack")
    if path.endswith("/info/refs") and method == "GET":
        return next((name for name in services if query == f"service=git-{name}"), ""), True
    if method == "POST":
        return next((name for name in services if path.endswith(f"/git-{name}")), ""), False
    return "", False


def _protocol(headers: Headers) -> str:
    protocol = headers.get("git-protocol", "")
    return protocol if _PROTOCOL.fullmatch(protocol) else ""


def _advert(repo: Repository, service: str, headers: Headers) -> Response:
    told = repo.git.advert(service, _protocol(headers))
    if not told.startswith(_SECOND_PROTOCOL):
        told = _packet(f"# service=git-{service}\n".encode()) + b"0000" + told
    return Response(told, media_type=f"application/x-git-{service}-advertisement", headers=NOT_KEPT)


async def _body(receive: Receive, encoding: str) -> AsyncIterator[bytes]:
    """The request's body, unpacked; ends early where the client goes away."""
    inflate = zlib.decompressobj(wbits=31) if encoding in {"gzip", "x-gzip"} else None
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise ConnectionAbortedError("the client went away")
        data, more = message.get("body", b""), message.get("more_body", False)
        data = inflate.decompress(data) if inflate and data else data
        if data:
            yield data


async def _chain(head: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield head
    async for data in rest:
        yield data


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


async def _read_commands(body: AsyncIterator[bytes]) -> tuple[bytes, list[Command], frozenset[str]]:
    """What was read so far, the commands, and the client's capabilities. ValueError for what cannot be judged."""
    data = b""
    async for part in body:
        data += part
        parsed = parse_commands(data)
        if parsed is not None:
            return data, *parsed
        if len(data) > _MOST_COMMANDS:
            raise ValueError("it names too many refs")
    raise ValueError("it ends too early")


def parse_commands(data: bytes) -> tuple[list[Command], frozenset[str]] | None:
    """The commands at the begin of a push, or None where more bytes are needed.

    ValueError for any line that is no command: git also takes them from push certificates, which would go past our rules.
    """
    commands: list[Command] = []
    capabilities, position = frozenset[str](), 0
    while len(data) >= position + 4:
        size = _packet_size(data[position : position + 4])
        if size == 0:
            return commands, capabilities
        line = data[position + 4 : position + size]
        if len(line) < size - 4:
            return None
        words, _, told = line.partition(b"\0")
        capabilities |= frozenset(told.decode(errors="replace").split())
        if not words.startswith(b"shallow "):
            commands.append(_parse_command(words))
        position += size
    return None


def _packet_size(digits: bytes) -> int:
    if not _PACKET_SIZE.fullmatch(digits):
        raise ValueError("it has no packet lines")
    size = int(digits, 16)
    if 0 < size <= 4:
        raise ValueError("it has an empty packet line")
    return size


def _parse_command(words: bytes) -> Command:
    parts = words.decode().rstrip("\n").split(" ", 2)
    if len(parts) != 3 or not all(_OBJECT.fullmatch(part) for part in parts[:2]):
        raise ValueError("it has a line that is no command")
    return Command(*parts)


def _configuration(settings: Mapping[str, str]) -> dict[str, str]:
    """Settings of git for one process, by environment."""
    found = {"GIT_CONFIG_COUNT": str(len(settings))}
    for number, (name, value) in enumerate(settings.items()):
        found |= {f"GIT_CONFIG_KEY_{number}": name, f"GIT_CONFIG_VALUE_{number}": value}
    return found


async def _serve(
    send: Send,
    body: AsyncIterator[bytes],
    service: Service,
    *,
    before_end: Callable[[], Awaitable[None]] | None = None,
) -> None:
    """Run a service of git on a request; both directions flow as they come. `before_end` runs when git is done, also where
    the client went away, and before the client hears the end."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *service.command, stdin=pipe, stdout=pipe, env=service.environment
    )
    assert process.stdin is not None
    assert process.stdout is not None
    feeding = asyncio.create_task(_feed(process.stdin, body))
    try:
        kind = f"application/x-git-{service.name}-result".encode()
        headers = [(b"content-type", kind), (b"cache-control", b"no-cache")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        while data := await process.stdout.read(_CHUNK):
            await send({"type": "http.response.body", "body": data, "more_body": True})
    finally:
        feeding.cancel()
        process.stdin.close()
        await process.wait()
        if before_end is not None:
            await before_end()
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _feed(stdin: asyncio.StreamWriter, body: AsyncIterator[bytes]) -> None:
    """Hand the request on. Where git has heard enough, the rest is read away, so that the client gets to the answer."""
    is_open = True
    try:
        async for data in body:
            if is_open:
                try:
                    stdin.write(data)
                    await stdin.drain()
                except (BrokenPipeError, ConnectionResetError):
                    is_open = False
    except (ConnectionAbortedError, zlib.error) as error:
        log.info("a request ended early: %s", error)
    finally:
        stdin.close()
