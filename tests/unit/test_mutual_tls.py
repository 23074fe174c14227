"""Client certificates and private authorities: what is told before the network, and who gets which wire."""

import base64
import datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import pkcs12

import signing
from authweave.engine import Engine
from authweave.errors import InvalidInput, MissingInput, NeedsClient, SettingsError, UsageError
from authweave.loading import loads
from authweave.mutual_tls.reading import authorities, client_certificate
from authweave.mutual_tls.wires import MOST, Supplied, Wires
from authweave.settings import Settings
from authweave.values import TaskRequest
from authweave.wire import Wire
from thorough import every

NOW = datetime.datetime(2030, 6, 1, tzinfo=datetime.UTC).timestamp()
DAY = 86400.0


def certificate(key, name="client", *, issuer=None, signer=None, start=-1.0, end=1.0, is_authority=None, names=b""):
    moments = [datetime.datetime.fromtimestamp(NOW + days * DAY, datetime.UTC) for days in (start, end)]
    built = (
        x509.CertificateBuilder().subject_name(named(name)).issuer_name(named(issuer or name)).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(moments[0]).not_valid_after(moments[1])
    )  # fmt: skip
    if is_authority is not None:
        built = built.add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    if names:
        built = built.add_extension(x509.UnrecognizedExtension(x509.ExtensionOID.SUBJECT_ALTERNATIVE_NAME, names), critical=False)
    signer = signer or key
    return built.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256())


def named(text):
    return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])


def odd(made, before, after):
    """The certificate with other bytes in it, in PEM."""
    changed = base64.encodebytes(made.public_bytes(serialization.Encoding.DER).replace(bytes.fromhex(before), bytes.fromhex(after), 1)).decode()
    return f"-----BEGIN CERTIFICATE-----\n{changed}-----END CERTIFICATE-----\n"


def pem(made):
    return made.public_bytes(serialization.Encoding.PEM).decode()


def key_pem(key, password=None, form=serialization.PrivateFormat.PKCS8):
    sealing = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, form, sealing).decode()


KEY, OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
CERTIFICATE = certificate(KEY)
AUTHORITY = certificate(OTHER, "authority", is_authority=True)


def bundle(password=None, key=KEY, made=CERTIFICATE, others=()):
    sealing = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    return pkcs12.serialize_key_and_certificates(b"x", key, made, list(others) or None, sealing)


@every("given, key, password", [
    (pem(CERTIFICATE), key_pem(KEY), None),
    (pem(CERTIFICATE) + key_pem(KEY), None, None),
    (key_pem(KEY) + pem(CERTIFICATE), None, None),
    (pem(CERTIFICATE), key_pem(KEY, "pass wörd"), "pass wörd"),
    (pem(CERTIFICATE), key_pem(KEY, "old", serialization.PrivateFormat.TraditionalOpenSSL), "old"),
    (pem(CERTIFICATE), key_pem(KEY), "needless"),
    (bundle(), None, None),
    (bundle("x"), None, "x"),
    (bundle(), None, "needless"),
], ids=["apart", "together", "key first", "encrypted", "openssl", "needless password", "pkcs12", "pkcs12 encrypted", "pkcs12 needless"])  # fmt: skip
def test_what_can_be_shown(given, key, password):
    """PEM in one text or two, encrypted in either form, and PKCS #12: all come to one certificate and an open key."""
    client, until = client_certificate(given, key, password, NOW)

    assert (pem(CERTIFICATE), NOW + DAY) == (client.certificate, until)
    assert key_pem(KEY) == client.private_key


@pytest.mark.parametrize("key", [signing.key("RSA"), ed25519.Ed25519PrivateKey.generate(), ec.generate_private_key(ec.SECP384R1())], ids=lambda key: type(key).__name__)
def test_keys_of_every_kind(key):
    """RSA, Ed25519 and other curves."""
    assert client_certificate(pem(certificate(key)), key_pem(key), None, NOW)[0].private_key == key_pem(key)


