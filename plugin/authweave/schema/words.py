"""What is wrong with a value and what would be right, in the words of people who write profiles.

Values are never printed: they may be secrets. Names of keys and of extensions are.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from authweave.extensions.catalog import Catalog
from authweave.frame import TEMPLATE, VENDOR_NAME
from authweave.near_misses import did_you_mean, near_miss, shown
from authweave.values import Path


@dataclass(frozen=True, slots=True)
class Words:
    """A problem without its place. `of_key`: the key itself is wrong, not what stands under it; `meant` the key it is near."""

    rule: str
    message: str
    fix: str
    of_key: bool = False
    meant: str = ""


_KINDS: Final = {
    "string": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false", "array": "a list", "object": "a map",
}  # fmt: skip
_TRUTH_OF_YAML_1_1: Final = frozenset({"yes", "no", "on", "off", "y", "n"})
_EXAMPLES: Final = {
    "format": "format: 1", "name": "name: acme-crm, as the file is called", "identity_provider": "identity_provider: Acme, who checks the credential",
    "auth": "auth: {type: …}", "type": "type: oauth2, or another auth type", "grant_type": "grant_type: client_credentials",
    "token_url": "token_url: https://…", "in": "in: header (or query, payload, path, cookie)", "key": "key: …",
    "value": "value: …", "fields": "fields: [{in: …, key: …, value: …}]", "url": "url: /v1/me", "request": "request: {url: …}",
    "vendor": "vendor: …", "when": "when: '{{ … }}'", "message": "message: …",
}  # fmt: skip
_NESTED: Final[Mapping[Path, str]] = {("revoke_request", "url"): "url: https://…, the provider's revocation endpoint"}
_MEANT: Final[Mapping[str, str]] = {
    "client_authentication": "client_auth", "auth_method": "client_auth", "token_endpoint_auth_method": "client_auth",
    "auth_url": "authorization_url", "authorize_url": "authorization_url", "auth_uri": "authorization_url", "authorization_endpoint": "authorization_url",
    "device_authorization_endpoint": "device_authorization_url", "token_endpoint": "token_url", "callback_url": "redirect_uri",
}  # fmt: skip
_NAME_MEANT: Final[Mapping[str, str]] = {
    "body": "payload", "post": "client_secret_post", "basic": "client_secret_basic", "mtls": "tls_client_auth",
    "hmac": "signature", "aws": "aws_sigv4", "kerberos": "negotiate", "login": "session",
}  # fmt: skip
_UNDER: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("access_token", "expires_in", "expires_at", "keep"), ("token_response", "response")),
    **dict.fromkeys(("url", "method", "encoding", "content_type", "content", "omit", "rename"), ("token_request", "request")),
    **dict.fromkeys(("algorithm", "signing_key", "key_id", "claims", "lifetime"), ("assertion", "client_assertion")),
}
"""What authors look for one level too high, and the keys under which it may stand."""
_NO_PLACE: Final = {
    "optional": ("a credential is never left out", "remove `optional`; a `when` chooses between fields"),
    "fields": ("this type sends no credential", "write additions to the top-level `fields`"),
}


def unknown_key(path: Path, holder: Mapping[str, Any], known: Mapping[str, Any], catalog: Catalog) -> Words:
    """A key that the format does not have at this place."""
    key = str(path[-1])
    in_auth = path[0] == "auth" and (len(path) == 2 or (len(path) == 3 and isinstance(path[1], int)))
    names = [name for name, part in known.items() if part is not False]
    if in_auth and holder.get("type") and not _holders(key, names) and (types := _types_with(key, catalog)):
        belongs = f"type {types[0]}" if len(types) == 1 else f"the types {', '.join(types)}"
        return Words("schema.unknown_key", f"belongs to {belongs}, not to {shown(str(holder.get('type')))}", "remove it", of_key=True)
    if near := _MEANT[key] if _MEANT.get(key) in names else near_miss(key, names):
        return Words("schema.unknown_key", "not known here", f"did you mean `{near}`?", of_key=True, meant=near)
    return Words("schema.unknown_key", "not known here", _elsewhere(path, key, names, in_auth=in_auth, auth_type=holder.get("type")), of_key=True)


def _types_with(key: str, catalog: Catalog) -> list[str]:
    """The auth types that have this key."""
    found = []
    for name, scheme in sorted(catalog.named("schemes").items()):
        parts = [part for kind in scheme.schema.get("x-keys-of", ()) for part in catalog.named(kind).values()]
        if any(key in getattr(part, "schema", {}).get("properties", {}) for part in (scheme, *parts)):
            found.append(name)
    return found


def _holders(key: str, names: list[str]) -> list[str]:
    """The known keys under which this one may stand."""
    return [holder for holder in _UNDER.get(key, ()) if holder in names]


def _elsewhere(path: Path, key: str, names: list[str], *, in_auth: bool, auth_type: Any) -> str:
    if key == "$schema":
        return "for editors write it as a comment: # yaml-language-server: $schema=…"
    if len(path) == 1 and key in ("type", "grant_type", "token_url", "client_id", "client_secret", "client_auth", "scopes", "username", "password", "token"):
        return f"write it under `auth`: auth: {{{key}: …}}"
    if in_auth and not auth_type:
        return "no auth type has it"
    if in_auth and key in ("inputs", "vars", "servers", "test", "identity_provider"):
        return f"write `{key}` at the top of the file, not under `auth`"
    if holders := _holders(key, names):
        return f"write it under {' or '.join(f'`{holder}`' for holder in holders)}: {holders[0]}: {{{key}: …}}"
    if key == "headers" and "token_request" in names:
        return "write each as a field: token_request: {fields: [{in: header, key: …, value: …}]}"
    listed = ", ".join(names)
    return f"known here: {listed}; keys of your own begin with x-" if names else "remove it"


def missing(path: Path) -> Words:
    """A key that must be there and is not."""
    key = str(path[-1])
    siblings = "steps" if path[-3:-2] in (("before",), ("after",)) else "variants"
    example = _NESTED.get(path[-2:]) or (f"name: …, its own among the {siblings}" if key == "name" and len(path) > 1 else _EXAMPLES.get(key, f"`{key}`"))
    return Words("schema.required", "is missing", f"add {example}")


def name(path: Path, key: str) -> Words:
    """A name that the author chose and that is not well formed."""
    better = re.sub(r"[^A-Za-z0-9_]+", "_", key).strip("_")
    well_formed = better and not better[0].isdigit() and len(better) <= 40 and better != key
    fix = "a name is made of letters, digits and _, and does not begin with a digit"
    words = "templates could not read this name" if path and path[-1] != "rename" else "is not the name of a parameter"
    return Words("schema.name", words, f"write `{better}`: {fix}" if well_formed else fix, of_key=True)


def value(error: Any, path: Path, catalog: Catalog) -> Words:
    """A value that is not of the right kind or form."""
    keyword = error.validator
    if error.schema is False:
        return Words("schema.misplaced", *_NO_PLACE.get(str(path[-1]), ("has no place here", "remove it")), of_key=True)
    if keyword == "enum" and "x-names-of" in error.schema:
        return unknown_name(error.schema["x-names-of"], str(error.instance), catalog)
    words = _WORDS.get(keyword, _other)(error, path)
    return Words(f"schema.{keyword}", *words)


def unknown_name(kind: str, found: str, catalog: Catalog) -> Words:
    """A name that no extension has: of a package that is not installed, or misspelt."""
    known = sorted(catalog.named(kind))
    if re.match(VENDOR_NAME, found):
        package = found.partition(".")[0]
        return Words("schema.not_installed", f"`{shown(found)}` comes with a package that is not installed",
                     f"install the package of `{shown(package)}` that adds it; `authweave plugins` lists what is loaded")  # fmt: skip
    if (meant := _NAME_MEANT.get(found)) in known:
        return Words("schema.unknown_name", f"`{found}` is not known here", f"did you mean `{meant}`?")
    return Words("schema.unknown_name", f"`{shown(found)}` is not known here", did_you_mean(found, known, f"write one of: {', '.join(known)}"))


def _type(error: Any, path: Path) -> tuple[str, str]:
    wanted = error.validator_value if isinstance(error.validator_value, list) else [error.validator_value]
    found = kind_of(error.instance)
    expected = _listed(_KINDS[each] for each in wanted if not (each == "integer" and "number" in wanted))
    return f"is {found}, not {expected}", _in_right_type(error.instance, wanted, expected)


def _in_right_type(found: Any, wanted: list[str], expected: str) -> str:
    if found is None:
        return "remove the empty item"
    if "string" in wanted and isinstance(found, bool | int | float):
        return "quote it"
    if "boolean" in wanted and isinstance(found, str):
        return "write true or false" + (" (YAML 1.2 reads yes, no, on and off as texts)" if found.lower() in _TRUTH_OF_YAML_1_1 else "")
    if ("number" in wanted or "integer" in wanted) and isinstance(found, str):
        return "write the number without quotes"
    if wanted == ["array"]:
        return "begin each item with `- `" if isinstance(found, dict) else "write it as a list: [ … ]"
    return f"write {expected}"


def kind_of(value: Any) -> str:
    """`a text`, `a list` …"""
    if isinstance(value, bool):
        return "true or false"
    kinds = ((str, "a text"), (int, "a whole number"), (float, "a number"), (list, "a list"), (dict, "a map"))
    return next((name for kind, name in kinds if isinstance(value, kind)), "nothing")


def _enum(error: Any, path: Path) -> tuple[str, str]:
    if path[0] == "inputs" and path[-1] == "type" and error.instance in ("secret", "password"):
        return "is not one of the words that may stand here", "write secret: true beside it, and leave type out"
    options = [str(option).lower() if isinstance(option, bool) else str(option) for option in error.validator_value]
    written = f"write one of: {', '.join(options)}"
    fix = did_you_mean(error.instance, options, written) if isinstance(error.instance, str) else written
    return "is not one of the words that may stand here", fix


def _const(error: Any, path: Path) -> tuple[str, str]:
    if isinstance(error.instance, str) and error.instance.strip() == str(error.validator_value):
        return "is a text, not a number", f"write {error.validator_value} without quotes"
    return "is not a version of the format that is known here", f"write {error.validator_value}"


def _pattern(error: Any, path: Path) -> tuple[str, str]:
    key = str(path[-1]) if path else ""
    if error.validator_value == TEMPLATE:
        return "is a text without a template", "write the number without quotes, or a template '{{ … }}'"
    return _FORMS.get(key, ("does not look as it should", _example(error)))


_FORMS: Final = {
    "when": ("is not a condition", "write exactly one '{{ … }}' and nothing around it"),
    "name": ("is not a name", "write lower-case letters, digits and single hyphens"),
    "version": ("is not a SemVer version", "write three numbers, as 1.2.0"),
    "extends": ("is not a reference to a profile", "write its name, name@1, name@1.2 or name@1.2.0"),
    "documentation": ("is not a URL", "begin it with https:// and its host, without a user name"),
    "method": ("is not an HTTP method", "write GET, POST, PUT or another word of letters"),
    "content_type": ("is not a media type", "write type/subtype, as application/json"),
    "grant_type": ("is not a grant type", "write a short name such as client_credentials, or a URN"),
}


def _example(error: Any) -> str:
    examples = error.schema.get("examples") or [f"what matches {error.validator_value}"]
    return f"write for example {examples[0]}"


def _range(error: Any, path: Path) -> tuple[str, str]:
    limit, least = error.validator_value, error.validator == "minimum"
    return f"is {'below' if least else 'above'} {limit}", f"write {limit} or {'more' if least else 'less'}"


def _empty(error: Any, path: Path) -> tuple[str, str]:
    return "is empty", "write at least one item, or leave the key out" if error.validator == "minItems" else "write a text"


def _too_long(error: Any, path: Path) -> tuple[str, str]:
    return f"is longer than {error.validator_value} characters", "shorten it"


def _any_of(error: Any, path: Path) -> tuple[str, str]:
    return _FORMS.get(str(path[-1]), ("is none of what may stand here", _example(error)))


def _other(error: Any, path: Path) -> tuple[str, str]:
    return f"breaks `{error.validator}` of the schema", str(error.schema.get("description", "see `authweave schema`"))


_WORDS: Final = {
    "type": _type, "enum": _enum, "const": _const, "pattern": _pattern, "minimum": _range, "maximum": _range,
    "minItems": _empty, "minLength": _empty, "maxLength": _too_long, "anyOf": _any_of,
}  # fmt: skip


def _listed(words: Iterable[str]) -> str:
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last
