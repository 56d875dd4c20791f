"""Settings: what the environment may say, and that nothing else is read."""

import os
import tempfile
from pathlib import Path

import pytest
from pydantic import ValidationError

from core.queue import connect
from core.settings import SOCKET_PATH_LIMIT, Settings, SettingsError, load_settings, unknown_variables
from ganymede.broker import Broker


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.upper().startswith("GANYMEDE_"):
            monkeypatch.delenv(name)


def test_without_any_variable_everything_has_a_value() -> None:
    settings = load_settings()

    assert (settings.host, settings.port, settings.device) == ("127.0.0.1", 8000, "auto")
    assert settings.store_path == Path.cwd() / "var" / "store"
    assert settings.allowed_hosts == ("localhost", "127.0.0.1", "[::1]")
    assert settings.redis_url is None


EVERY_SETTING: dict[str, tuple[str, object]] = {
    "HOME": ("/data/g", Path("/data/g")),
    "STORE": ("/store", Path("/store")),
    "STORE_ENDPOINT": ("https://s3.example/", "https://s3.example"),
    "STORE_CACHE": ("7000001", 7_000_001),
    "REDIS_URL": ("redis://broker:6379/1", "redis://broker:6379/1"),
    "HOST": ("::1", "::1"),
    "PORT": ("9000", 9000),
    "ALLOWED_HOSTS": ("gan.example, localhost ,", ("gan.example", "localhost")),
    "ROOT_PATH": ("/tools/gan/", "/tools/gan"),
    "TRUSTED_PROXIES": ("10.0.0.0/8, ::1", ("10.0.0.0/8", "::1/128")),
    "API_KEYS_FILE": ("/keys/gan.json", Path("/keys/gan.json")),
    "ALLOW_ANONYMOUS": ("true", True),
    "DEVICE": ("cuda:1", "cuda:1"),
    "DEFAULT_MODEL": ("digits@3", "digits@3"),
    "MAX_IMAGES": ("16", 16),
    "MAX_UPLOAD": ("5000000", 5_000_000),
    "MAX_UNPACKED": ("6000000", 6_000_000),
    "MAX_FILES": ("500", 500),
    "MAX_PIXELS": ("250000", 250_000),
    "MAX_SECONDS": ("90.5", 90.5),
    "MAX_QUEUED": ("9", 9),
    "MAX_QUEUED_PER_KEY": ("2", 2),
    "MAX_STORE": ("7000000", 7_000_000),
    "DISK_RESERVE": ("8000000", 8_000_000),
    "MAX_WAIT": ("2.5", 2.5),
    "MODEL_MEMORY": ("500000000", 500_000_000),
    "TIMEOUT": ("5", 5.0),
    "CACHE_BYTES": ("0", 0),
    "PRECISION": ("float32", "float32"),
    "ENGINE_PROCESS": ("false", False),
    "ENGINE_THREADS": ("3", 3),
    "STALL_AFTER": ("90", 90.0),
    "WEBHOOK_NETWORKS": ("10.0.0.0/8, 127.0.0.1", ("10.0.0.0/8", "127.0.0.1/32")),
    "INCEPTION": ("/inception.safetensors", Path("/inception.safetensors")),
    "ACCESS_LOG": ("true", True),
    "LOG_FORMAT": ("json", "json"),
}


