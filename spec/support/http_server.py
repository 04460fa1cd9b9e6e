"""An HTTP/1.1 server for specs: http_server.py [CERTIFICATE KEY]. It prints its port, then a line of
JSON for each request, and for each client that left before it had its answer. The path says what
the answer is; connections are kept."""

import asyncio
import gzip
import json
import ssl
import sys


def show(**what):
    print(json.dumps(what), flush=True)


def response(status, body=b"", headers=()):
    lines = ["HTTP/1.1 %d Some Reason" % status, "Content-Length: %d" % len(body), *headers]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


class Client:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer
        self.headers = []
        self.method = self.path = ""

    async def read_request(self):
        head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        self.method, self.path, _ = first.split(" ")
        self.headers = [line.split(": ", 1) if ": " in line else [line.rstrip(":;"), ""]
                        for line in lines]
        length = dict((name.lower(), value) for name, value in self.headers).get("content-length")
        return await self.reader.readexactly(int(length or 0))

    def send(self, *arguments):
        self.writer.write(response(*arguments))

    async def wait_for_goodbye(self):
        """The answer never comes, and the client leaves, perhaps without having read what did."""
        try:
            await self.reader.read()
        except ConnectionError:
            pass
        show(left=self.path)

    async def answer(self, body):
        path = self.path.split("?")[0]
        if path.startswith("http://"):  # as a proxy is asked
            path = "/" + path.split("/", 3)[3]
        _, kind, *rest = path.split("/")
        argument = "/".join(rest)
        if kind == "echo":
            seen = {"method": self.method, "headers": self.headers, "body": body.decode("latin-1"),
                    "path": self.path}
            self.send(200, json.dumps(seen).encode(), ["Content-Type: application/json"])
        elif kind == "status":
            self.send(int(argument), b"as asked")
        elif kind == "bytes":
            self.send(200, b"x" * int(argument))
        elif kind == "endless":
            self.writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            while not self.writer.is_closing():
                self.writer.write(b"x" * 65536)
                await self.writer.drain()
        elif kind == "gzip":
            self.send(200, gzip.compress(b"x" * int(argument)), ["Content-Encoding: gzip"])
        elif kind == "headers":
            self.send(200, b"", ["X-Twice: a", "x-twice:  b ", "Set-Cookie: a=1, b",
                                 "Set-Cookie: c=2", "X-Folded: one", "  two", "X-Empty:"])
        elif kind == "many-headers":
            self.send(200, b"", ["X-Much: " + "x" * 50000] * 10)
        elif kind == "redirect":  # redirect/STATUS/WHERE
            status, where = argument.split("/", 1)
            self.send(int(status), b"elsewhere", ["Location: " + where.replace("|", "/")])
        elif kind == "hops":  # so many redirects, then an answer
            left = int(argument)
            self.send(302, b"", ["Location: /hops/%d" % (left - 1)]) if left else self.send(200, b"end")
        elif kind == "interim":
            self.writer.write(b"HTTP/1.1 103 Early Hints\r\nX-Early: 1\r\n\r\n")
            self.send(200, b"late", ["X-Late: 1"])
        elif kind == "silent":
            await self.wait_for_goodbye()
            return False
        elif kind == "half":
            self.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            await self.wait_for_goodbye()
            return False
        elif kind == "cut":
            self.writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
            return False
        elif kind == "closed":
            return False
        elif kind == "nonsense":
            self.writer.write(b"220 this is mail\r\n\r\n")
            return False
        elif kind == "delay":
            await asyncio.sleep(int(argument) / 1000)
            self.send(200, b"done")
        return True

    async def run(self):
        while True:
            body = await self.read_request()
            show(method=self.method, path=self.path, headers=self.headers)
            if not await self.answer(body):
                break


async def serve(reader, writer):
    try:
        await Client(reader, writer).run()
    except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
        pass  # the client is gone
    finally:
        writer.close()


async def main():
    context = None
    if len(sys.argv) > 1:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[1], sys.argv[2])
    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context, backlog=4096)
    print("port %d" % server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


asyncio.run(main())
