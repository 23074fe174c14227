"""The values that the sandbox makes up for inputs, and the answers it shapes for a profile's reading."""

import ssl
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from authweave.errors import UsageError
from authweave.patterns import compile_pattern
from authweave.sandbox import Sandbox
from authweave.sandbox.from_pattern import text_of_pattern
from effort import examples
from sandbox_client import oauth, profile

pytestmark = pytest.mark.thorough

PATTERNS = [
    "[0-9]+:[A-Za-z0-9_-]+", "[a-z0-9-]{1,63}", "https://[A-Za-z0-9.-]+(/.*)?", "a|b|cc", "(ab){2,3}", "x?", "[^a]", r"\d{4}-\d{2}",
    r"\w+@\w+\.(com|de)", ".{5}", "[A-Z]{2}[0-9]{2}", r"https://www\.zohoapis\.(com|eu|in)", "ä+", r"[\u0100-\u0105]", "(a|b?)*c",
]  # fmt: skip


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_text_made_from_a_pattern_meets_it(pattern):
    """Ways, repeats, sets and escapes: the way back gives only what the way forth takes."""
    assert all(compile_pattern(pattern).matches(text_of_pattern(pattern, long=long)) for long in (False, True) for _ in range(20))


_ATOMS = st.sampled_from(["a", "[0-9]", ".", r"\w", "[^x]", "(?:b|cd)", r"\-", "é"])
_COUNTS = st.sampled_from(["", "*", "+", "?", "{2}", "{0,3}", "{2,}"])


@settings(max_examples=examples(60), deadline=None)
@given(st.lists(st.tuples(_ATOMS, _COUNTS), min_size=1, max_size=6).map(lambda parts: "".join(atom + count for atom, count in parts)))
def test_any_pattern_has_its_text(pattern):
    """Whatever is put together of atoms and counts is met by what is made from it."""
    assert compile_pattern(pattern).matches(text_of_pattern(pattern))


DECLARED = """inputs:
  plain: {}
  secret: {secret: true}
  defaulted: {default: eu}
  chosen: {enum: [x, y], default: y}
  first: {enum: [x, y]}
  shown: {example: '1042', pattern: '[0-9]+'}
  misfit: {pattern: '[0-9]{3}'}
  host: {format: hostname}
  link: {format: url}
  id: {format: uuid}
  mail: {format: email}
  number: {type: integer}
  flag: {type: boolean}
  items: {type: list}
  file: {type: json, secret: true}
  key: {type: pem, secret: true}
servers: ['https://{{ inputs.host }}']
auth: {type: custom, fields: [{in: header, key: K, value: '{{ inputs.secret }}{{ inputs.file.inner.name }}'}]}
fields:
  - {in: header, key: A, value: '{{ inputs.plain }}{{ inputs.defaulted }}{{ inputs.chosen }}{{ inputs.first }}{{ inputs.shown }}{{ inputs.misfit }}{{ inputs.link }}{{ inputs.id }}{{ inputs.mail }}{{ inputs.number }}{{ inputs.flag }}{{ inputs.items | join }}'}
  - {in: header, key: B, value: '{{ inputs.key | fingerprint | base64 }}'}
"""


def test_every_input_gets_a_value_that_the_engine_takes():
    """Type, pattern, enum, format, default and example are met, and what templates look up inside JSON is there."""
    declared = profile(DECLARED)
    with Sandbox([declared]) as sandbox, sandbox.engine() as engine:
        made = sandbox.inputs(declared)
        headers = dict(engine.connect(declared).headers_for(sandbox.account(declared).servers[0] + "/x").result(10))

    assert ("eu", "y", "x", "1042") == tuple(made[name] for name in ("defaulted", "chosen", "first", "shown"))
    assert made["misfit"].isdigit()
    assert made["file"]["inner"]["name"] in headers["K"]
    assert {"K", "A", "B"} <= set(headers)


def test_secrets_are_other_ones_in_every_run():
    """No two sandboxes share a secret, so none of them is worth anything elsewhere."""
    made = oauth()

    assert 20 == len({Sandbox([made]).inputs(made)["client_secret"] for _ in range(20)})


