"""Who asks for a change, and of what others made it may be. Knows no request and no file.

What a key made is changed by that key, or by one with `admin`; what no key made, by any that may make the like.
"""

from pydantic import BaseModel, ConfigDict

from core.keys.errors import ScopeMissing
from core.keys.record import Key
from ganymede.schemas.keys import KeyRef, KeyScope


class Asker(BaseModel):
    """`key`: None where no key is needed; then it may change everything."""

    model_config = ConfigDict(frozen=True)

    key: KeyRef | None = None
    is_admin: bool = True
    scopes: tuple[KeyScope, ...] = ()

    @classmethod
    def of(cls, key: Key | None) -> "Asker":
        return cls() if key is None else cls(key=key.ref, is_admin=key.allows(KeyScope.ADMIN), scopes=tuple(key.opens))

    def may_change(self, maker: KeyRef | None) -> bool:
        """Whether this one may change what the key `maker` made."""
        return maker is None or self.is_admin or (self.key is not None and self.key.id == maker.id)

    def check(self, what: str, maker: KeyRef | None) -> None:
        """Raise ScopeMissing unless this one may change `what` the key `maker` made."""
        if self.may_change(maker):
            return
        assert maker is not None
        raise ScopeMissing(f"{what} was made by another key, {maker.name} ({maker.id}): {KeyScope.ADMIN} is needed")

    def check_scope(self, scope: KeyScope) -> None:
        """Raise ScopeMissing unless the key is for this, too: a body may ask for more than its route."""
        if not self.is_admin and scope not in self.scopes:
            raise ScopeMissing(f"this needs a key with the scope {scope}, too", scope)


ANYONE = Asker()
