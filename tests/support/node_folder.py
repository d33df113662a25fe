"""The folder of a cluster whose node has two images: a small HTTP server, and a shell."""

from __future__ import annotations

import json
from pathlib import Path

_SERVER = """
import http.server, json, os, signal, sys, threading

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/unhealthy":
            self.send_error(500)
            return
        if self.path == "/fall":
            os._exit(3)
        seen = {"path": self.path, "host": self.headers["Host"], "pid": os.getpid(), "args": sys.argv[1:],
                "env": dict(os.environ), "ip": server.server_address[0]}
        self.answer(json.dumps(seen).encode())

    def do_POST(self):
        self.answer(self.rfile.read(int(self.headers["Content-Length"])))

    def answer(self, body):
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

if "--fail" in sys.argv:
    sys.exit("unknown argument: --fail")
if "--stubborn" in sys.argv:
    signal.signal(signal.SIGTERM, lambda *_: print("I stay", flush=True))
else:
    signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
server = http.server.ThreadingHTTPServer((os.environ["POD_IP"], 8080), Handler)
print("serving on", os.environ["POD_IP"], flush=True)
server.serve_forever()
"""


def make_folder(tmp_path: Path) -> Path:
    """The folder of a cluster, with its list of images."""
    program = tmp_path / "server.py"
    program.write_text(_SERVER)
    folder = tmp_path / "cluster"
    folder.mkdir(mode=0o700)
    image = {"name": "test/server", "tags": ["1", "2"], "command": ["{python}", "-E", "-S", str(program)]}
    tool = {"name": "test/shell", "tags": ["1"], "command": ["/bin/sh", "-c"]}
    (folder / "images.json").write_text(json.dumps({"images": [image, tool]}))
    return folder
