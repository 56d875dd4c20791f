"""Whether a service may listen where its settings say: not beyond this machine while it would let everyone in."""

from core.keys.keyring import Keyring
from core.network.hosts import is_loopback
from core.settings import Settings, SettingsError


def is_open_to_all(settings: Settings) -> bool:
    """Whether everyone is let in while no key is defined."""
    return settings.allow_anonymous or is_loopback(settings.host)


def refuse_open_door(settings: Settings) -> None:
    """Raise SettingsError where anyone who reaches this machine would be let in, and nobody said so."""
    if not is_open_to_all(settings) and not Keyring(settings.keys_path).is_needed:
        raise SettingsError(
            f"GANYMEDE_HOST={settings.host} would let anyone who reaches this machine train and generate, since there "
            "is no key. Make one (ganymede keys create NAME --scope admin), or set GANYMEDE_ALLOW_ANONYMOUS=true if "
            "that is wanted."
        )
