"""Cross-field rules of valid profiles: one file each, one line here."""

from __future__ import annotations

from authweave.hookspecs import Register, hookimpl
from authweave.rules.circle import Circle
from authweave.rules.credential_template import CredentialTemplate
from authweave.rules.file_name import FileName
from authweave.rules.grant_name import GrantName
from authweave.rules.input_spec import InputSpec
from authweave.rules.kept_value import KeptValue
from authweave.rules.never_applies import NeverApplies
from authweave.rules.path_field import PathField
from authweave.rules.rejection import Rejection
from authweave.rules.same_field import SameField
from authweave.rules.secret_literal import SecretLiteral
from authweave.rules.servers import Servers
from authweave.rules.token_fields import TokenFields
from authweave.rules.undeclared_input import UndeclaredInput
from authweave.rules.unused_input import UnusedInput
from authweave.rules.url_host import UrlHost
from authweave.rules.variants import Variants
from authweave.rules.wrong_key import WrongKey

RULES = (
    Circle, CredentialTemplate, FileName, GrantName, InputSpec, KeptValue, NeverApplies, PathField, Rejection, SameField,
    SecretLiteral, Servers, TokenFields, UndeclaredInput, UnusedInput, UrlHost, Variants, WrongKey,
)  # fmt: skip


@hookimpl
def register_rules(register: Register) -> None:
    """Add the built-in rules."""
    for rule in RULES:
        register(rule)
