"""Mail through a real SMTP server: what arrives, and what each way of refusing it means."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from bot.channels import email as channel
from bot.channels.email import Email, EmailSettings
from bot.core.errors import DeliveryError, Misconfigured, Refused, TryLater, Unreachable
from bot.core.message import Address, Reply
from bot.rehearsal.mailbox import Mailbox

ADA = Address("email", "ada@mail.example.com")
HELLO = Reply("The subject\n\nFirst paragraph.\n\nSecond <b>one</b> & more.", reference="order:17:opened")


@dataclass
class Server:
    """What the server does at each command; what came of it."""

    mail: str = "250 OK"
    rcpt: str = "250 OK"
    data: str = "250 OK"
    slow: dict[str, float] = field(default_factory=dict)
    drop: str = ""
    taken: list[EmailMessage] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)

    async def _at(self, step: str, server: SMTP) -> None:
        await asyncio.sleep(self.slow.get(step, 0))
        if self.drop == step:
            server.transport.abort()

    async def handle_MAIL(self, server: SMTP, session: Session, envelope: Envelope, address: str, options) -> str:
        await self._at("mail", server)
        envelope.mail_from = address
        return self.mail

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options) -> str:
        await self._at("rcpt", server)
        if self.rcpt.startswith("2"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.data.startswith("2"):
            content = envelope.content.replace(b"\r\n", b"\n")
            self.taken.append(message_from_bytes(content, policy=policy.default))
        await self._at("data", server)
        return self.data

    def authenticate(self, server, session, envelope, mechanism, given: LoginPassword) -> AuthResult:
        self.logins.append(given.login.decode())
        return AuthResult(success=given.password == b"right")


@asynccontextmanager
async def serving(
    handler: Server, *, tls: ssl.SSLContext | None = None, wrapped: bool = False, **more
) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    made: list[SMTP] = []

    def one() -> SMTP:
        made.append(SMTP(handler, hostname="mail.test", tls_context=None if wrapped else tls, loop=loop, **more))
        return made[-1]

    server = await loop.create_server(one, "127.0.0.1", 0, ssl=tls if wrapped else None)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for one_of in made:
            if one_of.transport:
                one_of.transport.abort()
        await asyncio.sleep(0)


def settings(port: int, **more) -> EmailSettings:
    return EmailSettings("127.0.0.1", port, "privacy@example.com", name="Example Cloud", **({"tls": "none"} | more))


async def failure(handler: Server, **more) -> DeliveryError:
    async with serving(handler) as port:
        with pytest.raises(DeliveryError) as raised:
            await Email(settings(port, **more)).send(ADA, HELLO)
    assert "ada" not in str(raised.value)
    return raised.value


async def test_a_reply_arrives_as_plain_text_and_html():
    server = Server()
    async with serving(server) as port:
        receipt = await Email(settings(port)).send(ADA, HELLO)
    [mail] = server.taken
    assert (mail["From"], mail["To"], mail["Subject"]) == (
        "Example Cloud <privacy@example.com>",
        "ada@mail.example.com",
        "The subject",
    )
    assert mail["Message-ID"] == receipt.platform_id
    assert mail["Auto-Submitted"] == "auto-generated"
    plain, html = (mail.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert plain == "First paragraph.\n\nSecond <b>one</b> & more.\n"
    assert "<p>First paragraph.</p>" in html
    assert "Second &lt;b&gt;one&lt;/b&gt; &amp; more." in html
    assert "http" not in html, "nothing is fetched"


async def test_chinese_arrives_whole():
    server = Server()
    async with serving(server) as port:
        await Email(settings(port)).send(ADA, Reply("标题：验证码\n您的验证码是 1234 5678。", language="zh"))
    [mail] = server.taken
    assert mail["Subject"] == "标题：验证码"
    assert "您的验证码是 1234 5678。" in mail.get_body(("plain",)).get_content()


async def test_a_link_is_one(monkeypatch):
    server = Server()
    async with serving(server) as port:
        await Email(settings(port)).send(ADA, Reply("S\nText", link='https://example.com/x?a=1&b="2'))
    [mail] = server.taken
    assert 'href="https://example.com/x?a=1&amp;b=&quot;2"' in mail.get_body(("html",)).get_content()
    assert "https://example.com/x?a=1&b=" in mail.get_body(("plain",)).get_content()


async def test_a_repeat_of_one_message_carries_the_same_name_and_another_message_another():
    server = Server()
    async with serving(server) as port:
        email = Email(settings(port))
        for reply, to in (
            (HELLO, ADA),
            (HELLO, ADA),
            (Reply("S\nOther"), ADA),
            (HELLO, Address("email", "bo@example.com")),
        ):
            await email.send(to, reply)
    names = [mail["Message-ID"] for mail in server.taken]
    assert names[0] == names[1]
    assert len(set(names)) == 3
    assert all(name.endswith("@example.com>") for name in names)


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\x00"])
async def test_no_text_can_add_a_header(break_: str):
    server = Server()
    async with serving(server) as port:
        own = EmailSettings(
            "127.0.0.1", port, "privacy@example.com", tls="none", name=f"A{break_}Bcc: evil@example.com"
        )
        text = f"Subject{break_}Bcc: evil@example.com{break_}{break_}body"
        await Email(own).send(ADA, Reply(text, reference=f"x{break_}Bcc: y"))
    [mail] = server.taken
    assert mail["Bcc"] is None
    assert [name for name, _ in mail.items()] == [
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version"),
        *("Content-Type", "Content-Language"),
    ]


@pytest.mark.parametrize(
    "user", ["ada@mail.example.com\r\nBcc: x@y.zz", "a@b.cc, d@e.ff", "<a@b.cc>", "", "Ada@mail.example.com"]
)
async def test_what_is_no_address_in_its_one_form_is_never_tried(user: str):
    server = Server()
    async with serving(server) as port:
        with pytest.raises(Unreachable):
            await Email(settings(port)).send(Address("email", user), HELLO)
    assert server.taken == []


async def test_lines_of_dots_and_very_long_ones_arrive_whole():
    server = Server()
    text = "S\n\n.\n..\n." + "x" * 5000 + "\nlast"
    async with serving(server) as port:
        await Email(settings(port)).send(ADA, Reply(text))
    assert server.taken[0].get_body(("plain",)).get_content() == text.partition("\n\n")[2] + "\n"


# ---- a server that refuses


@pytest.mark.parametrize("code", [450, 451, 452])
async def test_greylisting_is_tried_later_for_this_person_alone(code: int):
    later = await failure(Server(rcpt=f"{code} 4.7.1 come back"))
    assert isinstance(later, TryLater)
    assert (later.unsure, later.halts) == (False, "person")
    assert later.after >= timedelta(minutes=1)


@pytest.mark.parametrize("code", [550, 551, 553])
async def test_an_address_that_is_refused_is_unreachable(code: int):
    gone = await failure(Server(rcpt=f"{code} 5.1.1 no such user ada@mail.example.com"))
    assert isinstance(gone, Unreachable)
    assert gone.reason == f"smtp_{code}"


async def test_a_mail_that_is_refused_is_refused():
    assert isinstance(await failure(Server(data="554 5.7.1 not here")), Refused)
    assert isinstance(await failure(Server(mail="550 5.7.1 who are you")), Refused)


async def test_a_mail_put_off_at_its_end_was_not_taken():
    later = await failure(Server(data="451 4.3.0 disk full"))
    assert isinstance(later, TryLater)
    assert not later.unsure


async def test_a_server_that_closes_says_so_to_everyone():
    later = await failure(Server(mail="421 4.3.2 shutting down"))
    assert isinstance(later, TryLater)
    assert (later.unsure, later.halts) == (False, "everyone")


@pytest.mark.parametrize(("step", "unsure"), [("mail", False), ("rcpt", False), ("data", True)])
async def test_a_line_that_breaks_leaves_it_open_only_after_the_whole_mail(step: str, unsure: bool):
    later = await failure(Server(drop=step))
    assert isinstance(later, TryLater)
    assert (later.unsure, later.halts) == (unsure, "everyone")


@pytest.mark.parametrize(("step", "unsure"), [("mail", False), ("rcpt", False), ("data", True)])
async def test_a_server_that_stalls_is_left_in_time(monkeypatch, step: str, unsure: bool):
    monkeypatch.setattr(channel, "WITHIN", timedelta(seconds=0.3))
    began = asyncio.get_running_loop().time()
    later = await failure(Server(slow={step: 3.0}))
    assert isinstance(later, TryLater)
    assert later.unsure is unsure
    assert asyncio.get_running_loop().time() - began < 2.5


async def test_no_server_at_all_is_tried_later():
    async with serving(Server()) as port:
        pass
    with pytest.raises(TryLater) as raised:
        await Email(settings(port)).send(ADA, HELLO)
    assert (raised.value.unsure, raised.value.halts) == (False, "everyone")


async def test_a_server_that_stalls_at_goodbye_has_taken_the_mail(monkeypatch):
    server = Server()

    async def handle_QUIT(self, server, session, envelope) -> str:
        await asyncio.sleep(3)
        return "221 bye"

    monkeypatch.setattr(Server, "handle_QUIT", handle_QUIT, raising=False)
    async with serving(server) as port:
        assert (await Email(settings(port)).send(ADA, HELLO)).platform_id
    assert len(server.taken) == 1


# ---- encryption and sign-in


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Callable[[bool], ssl.SSLContext]:
    """A certificate for this machine: the server's side, or who trusts it."""
    folder = tmp_path_factory.mktemp("tls")
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path: Path = folder / "both.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))

    def context(server_side: bool) -> ssl.SSLContext:
        if not server_side:
            return ssl.create_default_context(cafile=str(path))
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        made.load_cert_chain(path)
        return made

    return context