def test_every_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, (text, _) in EVERY_SETTING.items():
        monkeypatch.setenv(f"GANYMEDE_{name}", text)

    settings = load_settings()

    assert {name.lower() for name in EVERY_SETTING} == set(Settings.model_fields)
    assert settings.model_dump() == {name.lower(): value for name, (_, value) in EVERY_SETTING.items()}
    assert settings.store_path == Path("/store")
    assert settings.broker_url == "redis://broker:6379/1"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("PORT", "0"), ("PORT", "65536"), ("PORT", "http"), ("PORT", "80.5")),
        *(("DEVICE", "gpu"), ("DEVICE", "cuda:"), ("DEVICE", "cuda:x"), ("DEVICE", "CPU\n")),
        *(
            ("ROOT_PATH", "gan"),
            ("ROOT_PATH", "https://h/gan"),
            ("ROOT_PATH", "/a/../b"),
            ("TRUSTED_PROXIES", "localhost"),
        ),
        *(("TRUSTED_PROXIES", ","), ("TRUSTED_PROXIES", "10.0.0.1:80"), ("TRUSTED_PROXIES", "10.0.0.0/33")),
        *(("MAX_IMAGES", "0"), ("MAX_IMAGES", "1025"), ("MAX_IMAGES", "1e3")),
        *(("MAX_WAIT", "0"), ("MAX_WAIT", "-1"), ("MAX_WAIT", "nan"), ("MAX_WAIT", "inf")),
        *(("MODEL_MEMORY", "0"), ("MODEL_MEMORY", "1GB")),
        *(("TIMEOUT", "0"), ("CACHE_BYTES", "-1"), ("PRECISION", "float16"), ("ENGINE_THREADS", "0")),
        *(("LOG_FORMAT", "xml"), ("ALLOW_ANONYMOUS", "maybe"), ("ALLOWED_HOSTS", ","), ("ALLOWED_HOSTS", " ")),
        *(("DEFAULT_MODEL", "Bad Name"), ("DEFAULT_MODEL", "../x"), ("DEFAULT_MODEL", "digits@0")),
        *(("DEFAULT_MODEL", "run:run_00000000000000000000@latest"), ("DEFAULT_MODEL", "run")),
        *(("REDIS_URL", "http://broker:6379"), ("REDIS_URL", "broker:6379"), ("REDIS_URL", "redis")),
        *(("STORE", "gs://bucket"), ("STORE", "s3://B"), ("STORE", "s3://bucket/a//b"), ("STORE", "file://host/x")),
        *(("STORE_ENDPOINT", "s3.example"), ("STORE_ENDPOINT", "http://h:x"), ("STORE_CACHE", "-1")),
        *(("MAX_WAIT", "1e300"), ("TIMEOUT", "1e9"), ("TIMEOUT", "nan")),
        *(("HOST", "http://h"), ("HOST", "h:8000"), ("HOST", "a b"), ("HOST", "1.2.3"), ("HOST", "*"), ("HOST", "h/")),
        *(
            ("DEVICE", "mps"),
            ("DEVICE", "cuda:7 "),
            ("DEVICE", "cuda:-1"),
            ("DEVICE", "CUDA"),
            ("DEVICE", "cuda:\u0663"),
        ),
    ],
)
def test_a_bad_value_stops_the_process_and_names_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"GANYMEDE_{name}", value)

    with pytest.raises(SettingsError, match=f"^GANYMEDE_{name}: ") as refused:
        load_settings()

    assert str(refused.value).count("GANYMEDE_") == 1


def test_all_bad_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANYMEDE_PORT", "x")
    monkeypatch.setenv("GANYMEDE_DEVICE", "x")

    with pytest.raises(SettingsError, match=r"GANYMEDE_PORT: .*; GANYMEDE_DEVICE: "):
        load_settings()


