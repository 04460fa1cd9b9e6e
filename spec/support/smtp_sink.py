"""A mail server for specs that need TLS or a login: it takes every message.

    python3 smtp_sink.py none|starttls|smtps [CERTIFICATE KEY]

It prints `port N`, then one line of JSON for each message: {"from", "to", "tls", "login", "text"}.
With TLS it wants the login ada, secret; it ends when it is ended.
"""
import asyncio
import base64
import json
import ssl
import sys

MODE = sys.argv[1]
LOGIN = base64.b64encode(b"\0ada\0secret").decode()


def show(text):
    print(text, flush=True)


class Session:
    def __init__(self, reader, writer, context):
        self.reader, self.writer, self.context = reader, writer, context
        self.has_tls = MODE == "smtps"
        self.has_login = False
        self.letter = {}

    def say(self, *lines):
        for line in lines:
            self.writer.write(line.encode() + b"\r\n")

    def greet(self):
        offers = ["STARTTLS"] if MODE == "starttls" and not self.has_tls else []
        offers += ["AUTH PLAIN"] if self.has_tls else []
        names = ["sink"] + offers
        self.say(*("250%s%s" % ("-" if n < len(names) - 1 else " ", name)
                   for n, name in enumerate(names)))

    async def secure(self):
        self.say("220 go ahead")
        await self.writer.drain()
        await self.writer.start_tls(self.context)
        self.has_tls = True

    async def log_in(self):
        self.say("334 ")
        self.has_login = (await self.reader.readline()).decode().strip() == LOGIN
        self.say("235 welcome" if self.has_login else "535 5.7.8 wrong")

    async def take_text(self):
        self.say("354 go")
        lines = []
        while (line := (await self.reader.readline()).decode().removesuffix("\r\n")) != ".":
            lines.append(line.removeprefix("."))
        show(json.dumps(dict(self.letter, text="\r\n".join(lines), tls=self.has_tls,
                             login=self.has_login)))
        self.say("250 taken")

    async def answer(self, line):
        verb = line[:4].upper()
        if verb == "EHLO":
            self.greet()
        elif line.upper() == "STARTTLS":
            await self.secure()
        elif verb == "AUTH":
            await self.log_in()
        elif verb == "MAIL" and MODE != "none" and not self.has_login:
            self.say("530 5.7.0 log in first")
        elif verb == "MAIL":
            self.letter = {"from": line[11:-1], "to": []}
            self.say("250 sender")
        elif verb == "RCPT":
            self.letter["to"].append(line[9:-1])
            self.say("250 recipient")
        elif verb == "DATA":
            await self.take_text()
        else:
            self.say("221 bye" if verb == "QUIT" else "250 fine")
        return verb != "QUIT"

    async def run(self):
        self.say("220 sink")
        while line := (await self.reader.readline()).decode().rstrip("\r\n"):
            if not await self.answer(line):
                break
        self.writer.close()


async def main():
    context = None
    if MODE != "none":
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(sys.argv[2], sys.argv[3])

    async def serve(reader, writer):
        try:
            await Session(reader, writer, context).run()
        except (ConnectionError, ssl.SSLError):
            pass  # the client broke it off

    server = await asyncio.start_server(serve, "127.0.0.1", 0,
                                        ssl=context if MODE == "smtps" else None)
    show("port %d" % server.sockets[0].getsockname()[1])
    await server.serve_forever()


asyncio.run(main())
