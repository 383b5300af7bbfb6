"""A mail server that delivers to nobody: keeps what it is sent, and answers as the recipient's name asks it to.

Takes its settings as one JSON line on standard input, writes the ports it listens on as one JSON line to standard output, and ends when
standard input does: whoever started it need only go away. What it does to a recipient is said by the local part up to the first dot, so
that there can be several of a kind (`hang.1@example.org`):

    reject550    refused
    rejectdata   refused once the message is there
    grey451      asked to come again, the first time
    drop         the connection breaks once the message is there, which is not kept
    lost         the same the first time, but the message is kept: its sender cannot know
    hang         asked for and never answered
    slow         answered after two seconds

Over HTTP: `/messages?at_least=N`, `/taken?at_least=N` (how many) and `/counts?recipient=ADDRESS&at_least=N` answer once there are as many.
"""

import asyncio
import base64
import json
import logging
import os
import ssl
import sys
import warnings
from collections import Counter
from urllib.parse import parse_qs, urlsplit

from aiosmtpd.smtp import SMTP, AuthResult

SLOW_SECONDS = 2


class Sink:
    def __init__(self, login):
        self.login = login
        self.messages = []
        self.connections = 0
        self.logins = Counter()
        self.recipients = Counter()
        self.lost = set()
        self.changed = asyncio.Condition()

    async def note(self, change):
        async with self.changed:
            change()
            self.changed.notify_all()

    def check_login(self, _server, _session, _envelope, _mechanism, data):
        name, password = (text.decode(errors="replace") for text in (data.login, data.password))
        right = [name, password] == self.login
        self.logins[right] += 1
        # "Handled" would mean that we have answered; the client would wait for ever.
        return AuthResult(success=right, handled=False, auth_data=name)

    async def handle_RCPT(self, server, _session, envelope, address, _options):
        await self.note(lambda: self.recipients.update([address]))
        match kind(address):
            case "reject550":
                return "550 5.1.1 nobody of that name here"
            case "grey451" if self.recipients[address] == 1:
                return "451 4.7.1 greylisted, please come again"
            case "hang":
                await asyncio.Event().wait()
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server, session, envelope):
        for address in envelope.rcpt_tos:
            match kind(address):
                case "rejectdata":
                    return "554 5.7.1 this does not look like mail"
                case "drop":
                    return await broken(server)
                case "lost" if address not in self.lost:
                    self.lost.add(address)
                    await self.keep(server, session, envelope)
                    return await broken(server)
                case "slow":
                    await asyncio.sleep(SLOW_SECONDS)
        await self.keep(server, session, envelope)
        return f"250 2.0.0 taken as {len(self.messages)}"

    async def keep(self, server, session, envelope):
        message = {
            "from": envelope.mail_from,
            "to": envelope.rcpt_tos,
            "data": base64.b64encode(envelope.original_content).decode(),
            "connection": server.number,
            "hello": session.host_name,
            "tls": server.transport.get_extra_info("ssl_object") is not None,
            "login": session.auth_data,
        }
        await self.note(lambda: self.messages.append(message))

    async def answer(self, path, query):
        number = int(query.get("at_least", ["0"])[0])
        match path:
            case "/messages":
                await self.until(lambda: len(self.messages) >= number)
                return self.messages
            case "/taken":
                await self.until(lambda: len(self.messages) >= number)
                return len(self.messages)
            case "/counts":
                recipient = query.get("recipient", [""])[0]
                await self.until(lambda: self.recipients[recipient] >= number)
                return {
                    "connections": self.connections,
                    "logins": self.logins[True],
                    "refused_logins": self.logins[False],
                    "recipients": dict(+self.recipients),
                }

    async def until(self, is_so):
        async with self.changed:
            await self.changed.wait_for(is_so)

    async def http(self, reader, writer):
        """Enough of HTTP for one client that we know: a request without a body, and the end of the connection as the end of the answer."""
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            target = urlsplit(request.split()[1].decode())
            body = json.dumps(await self.answer(target.path, parse_qs(target.query))).encode()
            head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(head.encode() + body)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            # It has gone, as one does that has waited long enough.
            pass
        finally:
            writer.close()


def kind(address):
    return address.split("@")[0].split(".")[0]


async def broken(server):
    server.transport.abort()
    # The breaking of the connection ends this.
    await asyncio.Event().wait()


def certificate(settings):
    if settings["security"] == "Plain":
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings["certificate"], settings["key"])
    return context


async def main():
    loop = asyncio.get_running_loop()
    settings = json.loads(await loop.run_in_executor(None, sys.stdin.readline))
    sink = Sink(settings["login"])
    context = certificate(settings)
    starttls = settings["security"] == "StartTls"

    def connection():
        sink.connections += 1
        server = SMTP(
            sink,
            hostname="sink.example",
            enable_SMTPUTF8=True,
            tls_context=context if starttls else None,
            require_starttls=starttls,
            auth_required=sink.login is not None,
            auth_require_tls=starttls,
            auth_exclude_mechanism=[] if sink.login else ["PLAIN", "LOGIN"],
            authenticator=sink.check_login,
            loop=loop,
        )
        server.number = sink.connections
        return server

    within = None if starttls else context
    smtp = await loop.create_server(connection, "127.0.0.1", settings["port"], ssl=within)
    http = await asyncio.start_server(sink.http, "127.0.0.1", 0)
    smtp_port, http_port = (server.sockets[0].getsockname()[1] for server in (smtp, http))
    print(json.dumps({"smtp": smtp_port, "http": http_port}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    # Not an orderly end, which would wait for connections that hang.
    os._exit(0)


# That a login without TLS is unwise is what some tests are about.
logging.disable(logging.WARNING)
warnings.simplefilter("ignore")
asyncio.run(main())
