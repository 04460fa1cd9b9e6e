"""A mail server that greylists: every recipient is asked to come back once. nobody@ does not exist.

Prints its port, then serves until it is killed; accepted mails go to the folder `inbox`.
"""
import os
import socketserver

seen = set()


class Session(socketserver.StreamRequestHandler):
    def say(self, line):
        self.wfile.write(line.encode() + b"\r\n")

    def take_recipient(self, address):
        if address.startswith("nobody@"):
            self.say("550 no such user")
        elif address not in seen:
            seen.add(address)
            self.say("450 greylisted, come back later")
        else:
            self.recipient = address
            self.say("250 ok")

    def take_message(self):
        self.say("354 go on")
        lines = iter(self.rfile.readline, b".\r\n")
        with open(f"inbox/{self.recipient}.eml", "wb") as file:
            file.writelines(lines)
        self.say("250 ok")

    def handle(self):
        self.say("220 greylist.example")
        for line in self.rfile:
            text = line.decode().strip()
            verb = text.upper()
            if verb.startswith("RCPT TO:"):
                self.take_recipient(text[8:].strip(" <>"))
            elif verb == "DATA":
                self.take_message()
            elif verb == "QUIT":
                self.say("221 bye")
                return
            else:
                self.say("250 ok")


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


os.makedirs("inbox", exist_ok=True)
with Server(("127.0.0.1", 0), Session) as server:
    print(server.server_address[1], flush=True)
    server.serve_forever()
