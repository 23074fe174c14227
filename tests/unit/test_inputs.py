"""Inputs: from what was supplied to what templates read, and what is said when it does not fit."""

import base64
import copy
import datetime
import json
import pickle
import threading

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import pkcs12
from hypothesis import given
from hypothesis import strategies as st

from authweave.errors import InputError, InvalidInput, MissingInput, SettingsError
from authweave.inputs import checked, resolve
from authweave.inputs.types import TYPES
from authweave.profile import Input
from authweave.redaction import Redactor
from authweave.sources.environment import EnvironmentSource
from authweave.sources.mapping import MappingSource
from authweave.sources.secrets_dir import SecretsDirSource
from authweave.values import Secret
from thorough import every

KEY = ec.generate_private_key(ec.SECP256R1())
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
).decode()  # fmt: skip
ENCRYPTED = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL,
    serialization.BestAvailableEncryption(b"pw"),
).decode()  # fmt: skip


def certificate():
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "me")])
    day = datetime.datetime(2024, 1, 1)
    built = x509.CertificateBuilder(name, name, KEY.public_key(), 1, day, day + datetime.timedelta(days=9))
    return built.sign(KEY, hashes.SHA256())


CERTIFICATE = certificate().public_bytes(serialization.Encoding.PEM).decode()
P12 = pkcs12.serialize_key_and_certificates(b"me", KEY, certificate(), None, serialization.NoEncryption())


def declared(*inputs):
    return {one.name: one for one in inputs}


def resolved(*inputs, tenant="", sources=None, clock=lambda: 0.0, **supplied):
    return resolve("acme", declared(*inputs), sources or [MappingSource(supplied)], tenant, clock=clock)


def read(asked, supplied):
    found = resolved(asked, **{asked.name: supplied})[asked.name]
    return found.reveal() if isinstance(found, Secret) else found


