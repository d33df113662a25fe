"""Streams: the lines of an answer that has no end, without a thread and without blocking.

The socket is read when a selector says that it is readable, so one loop can follow many watches and still look at its clock.
"""

from __future__ import annotations

import http.client
import socket
import ssl

_PIECE = 1 << 16
_NOT_YET = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class LineStream:
    """The body of one answer, line by line. `fileno` is for selectors; `read` gives what is there."""

    def __init__(
        self, sock: socket.socket, answer: http.client.HTTPResponse, connection: http.client.HTTPConnection
    ) -> None:
        self._sock = sock
        self._answer = answer
        self._connection = connection
        self._chunks = Chunks() if answer.chunked else None
        self._rest = b""
        self._ended = False
        sock.settimeout(0)
        self._early = self._buffered()

    def fileno(self) -> int:
        """The socket, to wait on."""
        return self._sock.fileno()

    @property
    def has_buffered(self) -> bool:
        """Whether `read` has something before the socket becomes readable."""
        return bool(self._early)

    @property
    def has_pending(self) -> bool:
        """Whether more has come than was read, of which the socket does not tell since it is decrypted already."""
        return isinstance(self._sock, ssl.SSLSocket) and self._sock.pending() > 0

    @property
    def has_ended(self) -> bool:
        """Whether the server (or the network) has ended the answer; what was cut in a line is lost."""
        return self._ended

    def read(self) -> list[bytes]:
        """The whole lines that have come by now; never waits. Ends the stream where the connection broke."""
        *lines, self._rest = (self._rest + self.read_bytes()).split(b"\n")
        return [line for line in lines if line.strip()]

    def read_bytes(self, at_most: int = 0) -> bytes:
        """What has come by now, lines or not; never waits. For who reads no lines. `at_most` 0 is all; more may come where the
        server sends it in pieces of another size."""
        raw = self._early + self._received(at_most)
        self._early = b""
        if self._chunks is None:
            return raw
        body = self._decoded(self._chunks, raw)
        self._ended = self._ended or self._chunks.has_ended
        return body

    def close(self) -> None:
        """Close the connection."""
        self._answer.close()
        self._connection.close()

    def _decoded(self, chunks: Chunks, raw: bytes) -> bytes:
        try:
            return chunks.feed(raw)
        except ValueError:  # no chunk at all: something in between has broken the answer
            self._ended = True
            return b""

    def _buffered(self) -> bytes:
        # Reading the headers may have read the first bytes of the body, too: they are in the answer's own buffer.
        try:
            return self._answer.fp.peek()
        except _NOT_YET:
            return b""
        except OSError:
            self._ended = True
            return b""

    def _received(self, at_most: int = 0) -> bytes:
        pieces: list[bytes] = []
        while not self._ended and not (at_most and len(pieces) * _PIECE >= at_most):
            try:
                piece = self._sock.recv(_PIECE)
            except _NOT_YET:
                break
            except OSError:
                piece = b""
            self._ended = not piece
            pieces.append(piece)
        return b"".join(pieces)


class Chunks:
    """Decoder of chunked transfer coding, fed piece by piece; ValueError for what is none."""

    def __init__(self) -> None:
        self._raw = b""
        self._left = 0
        """Bytes of the current chunk that are still to come, with the line end after it."""
        self.has_ended = False

    def feed(self, raw: bytes) -> bytes:
        self._raw += raw
        out = []
        while self._raw and not self.has_ended:
            if self._left:
                if self._left > 2:
                    out.append(self._raw[: self._left - 2])
                taken = min(self._left, len(self._raw))
                self._left -= taken
                self._raw = self._raw[taken:]
                continue
            size, end, rest = self._raw.partition(b"\r\n")
            if not end:
                break
            length = int(size.partition(b";")[0] or b"0", 16)
            self._raw = rest
            self._left = length + 2 if length else 0
            self.has_ended = length == 0
        return b"".join(out)
