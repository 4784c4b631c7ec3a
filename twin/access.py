"""Who is who, and what they may see and change.

A key is a token of 256 random bits, of which ``config.yml`` keeps the SHA-256. A slow hash is for what
people choose: nobody can try 2^256 tokens, and a key is verified at every request (decision 013).
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence

import yaml
from pydantic import ValidationError

from twin.errors import BadInput, Forbidden, Unauthorised
from twin.model import Collection, Kind
from twin.settings import AccessKey, AccessSettings, Verb
from twin.store import OPERATOR, Principal, Store
from twin.tables import DATASTREAMS

#: Name of the principal who gave no key.
PUBLIC = "public"
_SIGHT = secrets.token_bytes(16)
#: The verbs that change something.
WRITING: tuple[Verb, ...] = ("create", "replace", "update", "delete")


def new_token() -> str:
    """Return a token for a new key."""
    return secrets.token_urlsafe(32)


def token_hash(token: str) -> str:
    """Return what ``access.keys`` keeps of a token."""
    return f"sha256:{hashlib.sha256(token.encode()).hexdigest()}"


def described_key(name: str, scopes: Sequence[str], token: str) -> list[str]:
    """Return the lines of ``config.yml`` that declare a key.

    Parameters
    ----------
    scopes
        One text a collection: ``buildings:read,update``.

    Raises
    ------
    BadInput
        When the name or a scope cannot be used.
    """
    opened: dict[str, list[str]] = {}
    for scope in scopes:
        collection, _, verbs = scope.partition(":")
        if not verbs or not collection or collection in opened:
            raise BadInput(f"--scope {scope!r} cannot be used: write each collection once, as buildings:read,update.")
        opened[collection] = [verb.strip() for verb in verbs.split(",")]
    described = {"name": name, "hash": token_hash(token), "scopes": opened}
    try:
        AccessKey.model_validate(described)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"][:2]))
        raise BadInput(f"{where}: {first['msg']} (got {first['input']!r}).") from None
    document = {"access": {"keys": [described]}}
    lines: str = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, default_flow_style=None)
    return lines.rstrip().splitlines()


def cached(how: str, principal: Principal) -> str:
    """Return the ``Cache-Control`` of an answer: what a key opened is kept by no cache that others share."""
    return how if principal.name == PUBLIC else f"private, {how.removeprefix('public, ')}"


def sight(principal: Principal) -> str:
    """Return a word that tells those who see the same from all others, for entity tags.

    It is keyed anew by each process: a plain digest would confirm a guess of what is hidden.
    """
    hidden = "\n".join(sorted(principal.hidden)).encode()
    return hashlib.blake2b(hidden, key=_SIGHT, digest_size=8).hexdigest()


class Access:
    """Knows the keys of one twin."""

    def __init__(self, settings: AccessSettings) -> None:
        self._private = frozenset(settings.private)
        self._keys = {key.hash: (key, _principal(key, settings.private)) for key in settings.keys}
        self._public = Principal(name=PUBLIC, hidden=self._private)

    @property
    def public(self) -> Principal:
        """The principal of a request that says nothing of itself."""
        return self._public

    def principal(self, headers: Mapping[str, str]) -> Principal:
        """Return who asks, by the header ``Authorization``: the public when there is none.

        Parameters
        ----------
        headers
            The headers of the request, by their names in lower case or whatever their case.

        Raises
        ------
        Unauthorised
            When the credentials are not those of a key; it is raised before anything is looked for.
        """
        given = headers.get("authorization")
        if given is None:
            return self._public
        user, token = _credentials(given)
        key, principal = self._keys.get(token_hash(token), (None, None))
        if key is None or principal is None or user not in (None, key.name):
            raise Unauthorised("These credentials are not those of a key of this service.")
        return principal

    def editable(self, collection: Collection) -> tuple[Verb, ...]:
        """Return the verbs by which some key may change the features of a collection."""
        if collection.kind is not Kind.FEATURES or collection.id == DATASTREAMS:
            return ()
        keys = [key for key, _ in self._keys.values()]
        return tuple(verb for verb in WRITING if any(key.may(verb, collection.id) for key in keys))

    def remarks(self, store: Store) -> list[str]:
        """Return what an operator may not expect of ``access`` in front of this `store`, a sentence each."""
        there = {collection.id: collection for collection in store.catalogue.collections(OPERATOR)}
        shown = {collection.id for collection in store.catalogue.collections(self._public)}
        unseen = there.keys() - shown
        said = []
        if unknown := self._private - there.keys():
            said.append(f"access.private names {_listed(unknown)}: there is no such collection yet.")
        if besides := unseen - self._private:
            said.append(f"access.private hides {_listed(besides)} too: nothing of that would be left to see.")
        for key, principal in self._keys.values():
            seen = {collection.id for collection in store.catalogue.collections(principal)}
            if blind := {name for name in key.scopes.keys() & unseen if key.may("read", name)} - seen:
                said.append(
                    f"The key {key.name!r} sees nothing of {_listed(blind)}: let it read {DATASTREAMS} and what these "
                    "observe."
                )

        def is_telling(name: str) -> bool:
            runs = (run for source in there[name].sources for run in store.catalogue.runs(source, 1, "derive"))
            return any(run.inputs.keys() & unseen for run in runs)

        if telling := {name for name in shown - {DATASTREAMS} if is_telling(name)}:
            said.append(f"Public, though derived from what access.private hides: {_listed(telling)}.")
        return said

    def require(self, principal: Principal, verb: Verb, collection: str) -> None:
        """Refuse a verb that `principal` may not use on a collection which they see.

        Raises
        ------
        Unauthorised, Forbidden
            When they gave no key, or one that does not open the collection for it.
        """
        if principal.may(verb, collection):
            return
        if principal.name == PUBLIC:
            raise Unauthorised(f"To {verb} features of {collection!r} takes a key: send it as a bearer token.")
        raise Forbidden(f"The key {principal.name!r} does not allow to {verb} features of {collection!r}.")


def _principal(key: AccessKey, private: Sequence[str]) -> Principal:
    scopes = frozenset((name, verb) for name, verbs in key.scopes.items() for verb in verbs if verb != "read")
    hidden = frozenset(name for name in private if not key.may("read", name))
    return Principal(name=key.name, hidden=hidden, scopes=scopes)


def _credentials(header: str) -> tuple[str | None, str]:
    """Return the user, if one is named, and the token of an ``Authorization`` header (RFC 6750, RFC 7617)."""
    scheme, _, rest = header.partition(" ")
    if scheme.lower() == "bearer":
        return None, rest.strip()
    if scheme.lower() == "basic":
        try:
            user, _, token = base64.b64decode(rest.strip(), validate=True).decode().partition(":")
        except ValueError:
            user, token = "", ""
        return user, token
    return "", ""


def _listed(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
