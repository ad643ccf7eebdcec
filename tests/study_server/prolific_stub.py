"""A local server that answers as Prolific's API documentation says."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from study_server.recruitment.prolific import ProlificClient

TOKEN = "a token for the tests alone"
Answer = tuple[int, dict[str, str], bytes]  # status, headers, body
STUDY = "671b8ae84509b9a624b95e13"


@dataclass
class Stub:
    """The stub's data and the requests it got. refusals: (status, headers, body) sent first."""

    submissions: list[dict[str, Any]] = field(default_factory=list)
    page_size: int = 2
    refusals: list[Answer] = field(default_factory=list)
    heard: list[tuple[str, str, Any]] = field(default_factory=list)
    address: str = ""
    silent: bool = False
    settled: dict[str, dict[str, Any]] = field(default_factory=dict)  # by submission

    def answer(self, method: str, path: str, body: Any) -> Answer:
        self.heard.append((method, path, body))
        if self.refusals:
            return self.refusals.pop(0)
        if "/submissions/?" in path or path.endswith(f"/studies/{STUDY}/submissions/"):
            return 200, {}, json.dumps(self.page(int(path.partition("page=")[2] or 1))).encode()
        if path.endswith("/bonus-payments/"):
            return 200, {}, json.dumps({"id": "b1", "total_amount": 255, "study": STUDY}).encode()
        if method == "GET":
            return 200, {}, json.dumps(self.find(path.split("/")[-2])).encode()
        if path.endswith("/transition/"):
            self.settled[path.split("/")[-3]] = {"status": "APPROVED"}
        if path.endswith("/request-return/"):
            self.settled[path.split("/")[-3]] = {"return_requested": "2026-01-05T10:00:00Z"}
        return 200, {}, b"{}"

    def find(self, id_: str) -> dict[str, Any]:
        """Return one submission; those that nobody listed await a review."""
        waiting = {"id": id_, "participant_id": f"p{id_[1:]}", "status": "AWAITING REVIEW"}
        listed = (one for one in self.submissions if one["id"] == id_)
        return next(listed, waiting) | self.settled.get(id_, {})

    def page(self, number: int) -> dict[str, Any]:
        last = number * self.page_size
        url = f"{self.address}/studies/{STUDY}/submissions/?page={number + 1}"
        href = url if last < len(self.submissions) else None
        return {
            "results": self.submissions[last - self.page_size : last],
            "_links": {"self": {"href": "x", "title": "Self"}, "next": {"href": href}},
            "meta": {"count": len(self.submissions)},
        }


@contextmanager
def speaking(stub: Stub) -> Iterator[ProlificClient]:
    class Handler(BaseHTTPRequestHandler):
        def respond(self) -> None:
            if stub.silent:
                self.close_connection = True
                return
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            refused: Answer = 401, {}, b'{"error": {"detail": "Invalid token"}}'
            known = self.headers["Authorization"] == f"Token {TOKEN}"
            status, headers, content = (
                stub.answer(self.command, self.path, body) if known else refused
            )
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = respond

        def log_message(self, *_: object) -> None:
            """Print nothing on the tests' terminal."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    stub.address = f"http://127.0.0.1:{server.server_port}/api/v1"
    try:
        yield ProlificClient(TOKEN, stub.address, timeout_s=5, sleep=lambda _seconds: None)
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def submission(number: int, status: str, **more: Any) -> dict[str, Any]:
    return {"id": f"s{number}", "participant_id": f"p{number}", "status": status} | more
