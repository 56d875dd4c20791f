"""Where webhooks may be sent: what an address may say, and which machines it may lead to."""

import socket
from typing import Any

import pytest

from core.network.proxies import networks
from core.network.targets import Target, TargetRefused, check, is_public, resolve

HERE = networks(("127.0.0.1", "::1"))


@pytest.mark.parametrize(
    ("url", "host", "authority", "rest"),
    [
        ("https://hooks.example/a?b=c", "hooks.example", "hooks.example", "/a?b=c"),
        ("HTTPS://Hooks.Example", "hooks.example", "hooks.example", "/"),
        ("https://hooks.example:8443?x", "hooks.example", "hooks.example:8443", "/?x"),
        ("http://127.0.0.1:80/", "127.0.0.1", "127.0.0.1", "/"),
        ("https://[2606:4700::1]:444/", "2606:4700::1", "[2606:4700::1]:444", "/"),
        ("https://müller.example/", "xn--mller-kva.example", "xn--mller-kva.example", "/"),
    ],
)
def test_an_address_is_taken_apart(url: str, host: str, authority: str, rest: str) -> None:
    found = Target.of(url)

    assert (found.host, found.authority, found.rest) == (host, authority, rest)
    assert found.at("9.9.9.9") == f"{found.scheme}://9.9.9.9:{found.port}{rest}"


@pytest.mark.parametrize(
    "url",
    [
        *("", "hooks.example", "ftp://hooks.example/", "https://", "https:///x", "https://u:p@hooks.example/"),
        *("https://hooks.example/#x", "https://hooks.example\\@127.0.0.1/", "https://a b/", "https://hooks.example/\n"),
        *("https://hooks.example:0/", "https://hooks.example:99999/", "https://[::1/", "https://1.2.3/"),
        *("https://hooks.example/ä", "https://2130706433/", "javascript:alert(1)"),
    ],
)
def test_what_is_no_address_or_says_more_is_refused(url: str) -> None:
    with pytest.raises(TargetRefused):
        Target.of(url)


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.9.9.9", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "192.0.2.1", "198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255"),
        *("::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "fec0::1", "ff02::1", "2001:db8::1", "64:ff9b::a00:1"),
        *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::127.0.0.1", "2002:7f00:1::", "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
        *("no address", ""),
    ],
)
def test_what_is_not_of_the_public_internet_is_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "93.184.216.34", "2606:4700:4700::1111", "2a00:1450:4001::8a"])
def test_what_is_public_is(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "0x7f.1", "0177.0.0.1", "[::1]"])
def test_this_machine_is_not_reached_however_it_is_written(host: str) -> None:
    with pytest.raises(TargetRefused) as refused:
        resolve(Target.of(f"https://{host}/"), ())

    assert "127.0.0.1" not in str(refused.value).replace(host, "")  # which address a name has is told to nobody


def test_one_address_among_many_is_enough_to_refuse_them() -> None:
    target = Target.of("https://hooks.example/")

    check(target, ["8.8.8.8", "2606:4700::1"], ())
    with pytest.raises(TargetRefused, match="not public; GANYMEDE_WEBHOOK_NETWORKS"):
        check(target, ["8.8.8.8", "10.0.0.1"], ())


def test_plain_http_is_for_the_networks_that_are_allowed() -> None:
    assert resolve(Target.of("http://127.0.0.1:8000/"), HERE) == ["127.0.0.1"]
    with pytest.raises(TargetRefused, match="https is needed"):
        check(Target.of("http://hooks.example/"), ["8.8.8.8"], HERE)


def test_a_name_that_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)

    with pytest.raises(TargetRefused, match=r"no address is known of hooks\.example"):
        resolve(Target.of("https://hooks.example/"), ())
