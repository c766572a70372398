"""One attempt over a real network: what arrives, and what is said about everything that can go wrong."""

import asyncio
import datetime
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from jobs.delivery.signed_webhook import Attempt, SignedWebhook, Trouble
from sandbox.serve import serving
from sandbox.webhook_receiver import WebhookReceiver

BODY = b'{"type":"test"}'
Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@pytest.fixture
async def sender() -> AsyncIterator[SignedWebhook]:
    opened = SignedWebhook(allow_private=True)
    yield opened
    await opened.aclose()


@asynccontextmanager
async def speaking(talk: Talk, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """A server that reads a request's head and then does what the test says; its port."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            tasks.add(task)
        try:
            await reader.readuntil(b"\r\n\r\n")
            await talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answering(text: bytes) -> Talk:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(text)
        await writer.drain()

    return talk


def trouble_of(attempt: Attempt) -> Trouble:
    assert attempt.trouble is not None
    return attempt.trouble


async def test_the_bytes_and_the_headers_arrive(sender: SignedWebhook) -> None:
    receiver = WebhookReceiver()
    async with serving(receiver.app) as url:
        attempt = await sender.send(f"{url}/hook?a=1", BODY, {"webhook-id": "msg_1"})
    [received] = receiver.received
    assert (attempt.trouble, attempt.status_code) == (None, 204)
    assert (received.body, received.path, received.webhook_id) == (BODY, "/hook", "msg_1")
    assert received.headers["content-type"] == "application/json"
    assert received.headers["host"] == url.removeprefix("http://")
    assert "cookie" not in received.headers


async def test_no_cookie_of_one_receiver_reaches_anybody(sender: SignedWebhook) -> None:
    receiver = WebhookReceiver(headers={"set-cookie": "who=anna"})
    async with serving(receiver.app) as url:
        for _ in range(2):
            await sender.send(url, BODY, {})
    assert ["cookie" in each.headers for each in receiver.received] == [False, False]


@pytest.mark.parametrize(
    ("status", "code", "words"),
    [
        (301, "redirect", "points to https://elsewhere.example/hook. Redirects are not followed"),
        (307, "redirect", "register the address"),
        (400, "http", "answered 400. Only an answer from 200 to 299"),
        (401, "http", "401"),
        (410, "gone", "410 Gone"),
        (413, "http", "15 bytes are too large for it. Set the endpoint's payload to thin"),
        (500, "http", "500"),
    ],
)
async def test_any_other_answer_is_a_failure_with_words(
    sender: SignedWebhook, status: int, code: str, words: str
) -> None:
    receiver = WebhookReceiver(do=str(status), headers={"location": "https://elsewhere.example/hook"})
    async with serving(receiver.app) as url:
        attempt = await sender.send(url, BODY, {})
    assert (attempt.status_code, trouble_of(attempt).code) == (status, code)
    assert words in trouble_of(attempt).detail
    assert len(receiver.received) == 1, "nothing is followed"


@pytest.mark.parametrize(
    ("status", "header", "seconds"),
    [(429, "7", 7), (503, "99999999", 86400), (503, "Fri, 01 Jan 2021 00:00:00 GMT", 0), (429, "soon", None),
     (500, "7", None)],
)  # fmt: skip
async def test_how_long_the_receiver_asks_to_wait(
    sender: SignedWebhook, status: int, header: str, seconds: float | None
) -> None:
    receiver = WebhookReceiver(do=str(status), headers={"retry-after": header})
    async with serving(receiver.app) as url:
        attempt = await sender.send(url, BODY, {})
    assert attempt.retry_after == seconds


async def test_a_receiver_that_hangs_is_left_in_time(sender: SignedWebhook) -> None:
    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    async with speaking(hang) as port:
        attempt = await sender.send(f"http://127.0.0.1:{port}/", BODY, {}, total=0.1)
    assert trouble_of(attempt).code == "timeout"


async def test_a_receiver_that_trickles_is_left_in_time(sender: SignedWebhook) -> None:
    """A limit for each read would let it go on for ever."""

    async def trickle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.01)

    async with speaking(trickle) as port:
        attempt = await sender.send(f"http://127.0.0.1:{port}/", BODY, {}, total=0.2)
    assert (trouble_of(attempt).code, attempt.status_code) == ("timeout", None)


async def test_a_success_counts_though_its_body_never_ends(sender: SignedWebhook) -> None:
    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nthanks")
        await asyncio.sleep(60)

    async with speaking(endless) as port:
        attempt = await sender.send(f"http://127.0.0.1:{port}/", BODY, {}, total=0.2)
    assert (attempt.trouble, attempt.status_code) == (None, 200)


async def test_of_a_flood_only_the_beginning_is_read(sender: SignedWebhook) -> None:
    written = 0

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        writer.write(b"HTTP/1.1 500 Oops\r\ncontent-length: 1000000000\r\n\r\n")
        while written < 200_000_000:
            writer.write(b"a\0" * 32_000)
            await writer.drain()
            written += 64_000

    async with speaking(flood) as port:
        attempt = await sender.send(f"http://127.0.0.1:{port}/", BODY, {})
    assert written < 100_000_000
    assert attempt.answer == "a\N{REPLACEMENT CHARACTER}" * 2048


@pytest.mark.parametrize(
    ("text", "code"),
    [(b"", "protocol"), (b"SSH-2.0-OpenSSH\r\n\r\n", "protocol"), (b"HTTP/1.1 200 OK\r\n", "protocol")],
)
async def test_what_answers_is_no_web_server(sender: SignedWebhook, text: bytes, code: str) -> None:
    async with speaking(answering(text)) as port:
        attempt = await sender.send(f"http://127.0.0.1:{port}/", BODY, {})
    assert trouble_of(attempt).code == code


async def test_nobody_listens(sender: SignedWebhook) -> None:
    attempt = await sender.send("http://127.0.0.1:9/", BODY, {})
    assert trouble_of(attempt).code == "connection"
    assert "cannot be reached" in trouble_of(attempt).detail


async def test_a_name_that_is_none_does_not_blame_the_url(sender: SignedWebhook) -> None:
    attempt = await sender.send("http://nowhere.invalid/", BODY, {})
    assert trouble_of(attempt).code == "dns"
    assert "does not mean that your URL is wrong" in trouble_of(attempt).detail


@pytest.mark.parametrize(
    "url",
    ["https://127.0.0.1/", "https://localhost/", "https://2130706433/", "https://0x7f.1/", "https://[::1]/",
     "https://[::ffff:127.0.0.1]/", "https://169.254.169.254/"],
)  # fmt: skip
async def test_in_production_nothing_inside_is_reached(url: str) -> None:
    sender = SignedWebhook()
    attempt = await sender.send(url, BODY, {})
    assert trouble_of(attempt).code == "refused_address"
    await sender.aclose()


async def test_in_production_nothing_goes_out_without_tls() -> None:
    sender = SignedWebhook()
    attempt = await sender.send("http://example.com/", BODY, {})
    assert trouble_of(attempt).code == "refused_address"
    assert "https://" in trouble_of(attempt).detail
    await sender.aclose()


@pytest.mark.parametrize("url", ["", "https://", "nonsense", "https://exa mple/", "http://[::1", "http://a:99999/"])
async def test_a_url_that_is_none(sender: SignedWebhook, url: str) -> None:
    assert trouble_of(await sender.send(url, BODY, {})).code in ("url", "refused_address", "dns")


async def test_the_environment_names_no_proxy_for_us(sender: SignedWebhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    receiver = WebhookReceiver()
    async with serving(receiver.app) as url:
        assert (await sender.send(url, BODY, {})).trouble is None


@pytest.mark.parametrize("trusted", [True, False])
async def test_a_certificate_is_checked_against_the_name_in_the_url(tmp_path: Path, trusted: bool) -> None:
    server, authority = certificate(tmp_path)
    client = ssl.create_default_context(cafile=str(authority)) if trusted else None
    sender = SignedWebhook(allow_private=True, tls=client)
    answer = answering(b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")
    async with speaking(answer, server) as port:
        right = await sender.send(f"https://localhost:{port}/", BODY, {})
        wrong = await sender.send(f"https://127.0.0.1:{port}/", BODY, {})
    await sender.aclose()
    assert (right.trouble is None) == trusted
    for attempt in [wrong] if trusted else [right, wrong]:
        assert trouble_of(attempt).code == "tls"
        assert "certificate is not valid" in trouble_of(attempt).detail


def certificate(folder: Path) -> tuple[ssl.SSLContext, Path]:
    """Of `localhost`, signed by itself: the server's context, and the file that a client trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.UTC)
    names = x509.SubjectAlternativeName([x509.DNSName("localhost")])
    built = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1)).add_extension(names, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True).sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "certificate.pem").write_bytes(built.public_bytes(pem))
    (folder / "key.pem").write_bytes(secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return context, folder / "certificate.pem"
