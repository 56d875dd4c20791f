"""What the environment and the user say of the way to a service: each fault is one line that names the variable."""

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganymede import Client
from ganymede.client.address import read_address
from ganymede.errors import ClientError, Misconfigured, NotUnderstood, Unreachable
from tests.ganymede.conftest import Ganymede, Run
from tests.ganymede.contract import Answer, Contract

ELSEWHERE = "http://gan.example.org"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")


@pytest.fixture(autouse=True)
def _nothing_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXIES, *(name.lower() for name in PROXIES), *CERTIFICATES):
        monkeypatch.delenv(name, raising=False)


def test_no_proxy_is_asked_for_this_machine(contract: Contract, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    contract.on("GET", "/livez", Answer({}))

    with Client(contract.url) as client:
        assert client.alive().status == "alive"


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"])
def test_a_proxy_is_asked_for_another_machine_and_named_when_it_is_away(
    contract: Contract, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    contract.on("GET", "/livez", Answer({}))

    monkeypatch.setenv(name, contract.url)
    with Client(ELSEWHERE) as client:
        assert client.alive().status == "alive"
    monkeypatch.setenv(name, "http://user:s3cret@127.0.0.1:9")
    with Client(ELSEWHERE, retries=0) as client, pytest.raises(Unreachable) as caught:
        client.alive()

    assert f"through the proxy of {name}" in str(caught.value)
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("exception", ["gan.example.org", ".example.org", "*", "localhost, example.org"])
def test_what_is_excepted_from_the_proxy_is_not_said_to_go_through_it(
    monkeypatch: pytest.MonkeyPatch, exception: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", exception)

    with Client(ELSEWHERE) as client:
        assert client._connection._proxy is None  # asking would look the name up


UNUSABLE = [
    *(("ALL_PROXY", f"{scheme}://user:s3cret@h:1", "socksio") for scheme in ("socks5", "socks5h")),
    *(("HTTP_PROXY", f"{scheme}://user:s3cret@h:1", "an address like") for scheme in ("socks4", "ftp", "direct")),
    ("https_proxy", "http://user:s3cret@h:x", "an address like"),
    ("HTTPS_PROXY", "http://[::1", "an address like"),
    ("HTTP_PROXY", "::1", "an address like"),
    ("HTTP_PROXY", "PROXY h:1; DIRECT", "an address like"),
    ("http_proxy", "http://\N{LATIN SMALL LETTER A WITH DIAERESIS}..b:3", "an address like"),
    ("ALL_PROXY", "\t", "an address like"),
    ("NO_PROXY", "localhost,127.0.0.1,[::1]", "'[::1]'"),
    ("no_proxy", "[::1]:8000", "'[::1]:8000'"),
    ("NO_PROXY", "::1/128, ::1, 10.0.0.0/8", "'::1/128';"),
    ("NO_PROXY", "host:abc", "'host:abc'"),
    ("NO_PROXY", "\N{LATIN SMALL LETTER A WITH DIAERESIS}.de", "'\\xe4.de'"),
    ("SSL_CERT_FILE", "/no/such/file", "No such file"),
    ("SSL_CERT_FILE", "/tmp", "Is a directory"),
    ("SSL_CERT_FILE", "/dev/null", "no certificates"),
    ("SSLKEYLOGFILE", "/no/such/file", "No such file"),
]


@pytest.mark.parametrize("url", [ELSEWHERE, "https://192.0.2.1"])
@pytest.mark.parametrize(("name", "value", "told"), UNUSABLE)
def test_what_the_environment_says_and_cannot_be_used_is_one_line_that_names_it(
    ganymede: Ganymede, monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str, url: str
) -> None:
    monkeypatch.setenv(name, value)

    done = ganymede("runs", "ls", url=url)

    assert (done.exit_code, done.stderr.count("\n")) == (3, 1), done.stderr
    assert done.stderr.startswith(f"ganymede: {name} ")
    assert told in done.stderr
    assert "s3cret" not in done.stderr


@pytest.mark.parametrize(("name", "value"), [each[:2] for each in UNUSABLE])
def test_none_of_that_matters_to_a_service_on_this_machine(
    contract: Contract, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    contract.on("GET", "/livez", Answer({}))

    with Client(contract.url) as client:
        assert client.alive().status == "alive"


def test_a_proxy_whose_name_cannot_be_looked_up_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", f"http://{'x' * 64}.example.org")

    with Client(ELSEWHERE) as client, pytest.raises(Misconfigured, match="HTTP_PROXY names a host"):
        client.alive()


@pytest.fixture
def tls(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """The address of a service that shows a certificate of its own making, and that certificate."""
    openssl = shutil.which("openssl")
    if openssl is None:
        pytest.skip("no openssl to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    wanted = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    wanted += ["-addext", "keyUsage=critical,digitalSignature,keyCertSign"]
    made = [openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", *wanted]
    subprocess.run([*made, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    answer = b'HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n{"status":"alive"}'
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    with context.wrap_socket(listening.accept()[0], server_side=True) as connection:
                        connection.recv(1 << 16)
                        connection.sendall(answer)
                except ssl.SSLError:
                    continue
                except OSError:
                    return

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"https://127.0.0.1:{listening.getsockname()[1]}", certificate
        listening.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_a_certificate_that_is_not_trusted_is_said_so_and_the_way_out_works(
    tls: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    url, certificate = tls

    with Client(url) as client, pytest.raises(Misconfigured, match=r"not trusted .*SSL_CERT_FILE names others"):
        client.alive()
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "no"))
    with Client(url) as client, pytest.raises(Misconfigured, match=r"not trusted .*those that SSL_CERT_DIR names"):
        client.alive()
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    with Client(url) as client:
        assert client.alive().status == "alive"


@pytest.mark.parametrize(
    ("given", "used"),
    [
        ("8001", "http://127.0.0.1:8001"),
        ("localhost:8001/", "http://localhost:8001"),
        ("https://gan.example.org/v1/", "https://gan.example.org/v1"),
        (" http://[::1]:80 ", "http://[::1]:80"),
    ],
)
def test_an_address_may_be_short(given: str, used: str) -> None:
    with Client(given) as client:
        assert client.url == used


@pytest.mark.parametrize(
    "url",
    [
        *("", "ftp://x", "tcp://10.0.0.1:80", "unix:///x", "http://", "http:/x", "//x", "http://x:99999", "http://x:0"),
        *("0", "99999", "x:y", "http://x:80:80", "::1", "http://[::1", "http://[::1]:x", "1.2.3.999", "http://x/?a=b"),
        *(
            "http://x#a",
            "http://x y",
            "http://\0",
            "http://a..b",
            "http://xn--",
            f"http://{'x' * 64}",
            "http://x/\ud800",
        ),
    ],
)
def test_what_is_no_address_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="address"):
        Client(url)


@pytest.mark.parametrize(("name", "value"), [("GANYMEDE_URL", "ftp://x"), ("GANYMEDE_PORT", "tcp://10.0.0.1:8000")])
def test_a_variable_that_is_no_address_is_named(run: Run, name: str, value: str) -> None:
    done = run("runs", "ls", **{name.removeprefix("GANYMEDE_"): value})

    assert done.returncode == 2
    assert f"Invalid value for {name}: '{value}' is no address" in done.stderr
    assert ("enableServiceLinks" in done.stderr) is value.startswith("tcp://")


@pytest.mark.parametrize("rest", ["", "/prefix"])
def test_name_and_password_sign_in_and_are_not_shown(contract: Contract, rest: str) -> None:
    contract.on("GET", f"{rest}/livez", Answer({}))
    contract.on("GET", f"{rest}/queue", Answer("?"))

    with Client(f"{contract.url.replace('//', '//me:s3cr%2Fet@')}{rest}") as client:
        client.alive()
        with pytest.raises(NotUnderstood) as caught:
            client.queue()

    assert client.url == f"{contract.url}{rest}"
    assert contract.seen[0].headers["authorization"] == "Basic bWU6czNjci9ldA=="  # me:s3cr/et
    assert "s3cr" not in f"{caught.value} {read_address('http://me:s3cret@x')!r}"


@pytest.mark.parametrize("url", ["http://me:s3cret@h:x", "http://me:s3c/ret@h", "ftp://me:s3cret@h", "me:s3cret@a..b"])
def test_a_refused_address_does_not_show_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="no address") as caught:
        Client(url)

    assert "s3c" not in str(caught.value)


@pytest.mark.parametrize("value", ["k\N{LATIN SMALL LETTER E WITH ACUTE}y", "key\n", " key", "k\0y", "\ud800"])
def test_what_no_header_can_carry_is_refused_by_name_and_not_shown(contract: Contract, value: str) -> None:
    with pytest.raises(ValueError, match=r"^key: only printable ASCII") as caught:
        Client(contract.url, api_key=value)
    with Client(contract.url) as client, pytest.raises(ValueError, match=r"^Idempotency-Key: only printable ASCII"):
        client.train("cgan", "shapes", idempotency_key=value)

    assert value not in str(caught.value)
    assert contract.seen == []


def test_what_is_longer_than_an_address_can_be_is_said_so(contract: Contract, ganymede: Ganymede) -> None:
    seeds = ",".join(["1000000000"] * 10_000)

    done = ganymede("generate", "--seeds", seeds, "-o", "-")

    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "cannot be asked that" in done.stderr
    with Client(contract.url) as client, pytest.raises(ClientError, match="cannot be asked that"):
        client.runs.get("x" * 70_000)