async def test_starttls_and_tls_carry_the_mail(trust):
    for tls, wrapped in (("starttls", False), ("tls", True)):
        server = Server()
        async with serving(server, tls=trust(True), wrapped=wrapped) as port:
            await Email(settings(port, tls=tls), trust=trust(False)).send(ADA, HELLO)
        assert len(server.taken) == 1, tls


async def test_a_certificate_of_nobody_known_is_not_believed(trust):
    server = Server()
    async with serving(server, tls=trust(True)) as port:
        with pytest.raises(TryLater) as raised:
            await Email(settings(port, tls="starttls")).send(ADA, HELLO)
    assert raised.value.halts == "everyone"
    assert server.taken == []


async def test_a_server_that_offers_no_encryption_gets_no_mail():
    server = Server()
    async with serving(server) as port:
        with pytest.raises(TryLater) as raised:
            await Email(settings(port, tls="starttls")).send(ADA, HELLO)
    assert raised.value.halts == "everyone"
    assert server.taken == []


async def test_sign_in_is_only_done_under_encryption_and_a_wrong_password_halts_everyone(trust):
    for password, arrives in (("right", 1), ("wrong", 0)):
        server = Server()
        async with serving(server, tls=trust(True), authenticator=server.authenticate, auth_required=True) as port:
            email = Email(settings(port, tls="starttls", user="bot", password=password), trust=trust(False))
            if arrives:
                await email.send(ADA, HELLO)
            else:
                with pytest.raises(TryLater) as raised:
                    await email.send(ADA, HELLO)
                assert (raised.value.halts, raised.value.unsure) == ("everyone", False)
        assert (set(server.logins), len(server.taken)) == ({"bot"}, arrives)


