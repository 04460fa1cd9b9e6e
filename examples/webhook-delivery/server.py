"""Receivers of webhooks: /ok, /busy (503 and a Retry-After of 1 s, once), /date (the same as a date), /gone.

GET /log tells the calls as JSON: path, key, and milliseconds since the first call of the same path.
"""
import email.utils
import http.server
import json
import time

calls = []
first = {}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, headers=None, body=b""):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        self.answer(200, body=json.dumps(calls).encode())

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        is_first = self.path not in first
        now = time.monotonic()
        since = now - first.setdefault(self.path, now)
        calls.append({"path": self.path, "key": self.headers["Idempotency-Key"], "ms": int(since * 1000)})
        if self.path == "/gone":
            self.answer(410)
        elif self.path == "/busy" and is_first:
            self.answer(503, {"Retry-After": "1"})
        elif self.path == "/date" and is_first:
            self.answer(503, {"Retry-After": email.utils.formatdate(time.time() + 2, usegmt=True)})
        else:
            self.answer(204)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
