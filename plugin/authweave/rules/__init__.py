"""Cross-field rules of valid profiles: one file each, one line here."""

from __future__ import annotations

from authweave.hookspecs import Register, hookimpl
from authweave.rules.assertions import Assertions
from authweave.rules.aws_role import AwsRole
from authweave.rules.basic_user_name import BasicUserName
from authweave.rules.bound_scheme import BoundScheme
from authweave.rules.circle import Circle
from authweave.rules.constant_condition import ConstantCondition
from authweave.rules.credential_template import CredentialTemplate
from authweave.rules.empty_namespace import EmptyNamespace
from authweave.rules.endpoints import Endpoints
from authweave.rules.field_order import FieldOrder
from authweave.rules.field_value import FieldValue
from authweave.rules.file_name import FileName
from authweave.rules.foreign_letters import ForeignLetters
from authweave.rules.grant_name import GrantName
from authweave.rules.grant_parameters import GrantParameters
from authweave.rules.input_spec import InputSpec
from authweave.rules.kept_state import KeptState
from authweave.rules.kept_twice import KeptTwice
from authweave.rules.kept_value import KeptValue
from authweave.rules.match_says import MatchSays
from authweave.rules.never_applies import NeverApplies
from authweave.rules.oauth1_legs import OAuth1Legs
from authweave.rules.open_credential import OpenCredential
from authweave.rules.own_header import OwnHeader
from authweave.rules.parameter_twice import ParameterTwice
from authweave.rules.password_grant import PasswordGrant
from authweave.rules.path_field import PathField
from authweave.rules.proof_key import ProofKey
from authweave.rules.registration import Registration
from authweave.rules.rejection import Rejection
from authweave.rules.request_body import RequestBody
from authweave.rules.rewritten_value import RewrittenValue
from authweave.rules.same_field import SameField
from authweave.rules.same_variable import SameVariable
from authweave.rules.scope_token import ScopeToken
from authweave.rules.secret_literal import SecretLiteral
from authweave.rules.servers import Servers
from authweave.rules.shown_secret import ShownSecret
from authweave.rules.signed_places import SignedPlaces
from authweave.rules.signing_key import SigningKey
from authweave.rules.standard_parameter import StandardParameter
from authweave.rules.template_place import TemplatePlace
from authweave.rules.test_name import TestName
from authweave.rules.test_server import TestServer
from authweave.rules.tls_parts import TlsParts
from authweave.rules.token_fields import TokenFields
from authweave.rules.undeclared_input import UndeclaredInput
from authweave.rules.unread_signature import UnreadSignature
from authweave.rules.unsent_value import UnsentValue
from authweave.rules.unused_input import UnusedInput
from authweave.rules.unused_keep import UnusedKeep
from authweave.rules.url_host import UrlHost
from authweave.rules.variant_condition import VariantCondition
from authweave.rules.variants import Variants
from authweave.rules.wrong_key import WrongKey

RULES = (
    AwsRole,
    Assertions,
    BasicUserName,
    BoundScheme,
    Circle,
    ConstantCondition,
    CredentialTemplate,
    EmptyNamespace,
    Endpoints,
    FieldOrder,
    FieldValue,
    FileName,
    ForeignLetters,
    GrantName,
    GrantParameters,
    InputSpec,
    KeptState,
    KeptTwice,
    KeptValue,
    MatchSays,
    NeverApplies,
    OAuth1Legs,
    OpenCredential,
    OwnHeader,
    ParameterTwice,
    PasswordGrant,
    PathField,
    Registration,
    ProofKey,
    Rejection,
    RequestBody,
    RewrittenValue,
    SameField,
    SameVariable,
    ScopeToken,
    SecretLiteral,
    Servers,
    ShownSecret,
    SignedPlaces,
    SigningKey,
    StandardParameter,
    TemplatePlace,
    TestName,
    TestServer,
    TlsParts,
    TokenFields,
    UndeclaredInput,
    UnreadSignature,
    UnsentValue,
    UnusedInput,
    UnusedKeep,
    UrlHost,
    VariantCondition,
    Variants,
    WrongKey,
)


@hookimpl
def register_rules(register: Register) -> None:
    """Add the built-in rules."""
    for rule in RULES:
        register(rule)
