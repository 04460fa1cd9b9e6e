"""An API with 30 products, which is busy (429) once. GET /span tells the seconds from first to last request."""
import http.server
import json
import time

PRODUCTS = range(1, 31)
times = []
busy = {"/products/7"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if self.path == "/span":
            return self.answer(200, {"requests": len(times), "ms": int((times[-1] - times[0]) * 1000)})
        times.append(time.monotonic())
        if self.path == "/products":
            return self.answer(200, list(PRODUCTS))
        if self.path in busy:
            busy.remove(self.path)
            return self.answer(429, {"error": "slow down"})
        return self.answer(200, {"name": "product " + self.path.split("/")[-1], "price": 1.5})

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
