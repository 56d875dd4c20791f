"""Where a service may listen: beyond this machine only with a key, or if somebody said so."""

from pathlib import Path

import pytest

from core.keys import KeysFile, KeyWanted
from core.keys.door import refuse_open_door
from core.settings import Settings, SettingsError
from ganymede.schemas.keys import KeyScope


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "gan.example", "127.0.0.1.example"])
def test_an_open_door_needs_a_key_or_must_be_wanted_in_so_many_words(tmp_path: Path, host: str) -> None:
    settings = Settings(home=tmp_path, host=host)
    with pytest.raises(SettingsError, match=r"GANYMEDE_HOST=.*ganymede keys create.*GANYMEDE_ALLOW_ANONYMOUS=true"):
        refuse_open_door(settings)

    refuse_open_door(settings.model_copy(update={"allow_anonymous": True}))
    file = KeysFile(settings.keys_path)
    made = file.create(KeyWanted(scopes=(KeyScope.ADMIN,)))
    refuse_open_door(settings)
    file.revoke(made.key.id)

    refuse_open_door(settings)  # nobody is let in: that is no open door


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_loopback_needs_no_key(tmp_path: Path, host: str) -> None:
    refuse_open_door(Settings(home=tmp_path, host=host))
