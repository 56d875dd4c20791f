"""Keys of the API: who may do what. Knows no HTTP; the secret of a key is in no file and in no message."""

from core.keys.asker import ANYONE, Asker
from core.keys.keyring import Keyring
from core.keys.keys_file import KeysFile
from core.keys.last_use import LastUse
from core.keys.record import Key, KeyChange, KeyWanted, SecretKey
from core.keys.sessions import Sessions
from core.keys.usage import KeyUsage

__all__ = [
    "ANYONE",
    "Asker",
    "Key",
    "KeyChange",
    "KeyUsage",
    "KeyWanted",
    "Keyring",
    "KeysFile",
    "LastUse",
    "SecretKey",
    "Sessions",
]