class TestReading:
    """The chain of sources, defaults, and what is missing."""

    def test_plain_and_secret(self):
        """A secret input is a Secret with the origin of its source, another one is plain."""
        values = resolved(Input("client_id"), Input("secret", secret=True), client_id="me", secret="hunter2")

        assert values["client_id"] == "me"
        assert isinstance(values["secret"], Secret)
        assert (values["secret"].reveal(), values["secret"].origin) == ("hunter2", "the inputs of the host")

    def test_first_source_wins(self):
        """Sources are asked in their order, and the first that has something wins."""
        environ = {"AUTHWEAVE_ACME_A": "from environment", "AUTHWEAVE_ACME_B": "from environment"}
        sources = [MappingSource({"a": "from host"}), EnvironmentSource(environ)]

        values = resolved(Input("a"), Input("b"), sources=sources)

        assert dict(values) == {"a": "from host", "b": "from environment"}
        assert values.origins == {"a": "the inputs of the host", "b": "environment variable AUTHWEAVE_ACME_B"}

    def test_nothing_is_asked_before_it_is_read(self):
        """A source is asked once, when the value is first read, and never for what nobody reads."""
        asked = []
        values = resolved(Input("a"), Input("b"), sources=[MappingSource(lambda *what: asked.append(what[1]) or "x")])
        assert asked == []
        assert not values.is_at_hand(["a"])

        assert [values["a"], values["a"]] == ["x", "x"]
        assert asked == ["a"]
        assert values.is_at_hand(["a"])
        assert not values.is_at_hand(["a", "b"])

    @every("asked, supplied, value", [
        (Input("a", default="d"), {}, "d"),
        (Input("a", default="d"), {"a": ""}, "d"),
        (Input("a", default=""), {}, ""),
        (Input("a", default=""), {"a": ""}, ""),
        (Input("a", default="", pattern="x+"), {"a": ""}, ""),
        (Input("a", default=12, type="integer"), {}, 12),
        (Input("a", default=False, type="boolean"), {}, False),
        (Input("a", required=False), {}, None),
        (Input("a", required=False), {"a": ""}, None),
        (Input("a", required=False), {"a": b""}, None),
        (Input("a", required=False, default="d"), {}, "d"),
        (Input("a", type="integer"), {"a": 0}, 0),
        (Input("a", type="boolean"), {"a": False}, False),
        (Input("a", type="list"), {"a": []}, []),
    ])  # fmt: skip
    def test_missing_and_empty(self, asked, supplied, value):
        """Empty text is missing unless the default is ''; nothing but text is ever empty."""
        assert value == resolved(asked, **supplied)["a"]

    @pytest.mark.parametrize("supplied", [{}, {"client_secret": ""}, {"client_secret": None}])
    def test_missing(self, supplied, tmp_path):
        """What is missing is told with title, name, and every place where it was looked for."""
        sources = [MappingSource(supplied), SecretsDirSource(tmp_path)]
        if "client_secret" not in supplied:
            sources.insert(1, EnvironmentSource({"AUTHWEAVE_ACME_CLIENT_SECRET": ""}))
        values = resolved(Input("client_secret", title="Client secret", secret=True), sources=sources, tenant="t1")

        with pytest.raises(MissingInput) as missing:
            values["client_secret"]

        said = str(missing.value)
        assert said.startswith("acme for tenant t1 needs Client secret (client_secret): not found in client_secret in")
        assert f"secrets file acme.t1.client_secret or acme.client_secret in {tmp_path}" in said
        assert ("client_secret" in supplied) or "AUTHWEAVE_ACME_CLIENT_SECRET (set, but empty)" in said
        assert (missing.value.name, missing.value.names) == ("client_secret", ("client_secret",))

    @pytest.mark.parametrize(("name", "tenant", "is_told"), [("tenant", "t1", True), ("tenant", "", False), ("region", "t1", False)])
    def test_the_tenant_of_a_connection_is_not_the_input_of_that_name(self, name, tenant, is_told):
        """`acme,tenant=t1` says whose values and tokens are meant; what the API is told is a value like any other. Who mixes them up is told."""
        with pytest.raises(MissingInput) as missing:
            resolved(Input(name), tenant=tenant)[name]

        assert is_told == ("that the connection is for tenant t1 fills no input" in str(missing.value))

    def test_all_missing_at_once(self):
        """`require` names everything that is missing in one error, in the order of the form."""
        values = resolved(Input("a", title="Tenant"), Input("b", default="x"), Input("c"), Input("d"), d="there")

        with pytest.raises(MissingInput) as missing:
            values.require(["d", "c", "b", "a"])

        assert missing.value.names == ("a", "c")
        said = "acme needs 2 inputs:\n  Tenant (a): not found in a in the inputs of the host\n  c: not found in c in"
        assert said in str(missing.value)

    def test_require_what_is_there(self):
        """Nothing is raised when all is there."""
        resolved(Input("a"), Input("b", required=False), a="x").require(["a", "b"])

    def test_no_sources(self):
        """Without a source the message says that."""
        with pytest.raises(MissingInput, match="acme needs a: there is no source to ask"):
            resolve("acme", declared(Input("a")), [])["a"]

    def test_missing_is_asked_again(self):
        """What was missing is asked for again: somebody may have supplied it meanwhile."""
        supplied = {}
        values = resolved(Input("a"), sources=[MappingSource(supplied)])
        with pytest.raises(MissingInput):
            values["a"]

        supplied["a"] = "now"

        assert values["a"] == "now"

    def test_missing_input_can_be_copied(self):
        """Every waiter gets a copy of its own, with all its names."""
        with pytest.raises(MissingInput) as missing:
            resolved(Input("a"), Input("b")).require(["a", "b"])

        for other in (missing.value.fresh(), pickle.loads(pickle.dumps(missing.value))):
            assert (("a", "b"), str(missing.value)) == (other.names, str(other))

    def test_mapping(self):
        """It is a map over everything declared; other names are not in it."""
        values = resolved(Input("a", default="x"), Input("b", required=False))

        assert (["a", "b"], 2) == (list(values), len(values))
        assert "b" in values
        assert "c" not in values
        assert values.get("c") is None
        with pytest.raises(KeyError):
            values["c"]
        with pytest.raises(TypeError):
            values["a"] = "y"

    def test_repr_and_comparison_hold_nothing(self):
        """Showing or comparing it asks nobody and shows no value."""
        values = resolved(Input("a"), sources=[MappingSource(lambda *_: pytest.fail("asked"))])

        assert "<inputs of acme: a>" == repr(values) == str(values)
        assert values == values
        assert values != {"a": 1}
        assert {values: 1}[values]

    def test_not_shown_once_read(self):
        """Once read, a value does not stand in its repr."""
        values = resolved(Input("a", secret=True), Input("b"), a="hunter2", b="hunter3")
        values.require(["a", "b"])

        assert "hunter" not in repr(values) + repr(copy.copy(values))

    def test_age(self):
        """It is stale once a source that was asked wants to be asked again."""
        now = [100.0]
        aging = MappingSource(lambda profile, name, tenant: None, max_age=60)
        sources = [MappingSource({"a": "x"}), aging, MappingSource({"b": "y"})]
        values = resolved(Input("a"), Input("b"), sources=sources, clock=lambda: now[0])
        assert values["a"] == "x"
        now[0] = 1000.0
        assert not values.is_stale

        assert values["b"] == "y"
        now[0] = 1059.9
        assert not values.is_stale
        now[0] = 1060.0
        assert values.is_stale

    def test_threads(self):
        """Threads that read at once get the same value, the very same Secret."""
        values = resolved(Input("a", secret=True), sources=[MappingSource(lambda *_: "x")])
        seen = []
        threads = [threading.Thread(target=lambda: seen.append(values["a"])) for _ in range(20)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert all(one is seen[0] for one in seen)

    def test_foreign_source(self):
        """What a stranger's source raises or answers becomes one typed error without its words."""
        class Broken:
            name, max_age = "broken", None

            def __init__(self, answer):
                self.answer = answer

            def get(self, *_):
                if isinstance(self.answer, Exception):
                    raise self.answer
                return self.answer

        not_a_secret = "answered with str in the place of a Secret"
        for answer, said in ((OSError("hunter2"), "failed with OSError"), ("hunter2", not_a_secret)):
            with pytest.raises(InputError) as refused:
                resolved(Input("a", title="A"), sources=[Broken(answer)])["a"]
            assert f"A (a): the source broken {said}" == str(refused.value)
            assert refused.value.__context__ is None

    @pytest.mark.parametrize("error", [InputError("a", "is sealed"), SettingsError("no keyring")])
    def test_typed_errors_of_sources_pass(self, error):
        """A source that cannot read a value stops the search: the next source is not a way around."""
        def failing(*_):
            raise error

        source = MappingSource({})
        source.get_for_subject = failing
        with pytest.raises(type(error), match=str(error)):
            resolved(Input("a"), sources=[source, MappingSource({"a": "x"})])["a"]

    def test_redactor_learns_everything(self):
        """Of a converted secret both forms are known: as it was supplied, and as it is used."""
        spelled = PEM.replace("\n", "\\n")
        values = resolved(Input("key", type="pem", secret=True), Input("id"), key=spelled, id="plain-id")
        values.require(["key", "id"])

        redactor = Redactor(values.secrets)

        assert "MIG" not in redactor.redact(f"{spelled} {PEM} {json.dumps(PEM)}")
        assert redactor.redact("plain-id") == "plain-id"

    def test_tenant_is_inert(self):
        """A tenant's name cannot move the cursor of whoever reads the error."""
        with pytest.raises(MissingInput) as missing:
            resolved(Input("a"), tenant="\x1b[2Jt\n1")["a"]

        assert "for tenant \\x1b[2Jt\\n1 needs" in str(missing.value)


PLAIN = [
    "0012", "1e5", "a{{b}}c", "p:w%+ x", "é", " both ends ", "no", "null", "日本 😀", "\t", "a\nb", "'quoted'", "0x10",
]  # fmt: skip


SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.text(),
    st.floats(allow_nan=False, allow_infinity=False),
)  # fmt: skip


