"""Fixtures of the tests of synth: an endpoint on loopback, stages that answer as told, a candidate."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from stand_ins import KERNEL, PASSING, Endpoint, stages

from verify.verdict import Outcome


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Endpoint]:
    """A running server; the environment names no other and holds no key."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found.asked.append(
                {
                    "path": self.path,
                    "headers": {name.lower(): value for name, value in self.headers.items()},
                    "body": body,
                }
            )
            reply = found.replies[min(len(found.asked), len(found.replies)) - 1]
            time.sleep(reply.delay)
            text = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            try:
                self.send_response(reply.status)
                for name, value in ({"Content-Type": "application/json"} | reply.headers).items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)
            except OSError:
                pass  # the client gave up waiting

        def log_message(self, *arguments: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = Endpoint(f"http://127.0.0.1:{server.server_address[1]}/v1")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def standard(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets what the tool's own stages are: `standard(bounds=Outcome.REFUTED)`."""

    def choose(**outcomes: Outcome) -> None:
        chosen = stages(**{**PASSING, **outcomes})
        monkeypatch.setattr("synth.pipeline.standard", lambda **options: chosen)

    choose()
    return choose


@pytest.fixture
def kernel(tmp_path: Path) -> Path:
    """A candidate for softmax in a file."""
    path = tmp_path / "kernel.py"
    path.write_text(KERNEL)
    return path