def test_a_chain_begins_with_the_clients_own():
    """In whatever order a file has them (RFC 8446 §4.4.2); the chain is valid as long as its shortest."""
    short = certificate(OTHER, "authority", is_authority=True, end=0.5)
    mine = certificate(KEY, "me", issuer="authority", signer=OTHER)

    client, until = client_certificate(pem(short) + pem(mine), key_pem(KEY), None, NOW)
    of_bundle, _ = client_certificate(bundle(made=mine, others=[short]), None, None, NOW)

    assert pem(mine) + pem(short) == client.certificate == of_bundle.certificate
    assert NOW + DAY / 2 == until


@every("given, key, password, name, words", [
    (pem(certificate(KEY, end=-0.5, start=-2)), key_pem(KEY), None, "tls.certificate", "CN=client expired on 2030-05-31"),
    (pem(certificate(KEY, start=0.5)), key_pem(KEY), None, "tls.certificate", "CN=client is not valid before 2030-06-01; is the clock of this machine right"),
    (pem(CERTIFICATE), key_pem(OTHER), None, "tls.private_key", "does not belong to tls.certificate, which is for CN=client"),
    (pem(CERTIFICATE), key_pem(KEY, "x"), None, "tls.password", "tls.private_key is encrypted: supply tls.password"),
    (pem(CERTIFICATE), key_pem(KEY, "x"), "wrong", "tls.password", "tls.private_key is not opened by tls.password"),
    (pem(CERTIFICATE) + key_pem(KEY, "x"), None, None, "tls.password", "the key in tls.certificate is encrypted"),
    (pem(CERTIFICATE), None, None, "tls.private_key", "is missing, and tls.certificate holds none"),
    (pem(CERTIFICATE), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", None, "tls.private_key", "is no PEM private key"),
    (key_pem(KEY), None, None, "tls.certificate", "holds no PEM certificate, but a private key"),
    ("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", key_pem(KEY), None, "tls.certificate", "holds no PEM certificate"),
    (odd(CERTIFICATE, "a003020102", "a003020105"), key_pem(KEY), None, "tls.certificate", "holds no PEM certificate"),
    (bundle("right"), None, "wrong", "tls.password", "PKCS #12 file that tls.password does not open"),
    (bundle("right"), None, None, "tls.password", "PKCS #12 file that is encrypted: supply tls.password"),
    (bundle(), key_pem(KEY), None, "tls.private_key", "which holds its key: leave it out"),
    (pkcs12.serialize_key_and_certificates(b"x", None, CERTIFICATE, None, serialization.NoEncryption()), None, None, "tls.certificate", "without a"),
    (b"0\x80nonsense", None, None, "tls.password", "PKCS #12"),
], ids=["expired", "not yet", "another key", "no password", "wrong password", "encrypted inside", "no key", "broken key", "key for certificate",
        "broken certificate", "unknown version", "pkcs12 wrong password", "pkcs12 no password", "key twice", "pkcs12 without key", "pkcs12 broken"])  # fmt: skip
def test_what_cannot_be_shown(given, key, password, name, words):
    """Each is told before the network, by the key of `tls` that is wrong, with what would be right and without any secret."""
    with pytest.raises(InvalidInput) as caught:
        client_certificate(given, key, password, NOW)

    assert (name, True) == (caught.value.name, words in str(caught.value))
    assert "BEGIN" not in str(caught.value).replace("-----BEGIN CERTIFICATE-----", "")
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


def test_authorities():
    """Authorities, and a certificate that signed itself, are believed; another's is not, and says who to ask for."""
    self_signed = certificate(KEY, "appliance")

    assert (pem(AUTHORITY) + pem(self_signed), NOW + DAY) == authorities(pem(AUTHORITY) + pem(self_signed), NOW)


@every("text, words", [
    ("no certificate", "holds no PEM certificate"),
    (key_pem(KEY), "but a private key"),
    (pem(certificate(KEY, "server", issuer="authority", signer=OTHER, is_authority=False)), "CN=server, which is no authority: supply the certificate of CN=authority"),
    (pem(certificate(KEY, "server", issuer="authority", signer=OTHER, names=bytes.fromhex("3004a3023000"))), "CN=server, which is no authority"),
    (pem(certificate(OTHER, "old", start=-3, end=-2, is_authority=True)), "expired"),
], ids=["text", "key", "leaf", "odd names", "expired"])  # fmt: skip
def test_what_is_no_authority(text, words):
    """Refused before the network."""
    with pytest.raises(InvalidInput, match=words) as caught:
        authorities(text, NOW)

    assert "tls.ca" == caught.value.name


def supplied(**parts):
    return Supplied(**{"certificate": pem(CERTIFICATE), "private_key": key_pem(KEY), **parts})


def test_wires_are_kept_by_tenant_and_certificate():
    """The same again is the same wire; another tenant, key, authority or base has its own."""
    wires, base = Wires(may_trust_blindly=True), Wire()
    first = wires.of(base, supplied(), "a", NOW)
    others = [
        wires.of(base, supplied(), "b", NOW),
        wires.of(base, supplied(certificate=pem(certificate(KEY))), "a", NOW),
        wires.of(base, supplied(ca=pem(AUTHORITY)), "a", NOW),
        wires.of(base, supplied(verify=False), "a", NOW),
        wires.of(Wire(), supplied(), "a", NOW),
    ]

    assert first is wires.of(base, supplied(), "a", NOW)
    assert 6 == len({id(wire) for wire in (first, *others)})


def test_a_wire_ends_with_its_certificate():
    """What was good yesterday is looked at again."""
    wires, base = Wires(), Wire()
    wires.of(base, supplied(), "", NOW)

    with pytest.raises(InvalidInput, match="expired"):
        wires.of(base, supplied(), "", NOW + 2 * DAY)


def test_wires_are_let_go_of():
    """Of very many tenants the least used ones' are made anew when they come again."""
    wires, base = Wires(), Wire()
    first = wires.of(base, supplied(), "first", NOW)
    for number in range(MOST):
        wires.of(base, supplied(), str(number), NOW)

    assert first is not wires.of(base, supplied(), "first", NOW)


def test_nobody_is_believed_blindly_without_the_operators_word():
    """`verify: false` alone is refused, and says how to do without."""
    with pytest.raises(SettingsError, match="allow_unverified_tls"):
        Wires().of(Wire(), Supplied(verify=False), "", NOW)


def test_nothing_supplied_is_the_usual_wire():
    """Optional inputs that are empty leave everything as it is."""
    base = Wire()

    assert base is Wires().of(base, Supplied(), "", NOW)


def test_what_was_supplied_is_not_shown():
    """Neither the key nor the password is in the repr."""
    assert key_pem(KEY).splitlines()[1] not in repr(supplied(password="s3cr3t"))
    assert "s3cr3t" not in repr(supplied(password="s3cr3t"))


PROFILE = """
format: 1
name: mutual
identity_provider: Acme
inputs:
  certificate: {type: pem}
  private_key: {type: pem, secret: true}
  key_password: {secret: true, required: false}
  verify: {type: boolean, default: true}
servers: ['https://api.example']
tls: {certificate: '{{ inputs.certificate }}', private_key: '{{ inputs.private_key }}', password: '{{ inputs.key_password }}', verify: '{{ inputs.verify }}'}
auth: {type: bearer}
"""
GIVEN = {"certificate": pem(CERTIFICATE), "private_key": key_pem(KEY), "token": "t0k3n"}


def connection(text=PROFILE, given=GIVEN, **options):
    engine = Engine(settings=Settings(sources=()), clock=lambda: NOW, **options)
    return engine.connect(loads(text), inputs=given)


@pytest.mark.parametrize("door", [
    lambda it: it.auth, lambda it: it.authorize(TaskRequest("GET", "/x")), lambda it: it.headers_for("https://api.example/x"),
], ids=["auth", "authorize", "headers_for"])  # fmt: skip
def test_doors_that_cannot_keep_it_say_so_at_once(door):
    """NeedsClient, before anything is asked for or sent, with the way out."""
    with pytest.raises(NeedsClient, match=r"client\(\) or async_client\(\)"):
        door(connection())


def test_every_door_is_open_where_only_token_calls_show_it():
    """`calls: [token]` leaves the task requests alone."""
    text = PROFILE.replace("tls: {", "tls: {calls: [token], ").replace(
        "auth: {type: bearer}", "auth: {type: oauth2, grant_type: client_credentials, token_url: 'https://idp.example/token'}"
    )
    engine = Engine(settings=Settings(sources=()), clock=lambda: NOW)
    made = engine.connect(loads(text), inputs={name: value for name, value in GIVEN.items() if name != "token"} | {"client_id": "c", "client_secret": "s"})

    assert (True, True) == (made.auth is not None, made.outgoing.wire("task") is engine.wire)
    assert made.outgoing.wire("token") is not engine.wire


@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth"])
def test_a_client_without_its_only_proof_asks_for_nothing(method):
    """Optional inputs that are empty are no reason for a token call without any client authentication."""
    text = f"""
format: 1
name: bank
identity_provider: Bank
inputs: {{certificate: {{type: pem, secret: true, required: false}}, private_key: {{type: pem, secret: true, required: false}}}}
servers: ['https://api.example']
auth: {{type: oauth2, grant_type: client_credentials, client_auth: {method}, token_url: 'https://idp.example/token'}}
"""
    with pytest.raises(MissingInput, match=r"tls\.certificate is empty"):
        connection(text, {"client_id": "c"}).token().result(10)


def test_a_client_keeps_the_profiles_word():
    """Options that would take the place of `tls` are refused."""
    with pytest.raises(UsageError, match="says what verify would"):
        connection().client(verify=False)


@pytest.mark.parametrize(("change", "error", "words"), [
    ({"private_key": key_pem(OTHER)}, InvalidInput, "does not belong"),
    ({"private_key": None}, MissingInput, "private_key"),
    ({"verify": False}, SettingsError, "allow_unverified_tls"),
], ids=["another key", "no key", "blindly"])  # fmt: skip
def test_what_is_wrong_is_told_before_anything_is_sent(change, error, words):
    """By the client when it is made; nobody was called, for there is nobody."""
    given = {name: value for name, value in {**GIVEN, **change}.items() if value is not None}

    with pytest.raises(error, match=words):
        connection(given=given).client()


def test_a_pkcs12_file_comes_in_base64():
    """An input of type pkcs12 is bytes by the time that `tls` reads it."""
    text = PROFILE.replace("certificate: {type: pem}", "certificate: {type: pkcs12, secret: true}").replace("  private_key: {type: pem, secret: true}\n", "")
    text = text.replace(" private_key: '{{ inputs.private_key }}',", "")

    made = connection(text, {"certificate": base64.b64encode(bundle("pw")).decode(), "key_password": "pw", "token": "t"})

    assert made.outgoing.wire("task") is not made.engine.wire


def test_an_unattended_token_rests_on_the_certificate():
    """With another private key another token is got; with the same one the stored one is found."""
    text = PROFILE.replace("tls: {", "tls: {calls: [token], ").replace(
        "auth: {type: bearer}", "auth: {type: oauth2, grant_type: client_credentials, token_url: 'https://idp.example/token'}"
    )
    engine, found = Engine(settings=Settings(sources=()), clock=lambda: NOW), loads(text)
    keys = []
    for certificate_, key in ((CERTIFICATE, KEY), (certificate(OTHER), OTHER), (CERTIFICATE, KEY)):
        given = {"certificate": pem(certificate_), "private_key": key_pem(key), "client_id": "c", "client_secret": "s"}
        made = engine.connect(found, inputs=given)
        credential = made.credential(found.variants[0])
        keys.append(credential.token_key(made.inputs()).digest())

    assert keys[0] == keys[2] != keys[1]
