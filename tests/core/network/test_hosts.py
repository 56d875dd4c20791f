"""Hosts: what may be meant is put into the form of a Host header, and what no header could match is refused."""

import pytest

from core.network.hosts import is_served, normal_host, served_host


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *(("h", "h"), ("H.Example", "h.example"), ("h.", "h"), ("my_host", "my_host"), ("h:8308", "h"), ("h/", "h")),
        *(
            ("https://h", "h"),
            ("http://h:80/", "h"),
            ("HTTPS://[::1]:1", "[::1]"),
            ("bücher.example", "xn--bcher-kva.example"),
        ),
        *(
            ("::1", "[::1]"),
            ("[::1]", "[::1]"),
            ("[::1]:80", "[::1]"),
            ("0:0:0:0:0:0:0:1", "[::1]"),
            ("FE80::A", "[fe80::a]"),
        ),
        *(("192.168.1.5", "192.168.1.5"), ("192.168.1.5:80", "192.168.1.5")),
        *(("*", "*"), ("*.h", "*.h"), ("*.H.Example.", "*.h.example"), ("https://*.h:443", "*.h")),
    ],
)
def test_a_host_is_put_into_the_form_of_a_header(written: str, meant: str) -> None:
    assert served_host(written) == meant
    assert served_host(meant) == meant


@pytest.mark.parametrize(
    "written",
    [
        *("", ".", "*.", "*h", "h.*", "a.*.b", "*.*", "**", "*.*.h", "*.1.2.3.4", "*.[::1]", "*:80"),
        *("h/path", "h?x", "u@h", "ftp://h", "https://", "//h", "https://https://h", "a b", "h:port", "h:", "h:999999"),
        *("[::1", "::1]", "[h]", "1.2.3", "256.1.1.1", "1.2.3.4.5", "a..b", "-h", "h-", "h\n", "x" * 64, "regex:.*"),
    ],
)
def test_what_no_header_could_match_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match=r"a name|stands before"):
        served_host(written)


def test_a_star_stands_for_all_names_below_and_not_for_the_name_itself() -> None:
    allowed = frozenset({"*.gan.example", "localhost"})

    assert [is_served(host, allowed) for host in ("a.gan.example", "b.a.gan.example", "localhost")] == [True] * 3
    assert [is_served(host, allowed) for host in ("gan.example", "evilgan.example", "a.example", "")] == [False] * 4
    assert is_served("anything", frozenset({"*"}))


@pytest.mark.parametrize("text", ["", " ", "a b", "h:1", "http://h", "1.2.3", "[h]", "a..b", "\0"])
def test_what_is_neither_a_name_nor_an_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="neither a name nor an address"):
        normal_host(text)