def nested(inner):
    return st.one_of(st.lists(inner), st.dictionaries(st.text(), inner))


class TestTypes:
    """Conversion by type."""

    @every("text", PLAIN)
    @every("secret", [True, False])
    def test_exact_text(self, text, secret):
        """A text stays as it is, letter for letter, whatever it looks like."""
        assert text == read(Input("a", secret=secret), text) == read(Input("a", secret=secret), text.encode())

    @every("kind, given, value", [
        ("string", 12, "12"), ("string", 1.5, "1.5"), ("string", True, "true"), ("string", False, "false"),
        ("integer", "12", 12), ("integer", "-7", -7), ("integer", 0, 0), ("integer", "9223372036854775807", 2**63 - 1),
        ("number", "12", 12), ("number", "2.5", 2.5), ("number", "-1e3", -1000.0), ("number", 2.5, 2.5),
        ("number", b"3", 3),
        ("boolean", "true", True), ("boolean", "False", False), ("boolean", "1", True), ("boolean", "0", False),
        ("boolean", True, True),
        ("list", "a, b ,c", ["a", "b", "c"]), ("list", "a", ["a"]), ("list", '["a, b", 1, true]', ["a, b", 1, True]),
        ("list", ' ["a"]', ["a"]), ("list", ("a", "b"), ["a", "b"]), ("list", "[]", []), ("list", "a b", ["a b"]),
        ("json", '{"a": [1, 2.5, null, "é"]}', {"a": [1, 2.5, None, "é"]}), ("json", {"a": 1}, {"a": 1}),
        ("json", "[]", []), ("json", '"text"', "text"), ("json", "12", 12), ("json", b'{"a": 1}', {"a": 1}),
        ("json", True, True),
        ("pkcs12", P12, P12), ("pkcs12", base64.b64encode(P12), P12), ("pkcs12", base64.b64encode(P12).decode(), P12),
        ("pkcs12", base64.encodebytes(P12).decode(), P12),
    ], ids=lambda part: "bytes" if isinstance(part, bytes) else "base64" if len(str(part)) > 100 else str(part)[:20])  # fmt: skip
    def test_converted(self, kind, given, value):
        """Each type from text, and from what a host gives."""
        found = read(Input("a", type=kind), given)

        assert value == found
        assert type(value) is type(found)

    @every("kind, given, said", [
        ("string", ["hunter2"], "must be a text"), ("string", {"a": "hunter2"}, "must be a text"),
        ("string", b"hunter2\xff", "is not UTF-8 at byte 7"), ("string", "hunter2\ud800", "half of a character"),
        ("integer", "hunter2", "whole number"), ("integer", "0012", "whole number"), ("integer", "+5", "whole number"),
        ("integer", " 5", "whole number"), ("integer", "5\n", "whole number"), ("integer", "1e3", "whole number"),
        ("integer", "1_000", "whole number"), ("integer", "٣", "whole number"), ("integer", 2.0, "whole number"),
        ("integer", True, "whole number"), ("integer", 2**63, "whole number"), ("integer", "9" * 5000, "whole number"),
        ("integer", "99999999999999999999", "whole number"), ("integer", 10**5000, "whole number"),
        ("number", "hunter2", "must be a number"), ("number", "nan", "must be a number"),
        ("number", "inf", "must be a number"),
        ("number", float("inf"), "must be a number"), ("number", "1e999", "must be a number"),
        ("number", ".5", "must be a number"),
        ("number", 10**400, "must be a number"),
        ("boolean", "yes", "must be true or false"), ("boolean", "", "needs a"),
        ("boolean", 1, "must be true or false"),
        ("boolean", "hunter2", "must be true or false"),
        ("list", "a,,b", "has an empty item"), ("list", '["hunter2"', "is not JSON"),
        ("list", {"a": 1}, "must be a list"),
        ("list", [["hunter2"]], "must be a list of texts"), ("list", '[{"a": 1}]', "must be a list of texts"),
        ("list", 5, "must be"),
        ("list", [float("nan")], "must be a list of texts"), ("list", ["\ud800"], "half of a character"),
        ("json", "hunter2", "is not JSON at line 1 column 1"), ("json", '{"a": 1,}', "is not JSON at line 1"),
        ("json", "keys/robot.json", "it looks like a file name; supply what is in the file"),
        ("json", '{"a": hunter2}', "is not JSON"), ("json", '{"a": NaN}', "NaN and Infinity"),
        ("json", "Infinity", "NaN and"),
        ("json", '{"a": 1, "a": "hunter2"}', "a key twice"), ("json", "[" * 100_000, "is nested too deeply"),
        ("json", "[" * 150 + "]" * 150, "is nested too deeply"), ("json", "1" * 5000, "a number that is too long"),
        ("json", '"\\ud800"', "half of a character"), ("json", '{"\\ud800": 1}', "half of a character"),
        ("json", "1e999", "must be JSON"), ("json", {"a": float("nan")}, "must be JSON"),
        ("json", {1: "hunter2"}, "must be JSON"),
        ("json", "\ufeff{}", "is not JSON"),
        ("pkcs12", "hunter2", "is not a PKCS #12 file"), ("pkcs12", "", "needs a"),
        ("pkcs12", b"hunter2", "is not a PKCS #12"),
        ("pkcs12", base64.b64encode(P12[:-1]).decode(), "is not a PKCS #12"), ("pkcs12", 5, "is not a PKCS #12"),
        ("pkcs12", base64.b64encode(b"\x30\x84").decode(), "is not"),
        ("pkcs12", b"\x30\xff" + b"\x01" * 200, "is not"),
        ("mystery", "hunter2", "has the type mystery, which is not known"),
    ], ids=range(61))  # fmt: skip
    def test_refused(self, kind, given, said):
        """What does not fit is refused with what would be right, and never with what was given."""
        with pytest.raises(InputError) as refused:
            read(Input("a", type=kind, secret=True), given)

        assert said in str(refused.value)
        assert "hunter2" not in str(refused.value)
        assert refused.value.__context__ is None

    def test_json_is_a_copy(self):
        """What a host gave and later changes does not change what was read."""
        supplied = {"a": [1]}
        values = resolved(Input("key_file", type="json"), key_file=supplied)
        values.require(["key_file"])

        supplied["a"].append(2)

        assert values["key_file"] == {"a": [1]}

    @given(st.sampled_from(sorted(TYPES)), st.one_of(st.text(st.characters(exclude_categories=[])), st.binary()))
    def test_any_text(self, kind, given):
        """Whatever is supplied, for every type: a value or an InvalidInput."""
        try:
            checked(Input("a", type=kind), given)
        except InvalidInput as refused:
            said = str(refused)
        else:
            said = "a "
        assert said.startswith("a ")

    @given(st.recursive(SCALARS, nested, max_leaves=8))
    def test_json_round_trip(self, data):
        """All JSON comes through as it is."""
        asked = Input("a", type="json")

        assert data == checked(asked, json.dumps(data))
        assert isinstance(data, str) or data == checked(asked, data)


