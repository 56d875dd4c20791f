"""The address of a Redis: what is accepted works as it is written, what is refused is named, and nothing is quoted."""

from pathlib import Path
from typing import Any

import pytest

from core.network.redis_url import PARAMETERS, TLS_PARAMETERS, check_redis_url
from core.queue import connect


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("redis://", {}),
        ("redis://broker", {"host": "broker"}),
        ("redis://broker:6379/1", {"host": "broker", "port": 6379, "db": 1}),
        ("redis://broker:6379/", {"host": "broker", "port": 6379}),
        ("redis://[::1]:6379/0", {"host": "::1", "port": 6379, "db": 0}),
        ("redis://my_redis.ns.svc.cluster.local.", {"host": "my_redis.ns.svc.cluster.local."}),
        ("redis://:pass@h", {"password": "pass"}),
        ("redis://user:p%40s%2Fs%3F%23@h", {"username": "user", "password": "p@s/s?#"}),
        ("redis://user:p@ss@h", {"password": "p@ss", "host": "h"}),
        ("redis://h?db=3&socket_timeout=1.5&protocol=3", {"db": 3, "socket_timeout": 1.5, "protocol": 3}),
        ("redis://h?socket_keepalive=no&health_check_interval=30", {"socket_keepalive": False}),
        ("rediss://h:6380?ssl_cert_reqs=none", {"ssl_cert_reqs": "none"}),
        ("rediss://h?ssl_check_hostname=false", {"ssl_check_hostname": False}),
        ("unix:///run/redis.sock", {"path": "/run/redis.sock"}),
        ("unix:///run/my redis.sock?db=2", {"path": "/run/my redis.sock", "db": 2}),
        ("unix:///a%3Fb%23c%0Ad%20e", {"path": "/a?b#c\nd e"}),
        ("unix://user:pass@/run/redis.sock", {"username": "user", "password": "pass", "path": "/run/redis.sock"}),
    ],
)
def test_an_address_means_what_it_says(url: str, expected: dict[str, Any]) -> None:
    check_redis_url(url)

    with connect(url) as client:
        options = client.connection_pool.connection_kwargs
        client.connection_pool.make_connection()  # redis-py has looked at it now, too

    assert {name: options[name] for name in expected} == expected


SECRET = "s3cret"
UNUSABLE = {
    "broker:6379": "begins with",
    "http://:s3cret@h": "begins with",
    "redis:/:s3cret@h": "begins with",
    " redis://:s3cret@h": "begins with",
    "REDIS://:s3cret@h": "begins with",
    "redis://:s3cret@h\n": "white space",
    "redis://:s3\tcret@h": "white space",
    "redis://:s3cret h": "white space",
    "redis://:s3cret/x@h:6379": "port",
    "redis://:12/s3cret@h": "after the host",
    "redis://:s3cret?x@h": "port",
    "redis://:12?s3cret@h": "after [?] come parameters",
    "redis://:12?s3cret=1@h": "unknown parameter",
    "redis://:s3cret@h?socket_keepalive=fal%C5%BFe": "true or false",  # a long s
    "redis://:s3cret#x@h": "port",
    "redis://:12#s3cret@h": "no part after #",
    "redis://:[s3cret@h": "port cannot be read",
    "redis://:s3cret@h:port": "port",
    "redis://:s3cret@h:0": "port is 1 to 65535",
    "redis://:s3cret@h:70000": "port",
    "redis://:s3cret@h:": "port",
    "redis://:s3cret@a..b": "host is neither",
    "redis://:s3cret@h%20x": "host is neither",
    "redis://s3cret:6379:6380": "port|host",
    "redis://:s3cret@h/one": "number of a database",
    "redis://:s3cret@h/0/1": "number of a database",
    "redis://:s3cret@h/-1": "number of a database",
    "redis://:s3cret@h?db=one": "db is a number",
    "redis://:s3cret@h?db=1&db=2": "db is a number, once",
    "redis://:s3cret@h?db=": "db is a number",
    "redis://:s3cret@h?socket_timeout=soon": "socket_timeout is seconds",
    "redis://:s3cret@h?socket_timeout=nan": "socket_timeout is seconds",
    "redis://:s3cret@h?protocol=4": "protocol is 2 or 3",
    "redis://:s3cret@h?decode_responses=true": "unknown parameter",
    "redis://:s3cret@h?retry=3": "unknown parameter",
    "redis://:s3cret@h?connection_class=s3cret": "unknown parameter",
    "redis://:s3cret@h?ssl_cert_reqs=none": "ssl_cert_reqs needs rediss://",
    "unix:///s?ssl_ca_certs=/s3cret": "ssl_ca_certs needs rediss://",
    "rediss://:s3cret@h?ssl_cert_reqs=maybe": "ssl_cert_reqs is none, optional or required",
    "rediss://:s3cret@h?ssl_ca_certs=/s3cret": "ssl_ca_certs is a file that can be read",
    "rediss://:s3cret@h?ssl_keyfile=/etc/hostname": "ssl_keyfile needs ssl_certfile",
    "unix://": "path of a socket",
    "unix:///": "path of a socket",
    "unix://s3cret/redis.sock": "path of a socket",
    "unix://s3cret.sock": "path of a socket",
    "unix:///s3cret#1": "no part after #",
    "unix:///s3cret%00": "no NUL",
    "unix:///s3cret%FF": "UTF-8",
    "unix:///s3cret" + "x" * 107: "107 bytes",
    "unix:///s3cret\n": "cannot be printed",
}


@pytest.mark.parametrize("url", UNUSABLE)
def test_what_cannot_be_used_is_named_and_not_quoted(url: str) -> None:
    with pytest.raises(ValueError, match=UNUSABLE[url]) as refused:
        check_redis_url(url)

    assert SECRET not in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None


def test_the_parameters_are_those_of_redis(tmp_path: Path) -> None:
    (tmp_path / "f").touch()
    values = {"db": "1", "protocol": "2", "ssl_cert_reqs": "none", "ssl_ca_path": str(tmp_path)}
    values |= dict.fromkeys(("socket_timeout", "socket_connect_timeout", "health_check_interval"), "5")
    values |= dict.fromkeys(("socket_keepalive", "ssl_check_hostname"), "true")
    values |= dict.fromkeys(("ssl_ca_certs", "ssl_certfile", "ssl_keyfile"), str(tmp_path / "f"))
    url = "rediss://h?" + "&".join(f"{name}={values.get(name, 'x')}" for name in PARAMETERS | TLS_PARAMETERS)

    check_redis_url(url)

    with connect(url) as client:
        client.connection_pool.make_connection()