@pytest.mark.parametrize(
    ("wrong", "name"),
    [
        ({"host": ""}, "SMTP_HOST"),
        ({"port": 0}, "SMTP_PORT"),
        ({"sender": "nobody"}, "SMTP_FROM"),
        ({"sender": "a@b.cc\nBcc: x@y.zz"}, "SMTP_FROM"),
        ({"tls": "none"}, "SMTP_TLS"),
        ({"user": "bot"}, "SMTP_PASSWORD"),
    ],
)
def test_settings_say_what_is_wrong(wrong: dict, name: str):
    right = {"host": "smtp.example.com", "port": 587, "sender": "privacy@example.com"}
    EmailSettings(**right)
    with pytest.raises(Misconfigured) as raised:
        EmailSettings(**(right | wrong))
    assert [problem.partition(":")[0] for problem in raised.value.problems] == [name]


def test_the_password_is_shown_nowhere():
    assert "hunter2" not in repr(EmailSettings("h", 25, "a@b.cc", "bot", "hunter2"))


# ---- the rehearsal's own mailbox


async def test_the_mailbox_of_the_rehearsal_takes_what_the_channel_sends():
    mailbox = Mailbox()
    port = await mailbox.start()
    try:
        text = "标题\n\n您的验证码是 1234 5678。\n\n.\n..two"
        await Email(settings(port)).send(ADA, Reply(text))
    finally:
        await mailbox.close()
    [mail] = mailbox.mails
    assert (mail.to, mail.sender, mail.subject) == ("ada@mail.example.com", "privacy@example.com", "标题")
    assert mail.text.replace("\r", "") == "您的验证码是 1234 5678。\n\n.\n..two\n"


@pytest.mark.parametrize(
    "said", [b"\xff\xfe\x00\r\n", b"DATA\r\n", b"x" * 50_000, b"", b"MAIL\r\nRCPT\r\nDATA\r\nno end"]
)
async def test_the_mailbox_survives_what_is_no_mail(said: bytes):
    mailbox = Mailbox()
    port = await mailbox.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(said)
    await writer.drain()
    writer.close()
    await reader.read()
    await Email(settings(port)).send(ADA, HELLO)
    assert len(mailbox.mails) == 1
    await mailbox.close()


@pytest.mark.parametrize(
    "odd", ["half \ud83d and \udc00 half", "bell\x07 nul\x00", "pay \u202elatot\u202c", "😀 e\u0301"]
)
async def test_odd_characters_cost_no_mail(odd: str):
    server = Server()
    async with serving(server) as port:
        await Email(settings(port)).send(ADA, Reply(f"S {odd}\n{odd}"))
    text = server.taken[0].get_body(("plain",)).get_content()
    assert not set(text) & set("\x00\x07\u202e\ud83d\udc00")