class TestPem:
    """Keys and certificates in PEM."""

    @every("mangle", [
        lambda pem: pem,
        lambda pem: pem.strip(),
        lambda pem: pem.replace("\n", "\\n"),
        lambda pem: pem.replace("\n", "\\r\\n"),
        lambda pem: pem.replace("\n", "\r\n"),
        lambda pem: pem.replace("\n", " "),
        lambda pem: "\n\n  " + pem.replace("\n", "\n  "),
        lambda pem: pem.encode(),
        lambda pem: json.dumps(pem)[1:-1],
    ], ids=range(9))  # fmt: skip
    @every("pem", [PEM, PEM + CERTIFICATE], ids=["one", "two"])
    def test_mended(self, pem, mangle):
        """What forms, variables and YAML do to line ends is mended: the result is the PEM that went in."""
        assert pem == read(Input("key", type="pem", secret=True), mangle(pem))

    def test_encrypted_key(self):
        """The headers of an encrypted key in the traditional form stay, and the key can still be loaded."""
        for text in (ENCRYPTED, ENCRYPTED.replace("\n", "\\n")):
            found = read(Input("key", type="pem", secret=True), text)

            assert KEY.private_numbers() == serialization.load_pem_private_key(found.encode(), b"pw").private_numbers()

    def test_remarks(self):
        """Text beside the blocks, as OpenSSL writes it, stays."""
        text = f"Bag Attributes\n    localKeyID: 01\n{PEM}"

        assert serialization.load_pem_private_key(read(Input("key", type="pem"), text).encode(), None)

    @every("text, said", [
        ("hunter2", "it has no line -----BEGIN …-----"),
        ("/run/secrets/key.pem", "it looks like a file name; supply what is in the file"),
        ("keys/service.key", "it looks like a file name"),
        (PEM.replace("-----END PRIVATE KEY-----", ""), "-----END PRIVATE KEY----- is not there"),
        (PEM.replace("END PRIVATE", "END PUBLIC"), "-----END PRIVATE KEY----- is not there"),
        (PEM + PEM.replace("-----END PRIVATE KEY-----", "") + PEM, "a second block begins before"),
        ("-----BEGIN X-----\n-----END X-----", "between BEGIN and END X is no base64"),
        ("-----BEGIN X-----\nhunter2!\n-----END X-----", "between BEGIN and END X is no base64"),
        ("-----BEGIN X-----hunter2", "-----END X----- is not there"),
        (base64.b64encode(PEM.encode()).decode(), "it has no line"),
        ("-----BEGIN X-----" + " " * 50_000, "-----END X----- is not there"),
        ("-----BEGIN X----- " * 3_000, "a second block begins"),
    ], ids=range(12))  # fmt: skip
    def test_refused(self, text, said):
        """What is no PEM is told apart, without its content."""
        with pytest.raises(InvalidInput) as refused:
            read(Input("key", title="Key", type="pem", secret=True), text)

        assert str(refused.value).startswith("Key (key) is not PEM: ")
        assert said in str(refused.value)
        assert "hunter2" not in str(refused.value)