def test_a_client_secret_shows_wrong_encoding():
    """The made-up client secret holds `+ / % :`, so that the wrong `basic_encoding` fails here already."""
    made = oauth()

    assert set("+/%:") <= set(Sandbox([made]).inputs(made)["client_secret"])


def test_an_input_that_is_not_declared_is_refused():
    """Choosing a value for an input that the profile has not got is the caller's mistake."""
    made = oauth()

    with pytest.raises(UsageError, match="acme has no input nope"):
        Sandbox([made]).inputs(made, {"nope": "x"})


ANSWERS = {
    "renamed": "access_token: '{{ response.json.token }}'",
    "nested": "access_token: '{{ response.json.data.items[0].token }}', expires_in: '{{ response.json.data.ttl }}'",
    "text": "access_token: '{{ response.text }}', expires_in: 600",
    "form": "access_token: '{{ response.form.access_token }}', expires_in: '{{ response.form.expires }}'",
    "xml": "access_token: '{{ response.xml.r.t }}', expires_in: '{{ response.xml.r.life }}'",
    "cookie": "access_token: '{{ response.cookies.S }}', expires_in: '{{ response.json.minutes * 60 }}'",
    "header": "access_token: '{{ response.headers[\"x-token\"] }}', expires_in: 600",
    "prefixed": "access_token: '{{ response.json.token | strip_prefix(\"Bearer \") }}'",
    "milliseconds": "expires_in: '{{ response.json.ms / 1000 }}'",
    "duration": "expires_in: '{{ response.json.left | duration(\"D:HH:MM\") }}'",
    "moment": "expires_at: '{{ response.json.until }}'",
    "unix": "expires_at: '{{ response.json.until | int }}'",
    "kept": "keep: {base: {value: '{{ response.json.base }}', pattern: 'https://[a-z]{3}\\.example\\.com'}}",
    "flagged": "accepted_when: [{status: [201], when: '{{ response.json.code == \"S01\" }}'}]",
}


@pytest.mark.parametrize("reading", ANSWERS.values(), ids=ANSWERS)
def test_answers_have_the_shape_that_the_profile_reads(reading):
    """Wherever `token_response` looks, the sandbox puts it: the engine gets the token with its lifetime."""
    made = oauth(f"token_response: {{{reading}}}")
    with Sandbox([made], lifetime=600) as sandbox, sandbox.engine(attempts=1) as engine:
        connection = engine.connect(made)
        token = connection.token().result(10)
        headers = dict(connection.headers_for("https://api.example.com/x").result(10))

    assert headers["Authorization"] == f"Bearer {token.access_token.reveal()}"
    assert 500 < token.expires_at - time.time() <= 660
    if "keep" in reading:
        assert token.kept["base"].endswith(".example.com")


def test_servers_may_be_kept_of_the_answer():
    """Where the API's host comes with the token, the sandbox makes one up and leads it here."""
    made = profile("""servers: ['{{ kept.api }}']
auth:
  type: oauth2
  grant_type: client_credentials
  token_url: https://idp.example.com/token
  token_response: {keep: {api: {value: '{{ response.json.api_domain }}', pattern: 'https://[a-z]{4}\\.example\\.com'}}}
""")
    with Sandbox([made]) as sandbox, sandbox.engine() as engine:
        token = engine.connect(made).token().result(10)
        places = set(sandbox.routes)

    assert (token.kept["api"].removeprefix("https://"), 443) in places


def test_the_authority_is_new_in_every_run_and_short_lived():
    """Two sandboxes have two authorities, each good for two days at most."""
    first, second = Sandbox([oauth()]), Sandbox([oauth()])
    context = ssl.create_default_context(cadata=first.ca_pem)
    [authority] = [one for one in context.get_ca_certs() if "sandbox" in str(one["subject"])]

    assert first.ca_pem != second.ca_pem
    assert ssl.cert_time_to_seconds(authority["notAfter"]) - time.time() < 2 * 86400
