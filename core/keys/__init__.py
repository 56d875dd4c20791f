"""Keys of the API: who may do what. Knows no HTTP; the secret of a key is in no file and in no message."""

from core.keys.asker import ANYONE, Asker
from core.keys.keyring import Keyring
from core.keys.keys_file import KeysFile
from core.keys.record import Key, KeyWanted, SecretKey
from core.keys.sessions import Sessions
from core.keys.usage import KeyUsage

__all__ = ["ANYONE", "Asker", "Key", "KeyUsage", "KeyWanted", "Keyring", "KeysFile", "SecretKey", "Sessions"]