class TestAllowed:
    """enum, pattern and format."""

    @every("asked, good, bad, said", [
        (Input("a", enum=("oauth2", "basic")), ["oauth2", "basic"], ["OAuth2", "hunter2", "oauth2 "],
         "a must be one of oauth2, basic"),
        (Input("a", enum=(1, 2), type="integer"), [1, "2"], [3, "3"], "a must be one of 1, 2"),
        (Input("a", enum=(True,), type="boolean"), [True, "1"], [False], "a must be one of True"),
        (Input("a", enum=(1,), type="json"), [1, "1"], [True, "true", '"1"'], "a must be one of 1"),
        (Input("a", pattern="[a-z0-9-]{1,63}"), ["acme", "a-1"], ["hunter2!", "acme\n", "Acme"],
         "a must match [a-z0-9-]{1,63} as a whole"),
        (Input("a", pattern="[0-9]{2}", type="integer"), [12, "12"], [5, 123], "a must match [0-9]{2} as a whole"),
        (Input("a", pattern="[a-z]+", type="list"), ["a,b", ["c"]], ["a,B", ["a", 1]],
         "a must match [a-z]+ as a whole"),
        (Input("a", pattern="x", type="json"), ['"x"'], ["{}", "[null]", "null"], "a must match x as a whole"),
        (Input("a", title="Host", format="hostname"),
         ["api.acme.example", "localhost", "a-b.c", "127.0.0.1", "a" * 63, ".".join(["a" * 49] * 5),
          "xn--bcher-kva.example"],
         ["https://hunter2", "a:443", "a.", ".a", "a..b", "-a", "a-", "a_b", "a b", "a\n", "bücher.example", "a" * 64,
          "a/b", ".".join(["a" * 60] * 5), "[::1]"],
         "Host (a) must be a host name such as api.acme.example"),
        (Input("a", format="url"),
         ["https://a.example", "HTTPS://a.example/x?y=z", "http://localhost:8080/", "https://127.0.0.1",
          "https://[::1]:8443/x"],
         ["a.example", "ftp://a.example", "https://", "https:///x", "https://hunter2@a.example", "https://u:p@a.example",
          "https://a#b", "https://a\\@b", "https://a b", "https://a:99999", "https://a:", "https://a:0", "//a.example",
          "https://a.example\n", "https://é.example", "javascript:alert(1)", "https://[::1", "https://[zz]/",
          "https://a_b.example", "https://" + "a" * 3000],
         "a must be a URL such as https://api.acme.example"),
        (Input("a", format="uuid"),
         ["123e4567-e89b-12d3-a456-426614174000", "123E4567-E89B-12D3-A456-426614174000"],
         ["123e4567e89b12d3a456426614174000", "{123e4567-e89b-12d3-a456-426614174000}",
          "123e4567-e89b-12d3-a456-42661417400g", "123e4567-e89b-12d3-a456-426614174000\n"],
         "a must be a UUID"),
        (Input("a", format="email"),
         ["me@a.example", "a.b+c@localhost", "x@xn--bcher-kva.example"],
         ["me", "@a", "me@", "a@b@c", "a b@c", "a@b c", "a@b\n", "é@a.example", "a" * 65 + "@b", '"a"@b', "a@-b"],
         "a must be an e-mail address"),
        (Input("a", format="hostname", type="list"), ["a,b.c"], ["a,b:1"], "a must be a host name"),
        (Input("a", format="shape"), [], ["x"], "a has the format shape, which is not known"),
        (Input("a", pattern="(a)\\1"), [], ["aa"], "a has a pattern that cannot be used"),
    ], ids=range(15))  # fmt: skip
    def test_allowed(self, asked, good, bad, said):
        """Good values come through; bad ones are refused with what is allowed, and never with what was given."""
        for value in good:
            assert read(asked, value) is not None
        for value in bad:
            with pytest.raises(InvalidInput) as refused:
                read(asked, value)
            assert str(refused.value).startswith(said)
            assert "hunter2" not in str(refused.value)

    def test_default_is_checked_too(self):
        """A default is held to the declaration as well."""
        with pytest.raises(InvalidInput, match="a must be one of b"):
            resolved(Input("a", default="c", enum=("b",)))["a"]

    def test_slow_pattern(self):
        """A pattern that takes other engines years is answered at once."""
        with pytest.raises(InvalidInput):
            read(Input("a", pattern="(a+)+b"), "a" * 5000)