@pytest.mark.parametrize("address", ["tcp://10.0.0.1:8000", "udp://10.0.0.1:53", "http://h:80"])
def test_the_port_that_kubernetes_sets_is_told_as_that(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("GANYMEDE_PORT", address)

    with pytest.raises(SettingsError, match=r"^GANYMEDE_PORT: a number; .*Kubernetes.*enableServiceLinks: false"):
        load_settings()


def test_the_other_variables_of_a_service_are_no_settings_and_a_slip_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    links = ["SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT_8000_TCP", "PORT_8000_TCP_PROTO"]
    for name in [*links, "PORT_8000_TCP_PORT", "PORT_8000_TCP_ADDR", "PORT_53_UDP", "URL"]:
        monkeypatch.setenv(f"GANYMEDE_{name}", "tcp://secret")
    linked = load_settings(), unknown_variables()
    monkeypatch.setenv("GANYMEDE_MAX_IMAGE", "secret")
    monkeypatch.setenv("GANYMEDE_QX", "secret")

    assert linked == (Settings(), [])
    assert unknown_variables() == [
        "GANYMEDE_MAX_IMAGE is no setting and means nothing; is it GANYMEDE_MAX_IMAGES?",
        "GANYMEDE_QX is no setting and means nothing",
    ]


@pytest.mark.parametrize("name", sorted(Settings.model_fields))
def test_no_message_quotes_a_value_whatever_the_setting(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    refused = []
    for value in ("s3cret://", "redis://:s3cret/@h", "s3cret\n", "-s3cret", "~s3cret:1:2"):
        monkeypatch.setenv(f"GANYMEDE_{name.upper()}", value)
        for act in (load_settings, lambda: Settings.model_validate({name: [value]})):  # noqa: B023
            try:
                act()
            except (SettingsError, ValidationError) as error:
                refused.append(str(error))

    assert refused
    assert "s3cret" not in "".join(refused)


def test_a_home_below_the_users_own_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/u")

    assert Settings(home=Path("~/g"), store=Path("~x/s")).model_dump(include={"home", "store"}) == {
        "home": Path("/home/u/g"),
        "store": Path("~x/s"),
    }


def test_a_password_is_told_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANYMEDE_REDIS_URL", "http://user:secret@broker")
    with pytest.raises(SettingsError) as refused:
        load_settings()

    monkeypatch.setenv("GANYMEDE_REDIS_URL", "redis://user:secret@broker")
    settings = load_settings()

    assert "secret" not in str(refused.value)
    assert "secret" not in repr(settings)
    assert "secret" not in str(settings)


@pytest.mark.parametrize(
    ("host", "normal"),
    [
        *(("127.0.0.1", "127.0.0.1"), ("127.0.0.2", "127.0.0.2"), ("::1", "::1"), ("[::1]", "::1"), ("0:0::1", "::1")),
        *(("localhost", "localhost"), ("LocalHost", "localhost"), ("localhost.", "localhost")),
    ],
)
def test_loopback_needs_no_such_words_however_it_is_written(
    monkeypatch: pytest.MonkeyPatch, host: str, normal: str
) -> None:
    monkeypatch.setenv("GANYMEDE_HOST", host)

    assert load_settings().host == normal


def test_nothing_else_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("GANYMEDE_PORT=1234\nPORT=1234\n")
    monkeypatch.chdir(tmp_path)
    for name in ("PORT", "HOST", "STORE", "REDIS_URL", "DEVICE", "MAX_IMAGES"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("GANYMEDE_INVENTED", "1")

    settings = load_settings()

    assert settings == Settings.model_construct(**{n: f.default for n, f in Settings.model_fields.items()})


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.setenv(f"GANYMEDE_{name.upper()}", "")

    assert load_settings().port == 8000


def test_settings_do_not_change_while_a_process_lives() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize("length", [10, 60, 90, 100, 200, 3000])
def test_the_path_of_the_socket_is_short_however_long_home_is(length: int) -> None:
    home = Path("/" + "/".join(["h" * 20] * (length // 20) + ["ü"]))

    sockets = [Settings(home=home).broker_socket, Settings(home=home / "other").broker_socket]

    assert all(len(bytes(socket)) < SOCKET_PATH_LIMIT for socket in sockets)
    assert sockets[0] != sockets[1]
    assert sockets[0] == Settings(home=home).broker_socket
    assert sockets[0].is_relative_to(home) == (length < 90)


ODD_NAMES = [
    "5% off? #1 ä+b",
    "My Projects",
    "a=b",
    " ",
    "a\nb",
    "tab\t",
    "\u2028",
    "\x85",
    "\x1f",
    "q\"u'o",
    "back\\slash",
]
ODD_NAMES += [os.fsdecode(b"\xff\xfe"), "%41", "{x}*[a]$(b)|;&", "-- save", "日本", "::"]


@pytest.mark.parametrize("name", ODD_NAMES)
def test_the_broker_is_reached_in_a_home_of_any_name(tmp_path: Path, name: str) -> None:
    settings = Settings(home=tmp_path / name)
    broker = Broker(settings.broker_path, settings.broker_socket)
    broker.start()

    try:
        with connect(settings.broker_url) as client:
            told = client.client_info()["addr"]
    finally:
        broker.stop()

    assert str(settings.broker_socket) in told


@pytest.mark.parametrize("folder", ["My Temp", "t" * 200])
def test_a_folder_for_temporary_files_that_would_not_do_either_is_not_taken(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, folder: str
) -> None:
    (tmp_path / folder).mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / folder))

    assert Settings(home=Path("/my home")).broker_socket.parent.parent == Path("/tmp")
