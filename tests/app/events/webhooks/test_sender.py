"""One message on its way: to the address that was checked, by the name it was asked for, within bounds."""

import shutil
import socket
import ssl
import subprocess
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from app.events.webhooks import sender
from app.events.webhooks.sender import Sender
from core.network.webhooks.signing import SecretsFile, SigningSecret
from tests.app.events.webhooks.conftest import HERE
from tests.app.events.webhooks.receiver import Receiver, receiving

OPENSSL = shutil.which("openssl")


@pytest.fixture
def signer(signing: SecretsFile) -> SigningSecret:
    return signing.create("one", None)


async def test_a_name_that_leads_elsewhere_a_moment_later_leads_nowhere(
    receiver: Receiver, signer: SigningSecret, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = socket.getaddrinfo, list[str]()

    def rebinding(host: str, *options: Any, **more: Any) -> Any:
        if host != "rebinding.example":
            return real(host, *options, **more)
        asked.append(host)
        return real("127.0.0.1", *options, **more)

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)

    answer = await Sender(()).send(f"https://rebinding.example:{receiver.port}/", signer, "msg_1", b"{}")

    assert (answer.status, asked) == (None, ["rebinding.example"])  # looked up once: what is checked is what is used
    assert "not public" in str(answer.detail)
    assert receiver.received == []


async def test_the_address_that_is_checked_is_the_one_that_is_connected_to(
    receiver: Receiver, signer: SigningSecret, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, answers = socket.getaddrinfo, iter(["127.0.0.1"])

    def once(host: str, *options: Any, **more: Any) -> Any:
        return real(next(answers) if host == "hooks.example" else host, *options, **more)

    monkeypatch.setattr(socket, "getaddrinfo", once)

    answer = await Sender(HERE).send(f"http://hooks.example:{receiver.port}/x?y", signer, "msg_1", b"{}")

    assert (answer.status, answer.text) == (200, "thank you")
    (request,) = receiver.received
    assert request.headers["host"] == f"hooks.example:{receiver.port}"
    assert request.headers["user-agent"].startswith("ganymede/")
    assert request.headers["content-type"] == "application/json"
    request.verified(signer.text.get_secret_value())


async def test_a_receiver_that_never_answers_is_given_up(
    signer: SigningSecret, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sender, "WITHIN_S", 0.2)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        answer = await Sender(HERE).send(f"http://127.0.0.1:{deaf.getsockname()[1]}/", signer, "msg_1", b"{}")

    assert (answer.status, answer.is_taken) == (None, False)
    assert answer.detail in ("no answer within 0.2 s", "no answer in time")


async def test_where_nobody_listens_the_answer_says_so_and_names_no_address(signer: SigningSecret) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        answer = await Sender(HERE).send(f"http://127.0.0.1:{unused.getsockname()[1]}/", signer, "msg_1", b"{}")

    assert (answer.status, answer.detail) == (None, "no connection")


def certify(folder: Path, name: str) -> ssl.SSLContext:
    """A certificate of its own authority for one name, and the context of a server that shows it."""
    command = [str(OPENSSL), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}"]
    files = {"-keyout": folder / "key.pem", "-out": folder / "cert.pem"}
    subprocess.run([*command, *(str(part) for pair in files.items() for part in pair)], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return context


@pytest.mark.skipif(OPENSSL is None, reason="openssl is not here")
@pytest.mark.parametrize(("name", "is_right"), [("localhost", True), ("hooks.example", False)])
async def test_the_certificate_has_to_be_that_of_the_name(
    signer: SigningSecret, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, is_right: bool
) -> None:
    context = certify(tmp_path, name)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
    plain = ThreadingHTTPServer.get_request

    def with_tls(self: ThreadingHTTPServer) -> tuple[Any, Any]:
        connection, address = plain(self)
        return context.wrap_socket(connection, server_side=True), address

    monkeypatch.setattr(ThreadingHTTPServer, "get_request", with_tls)
    with receiving(Receiver()) as receiver:
        sending = Sender(("127.0.0.1", "::1"))
        answer = await sending.send(f"https://localhost:{receiver.port}/", signer, "msg_1", b"{}")

    assert answer.is_taken is is_right, answer
    assert is_right or "certificate" in str(answer.detail)
    assert len(receiver.received) == int(is_right)