class TestDoubts:
    """Values that look unfilled or damaged are used, and told."""

    @every("value", [
        "<your-client-id>", "<client secret>", "changeme", "CHANGE_ME", "change-me!", "${CLIENT_SECRET}",
        "$(cat secret)", "$CLIENT_SECRET", "%CLIENT_SECRET%", "{{ client_secret }}", "{{secret}}", "{% raw %}",
        "{client_secret}", "[client id]", "xxx", "XXXXXXXX", "xxxx-xxxx-xxxx", "****", "...", "•••••", "your-api-key",
        "YOUR_CLIENT_SECRET", "my secret token", "your client id here", "insert token here", "TODO", "placeholder",
        "replace me", "replace-with-your-key", "null", "None", "undefined", "n/a", " changeme\n", "‹secret token›",
        "example",
    ])  # fmt: skip
    @every("secret", [True, False])
    def test_placeholders(self, value, secret):
        """What still looks like a placeholder is told by name, and used all the same."""
        values = resolved(Input("client_id", secret=secret), client_id=value)
        values.require(["client_id"])

        why = [why for name, why in values.suspicious if name == "client_id"]

        assert any(one.startswith("it still looks like a placeholder: ") for one in why)
        assert value == "placeholder" or not any(value.strip() in one for one in why if len(value.strip()) > 8)

    @every("value, why", [
        (" hunter2", "spaces or line ends stand around it"), ("hunter2\n", "spaces or line ends stand around it"),
        ("hun\nter2", "a line end stands in it"), ("hun\r\nter2", "a line end stands in it"),
        ("hun\u200bter2", "an invisible character stands in it"),
        ("\ufeffhunter2", "an invisible character stands in it"),
        ("hun\x00ter2", "an invisible character stands in it"), ("hun\xa0ter2", "an invisible character stands in it"),
        ("Bearer hunter2", "it begins with the name of a scheme, which may come twice then"),
        ("Basic aGk6aGk=", "it begins with the name of a scheme, which may come twice then"),
        ('"hunter2"', "quotes stand around it"), ("'hunter2'", "quotes stand around it"),
        ("vault:kv/acme#secret", "it looks like a reference to a secret, not like the secret"),
        ("arn:aws:secretsmanager:eu-west-1:1:secret:x", "it looks like a reference to a secret, not like the secret"),
    ])  # fmt: skip
    def test_damaged_secrets(self, value, why):
        """What happens to secrets on their way is told, and the value stays as it is."""
        values = resolved(Input("s", secret=True), s=value)

        assert value == values["s"].reveal()
        assert (("s", why),) == values.suspicious

    @every("value", [
        "hunter2", "p:w%+ x", "Zm9vYmFy+/=", "a{{b}}c", "<a>b", "xx", "exact", "s3cr3t$", "ab${c}d", "a" * 5000, "x" * 400,
        "-", "--", "tokens are fine", "https://a.example/{x}/y", "myapp", "changement",
    ])  # fmt: skip
    def test_nothing_to_tell(self, value):
        """Ordinary secrets raise no doubt."""
        values = resolved(Input("s", secret=True), s=value)
        values.require(["s"])

        assert values.suspicious == ()

    def test_example(self):
        """The profile's own example is not a value."""
        values = resolved(Input("account", example="1234567_SB1"), account="1234567_SB1")
        values.require(["account"])

        assert values.suspicious == (("account", "it is the example of the profile"),)

    def test_chosen_values_and_keys_are_no_doubt(self):
        """A value of an enumeration, a default, or a key of many lines is what was meant."""
        chosen, default = Input("m", enum=("none",)), Input("d", default="none")
        values = resolved(chosen, default, Input("k", type="pem", secret=True), m="none", k=PEM)
        values.require(["m", "d", "k"])

        assert values.suspicious == ()


def test_a_place_is_named_once():
    """The host may give inputs to the engine and to the connection: in a message both are one place."""
    values = resolved(Input("b"), sources=[MappingSource({}), MappingSource({"a": "x"})])

    [place] = values.describe("b")
    assert "b in the inputs of the host" == place
