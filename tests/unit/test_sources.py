"""Sources: where the values of inputs come from, letter for letter, and what is refused."""

import contextlib
import os
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import keyring.backend
import keyring.backends.fail
import keyring.backends.null
import keyring.errors
import keyrings.alt.file
import pytest
from hypothesis import given
from hypothesis import strategies as st
from keyring.backends.chainer import ChainerBackend

from authweave import contracts
from authweave.errors import InputError, SettingsError
from authweave.profile import Input
from authweave.settings import Settings
from authweave.sources.dotenv import DotenvSource
from authweave.sources.dotenv_text import NotDotenv, parse
from authweave.sources.environment import EnvironmentSource
from authweave.sources.files import FilesSource
from authweave.sources.keyring import KeyringSource
from authweave.sources.mapping import MappingSource
from authweave.sources.secrets_dir import SecretsDirSource
from authweave.values import Secret
from thorough import every

NAMES = st.from_regex(r"\A[A-Z_][A-Z0-9_]{0,9}\Z")
ASKED = Input("client_secret", title="Client secret", secret=True)
EXACT = [
    "0012", "1e5", "a{{b}}c", "p:w%+ x", "é", "$HOME ${X} $(id) `id`", "'\"\\", "no", "a=b=c", "日本 😀", "tab\tin it",
]  # fmt: skip


def value(source, tenant="", asked=ASKED, profile="acme"):
    found = source.get(profile, asked, tenant)
    return found if found is None else found.reveal()


def every_source(folder):
    return [
        EnvironmentSource({}), SecretsDirSource(folder), DotenvSource(folder / ".env"),
        KeyringSource("authweave", Kept()), MappingSource({}), FilesSource({}),
    ]  # fmt: skip


def test_contract(tmp_path):
    """Every source keeps the contract: a name of its own, None for what it has not, a description in one line."""
    (tmp_path / ".env").touch()
    sources = every_source(tmp_path)

    assert all(isinstance(source, contracts.Source) for source in sources)
    assert len({source.name for source in sources}) == len(sources)
    for source in sources:
        for tenant in ("", "t1", "../../etc"):
            assert source.describe("acme", ASKED, tenant)
            assert "\n" not in source.describe("acme", ASKED, tenant)
        assert source.get("acme", ASKED, "t1") is None


def test_from_settings(tmp_path):
    """The settings configure each source; one that nobody configured is not there."""
    bare = Settings(environment={"AUTHWEAVE_ACME_CLIENT_SECRET": "x"})
    full = Settings(secrets_dir=tmp_path, dotenv=tmp_path / ".env", keyring_service="mine")

    assert value(EnvironmentSource.from_settings(bare)) == "x"
    assert [kind.from_settings(bare) for kind in (SecretsDirSource, DotenvSource, KeyringSource)] == [None] * 3
    assert SecretsDirSource(tmp_path) == SecretsDirSource.from_settings(full)
    assert DotenvSource(tmp_path / ".env") == DotenvSource.from_settings(full)
    assert "of mine/acme" in KeyringSource.from_settings(full).describe("acme", ASKED, "")


class TestEnvironment:
    """Environment variables."""

    @every("text", [*EXACT, " both ends ", "line\nfeed\n"])
    def test_exact(self, text):
        """A value is taken letter for letter, its ends included."""
        assert text == value(EnvironmentSource({"AUTHWEAVE_ACME_CLIENT_SECRET": text}))

    @pytest.mark.parametrize(("profile", "name", "variable"), [
        ("nuance-mix-runtime", "client_id", "AUTHWEAVE_NUANCE_MIX_RUNTIME_CLIENT_ID"),
        ("a1", "key-file", "AUTHWEAVE_A1_KEY_FILE"),
        ("a", "b.c", "AUTHWEAVE_A_B_C"),
    ])  # fmt: skip
    def test_name(self, profile, name, variable):
        """Upper case, and `_` for everything but letters and digits."""
        source = EnvironmentSource({variable: "x"})

        assert value(source, asked=Input(name), profile=profile) == "x"
        assert f"environment variable {variable}" == source.describe(profile, Input(name), "")

    def test_tenant(self):
        """A tenant's own variable comes first, then the one for all tenants."""
        general = {"AUTHWEAVE_ACME_CLIENT_SECRET": "all"}
        own = {**general, "AUTHWEAVE_ACME__T_1__CLIENT_SECRET": "own"}

        assert (
            value(EnvironmentSource(own), "t-1"), value(EnvironmentSource(own), "t-2"),
            value(EnvironmentSource(general), "t-1"),
        ) == ("own", "all", "all")  # fmt: skip
        assert (
            EnvironmentSource(own).describe("acme", ASKED, "t-1")
        ) == "environment variable AUTHWEAVE_ACME__T_1__CLIENT_SECRET or AUTHWEAVE_ACME_CLIENT_SECRET"

    @every("tenant", ["T-1", "t_1", "t.1", "t--1", "-t-1", "t 1", "t/1", "ţ-1"])
    def test_tenants_that_could_be_mistaken(self, tenant):
        """A tenant whose variable could be another's too has none: nobody gets a neighbour's secret."""
        names = ("AUTHWEAVE_ACME__T_1__CLIENT_SECRET", "AUTHWEAVE_ACME__T__1__CLIENT_SECRET")
        source = EnvironmentSource(dict.fromkeys(names, "x"))

        assert value(source, tenant) is None
        assert "no variable of its own" in source.describe("acme", ASKED, tenant)

    def test_one_variable_for_two(self):
        """Two inputs that come to one variable are told, once the variable was read for the other."""
        source = EnvironmentSource({"AUTHWEAVE_A_B_C": "x"})
        assert value(source, asked=Input("c"), profile="a-b") == "x"

        described = source.describe("a", Input("b_c"), "")

        assert described == "environment variable AUTHWEAVE_A_B_C (also read for input c of a-b)"
        assert source.describe("a-b", Input("c"), "") == "environment variable AUTHWEAVE_A_B_C"

    def test_settings_are_not_inputs(self):
        """A variable that is a setting is never read as an input, whatever a profile is called."""
        source = EnvironmentSource({"AUTHWEAVE_ALLOW_INSECURE_TLS": "1"})

        assert value(source, asked=Input("loopback_http"), profile="allow") is None
        assert "is a setting" in source.describe("allow", Input("loopback_http"), "")

    def test_empty(self):
        """A variable set to nothing holds no value, and its description says so."""
        source = EnvironmentSource({"AUTHWEAVE_ACME_CLIENT_SECRET": ""})

        assert value(source) is None
        assert source.describe("acme", ASKED, "").endswith(" AUTHWEAVE_ACME_CLIENT_SECRET (set, but empty)")

    def test_not_utf8(self):
        """Bytes that are no UTF-8 are refused with their offset, and without the value."""
        source = EnvironmentSource({"AUTHWEAVE_ACME_CLIENT_SECRET": os.fsdecode(b"h\xc3\xa9unter2\xff")})

        with pytest.raises(InputError) as refused:
            value(source)
        said = "client_secret: environment variable AUTHWEAVE_ACME_CLIENT_SECRET is not UTF-8 at byte 9"
        assert said == str(refused.value)

    def test_origin(self):
        """The secret knows where it came from."""
        found = EnvironmentSource({"AUTHWEAVE_ACME_CLIENT_SECRET": "x"}).get("acme", ASKED, "")

        assert found.origin == "environment variable AUTHWEAVE_ACME_CLIENT_SECRET"


class TestSecretsDir:
    """A mounted folder of secrets."""

    @pytest.mark.parametrize("text", [*EXACT, " both ends ", "two\nlines", "ends\n\n"])
    def test_exact(self, tmp_path, text):
        """A value is taken letter for letter; of one line end at the end of the file only."""
        for end in ("\n", "\r\n"):
            (tmp_path / "acme.client_secret").write_bytes(text.encode() + end.encode())

            assert text == value(SecretsDirSource(tmp_path))

    def test_without_line_end(self, tmp_path):
        """A file without a line end, as Kubernetes writes it, is as good."""
        (tmp_path / "acme.client_secret").write_bytes(b"value")

        assert value(SecretsDirSource(tmp_path)) == "value"

    @pytest.mark.parametrize("path", [
        "acme.client_secret", "acme/client_secret", "acme.t.1.client_secret", "acme/t.1/client_secret",
    ])  # fmt: skip
    def test_layouts(self, tmp_path, path):
        """Flat names and folders, for all tenants and for one; the file is the origin."""
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text("value\n")

        found = SecretsDirSource(tmp_path).get("acme", ASKED, "t.1")

        assert (f"secrets file {tmp_path / path}", "value") == (found.origin, found.reveal())

    def test_tenant_first(self, tmp_path):
        """A tenant's own file comes first."""
        (tmp_path / "acme.client_secret").write_text("all")
        (tmp_path / "acme.t1.client_secret").write_text("own")

        assert (value(SecretsDirSource(tmp_path), "t1"), value(SecretsDirSource(tmp_path), "t2")) == ("own", "all")

    def test_two_files(self, tmp_path):
        """The flat and the nested file at once are refused: nobody knows which is meant."""
        (tmp_path / "acme").mkdir()
        for path in ("acme.client_secret", "acme/client_secret"):
            (tmp_path / path).write_text("hunter2")

        with pytest.raises(InputError, match=r"both .*acme.client_secret and .*acme/client_secret are there; keep one"):
            value(SecretsDirSource(tmp_path))

    def test_kubernetes(self, tmp_path):
        """The links of a Kubernetes volume work, also after its files were exchanged under them."""
        for version, text in (("..2024_01", "old"), ("..2024_02", "new")):
            (tmp_path / version).mkdir()
            (tmp_path / version / "acme.client_secret").write_text(text)
        (tmp_path / "..data").symlink_to("..2024_01")
        (tmp_path / "acme.client_secret").symlink_to("..data/acme.client_secret")
        source = SecretsDirSource(tmp_path)
        assert value(source) == "old"

        (tmp_path / "..next").symlink_to("..2024_02")
        (tmp_path / "..next").rename(tmp_path / "..data")

        assert value(source) == "new"

    def test_folder_may_be_a_link(self, tmp_path):
        """The folder itself may be reached by a link."""
        (tmp_path / "real").mkdir()
        (tmp_path / "real" / "acme.client_secret").write_text("x")
        (tmp_path / "link").symlink_to("real")

        assert value(SecretsDirSource(tmp_path / "link")) == "x"

    @pytest.mark.parametrize("target", ["../outside", "/etc/passwd", "sub/../../outside"])
    def test_links_stay_inside(self, tmp_path, target):
        """A link that leads out of the folder is refused, wherever it leads."""
        folder = tmp_path / "secrets"
        (folder / "sub").mkdir(parents=True)
        (tmp_path / "outside").write_text("hunter2")
        (folder / "acme.client_secret").symlink_to(target)

        with pytest.raises(InputError, match=r"client_secret: file .*acme\.client_secret leads out of"):
            value(SecretsDirSource(folder))

    def test_linked_folder_inside_leads_out(self, tmp_path):
        """A folder of a profile that is a link out of the secrets is refused as well."""
        (tmp_path / "secrets").mkdir()
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "client_secret").write_text("hunter2")
        (tmp_path / "secrets" / "acme").symlink_to(tmp_path / "other")

        with pytest.raises(InputError, match="leads out of"):
            value(SecretsDirSource(tmp_path / "secrets"))

    @pytest.mark.parametrize(("profile", "name", "tenant"), [
        ("../outside", "client_secret", ""), ("acme", "../../outside", ""), ("acme", "client_secret", "../.."),
        ("acme", "client_secret", ".."), ("acme", "client_secret", "."), ("acme", "client_secret", "a/b"),
        ("acme", "client_secret", "a\\b"), ("acme", "client_secret", "a\0b"), ("acme", "client_secret", ".hidden"),
        ("/etc", "passwd", ""), ("", "x", ""), ("acme", "a.b", ""), ("acme", "client_secret", "t" * 300),
        ("acme", "client_secret", "a\nb"),
    ])  # fmt: skip
    def test_names_lead_nowhere(self, tmp_path, profile, name, tenant):
        """No profile, tenant or input can name a file outside, and the refusal does not repeat the name."""
        (tmp_path / "secrets").mkdir()
        (tmp_path / "outside").write_text("hunter2")

        with pytest.raises(InputError, match="has a name that cannot be part of a file's"):
            value(SecretsDirSource(tmp_path / "secrets"), tenant, Input(name), profile)

    def test_not_utf8(self, tmp_path):
        """Bytes that are no UTF-8 are refused with file and offset, and without the content."""
        (tmp_path / "acme.client_secret").write_bytes(b"hunter2\xff")

        with pytest.raises(InputError, match=r"file .*acme\.client_secret is not UTF-8 at byte 7$") as refused:
            value(SecretsDirSource(tmp_path))
        assert "hunter2" not in str(refused.value)
        assert refused.value.__context__ is None

    def test_bytes_of_a_key_store(self, tmp_path):
        """A PKCS #12 file may be mounted as it is."""
        (tmp_path / "acme.store").write_bytes(b"\x30\x82\xff\n")

        assert value(SecretsDirSource(tmp_path), asked=Input("store", type="pkcs12")) == b"\x30\x82\xff\n"

    def test_too_large(self, tmp_path):
        """64 KiB are the most."""
        (tmp_path / "acme.client_secret").write_bytes(b"a" * (64 * 1024))
        assert len(value(SecretsDirSource(tmp_path))) == 64 * 1024

        (tmp_path / "acme.client_secret").write_bytes(b"a" * (64 * 1024 + 1))
        with pytest.raises(InputError, match="is larger than 64 KiB"):
            value(SecretsDirSource(tmp_path))

    @pytest.mark.parametrize("make", [
        Path.mkdir, os.mkfifo, lambda path: path.symlink_to("acme.client_secret"), lambda path: path.symlink_to("gone"),
    ])  # fmt: skip
    def test_not_a_regular_file(self, tmp_path, make):
        """Folders, pipes (without waiting for a writer), circular and dangling links are errors, not 'missing'."""
        make(tmp_path / "acme.client_secret")

        with pytest.raises(InputError, match=r"is not a regular file|is a link that leads|cannot be read"):
            value(SecretsDirSource(tmp_path))

    def test_device(self, tmp_path):
        """A device is no secret."""
        with pytest.raises(InputError, match="is not a regular file"):
            value(FilesSource({"client_secret": Path("/dev/zero")}))

    def test_folder_not_there(self, tmp_path):
        """A folder that is named and not there is told as such."""
        with pytest.raises(InputError, match=r"secrets_dir .*gone cannot be read: No such file"):
            value(SecretsDirSource(tmp_path / "gone"))

    @pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can become somebody else")
    @pytest.mark.parametrize("closed", ["acme.client_secret", "."])
    def test_may_not_be_read(self, closed):
        """A file or folder that may not be read is an error that says so, not 'missing'."""
        folder = Path(tempfile.mkdtemp())
        folder.chmod(0o755)
        (folder / "acme.client_secret").write_text("hunter2")
        (folder / closed).chmod(0o000)
        os.seteuid(65534)
        try:
            with pytest.raises(InputError, match="cannot be read: Permission denied"):
                value(SecretsDirSource(folder))
        finally:
            os.seteuid(0)
            (folder / "acme.client_secret").unlink()
            folder.rmdir()

    def test_asked_again(self, tmp_path):
        """A rotated secret is seen within a minute."""
        assert SecretsDirSource(tmp_path).max_age == 60


class TestDotenv:
    """A dotenv file."""

    @pytest.mark.parametrize("text", EXACT)
    def test_exact(self, tmp_path, text):
        """A bare or single-quoted value is taken letter for letter: nothing is interpolated, nothing is run."""
        for written in ([text] if text[0] not in "'\"" else []) + ([f"'{text}'"] if "'" not in text else []):
            (tmp_path / ".env").write_text(f"AUTHWEAVE_ACME_CLIENT_SECRET={written}\n")

            assert text == value(DotenvSource(tmp_path / ".env"))

    @every("text, read", [
        ("A=1", {"A": "1"}),
        ("\ufeffA=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
        ("export A=1\n  export\tB = 2  \n", {"A": "1", "B": "2"}),
        ("# note\n\n   \nA=1 # note\nB=1#no note\n", {"A": "1", "B": "1#no note"}),
        ("C= # note\nD=#fff\n", {"C": "", "D": "#fff"}),
        ("A=\nB=''\nC=\"\"", {"A": "", "B": "", "C": ""}),
        ("A='one\ntwo' # note\nB=2", {"A": "one\ntwo", "B": "2"}),
        ('A="one\\ntwo\\t\\"x\\" \\\\ \\$HOME $HOME"', {"A": 'one\ntwo\t"x" \\ $HOME $HOME'}),
        ("A=-----BEGIN X-----\\nabc\\n", {"A": "-----BEGIN X-----\\nabc\\n"}),
        ("A=it's \"quoted\" inside", {"A": "it's \"quoted\" inside"}),
        ("A='#not a note'", {"A": "#not a note"}),
        ("A=é", {"A": "é"}),
        ("", {}),
        ("A= 'spaced' \n", {"A": "spaced"}),
    ])  # fmt: skip
    def test_syntax(self, text, read):
        """Comments, `export`, quotes, several lines, CRLF and a byte order mark."""
        assert read == parse(text)

    @pytest.mark.parametrize(("text", "line", "said"), [
        ("A=1\nhunter2", 2, "is not of the form KEY=value"),
        ("1A=hunter2", 1, "is not of the form"),
        ("A-B=hunter2", 1, "is not of the form"),
        ("=hunter2", 1, "is not of the form"),
        ("A: hunter2", 1, "is not of the form"),
        ("A=1\n\nA=hunter2", 3, "sets A again, after line 1"),
        ("A='hunter2", 1, "opens a ' that is not closed"),
        ('B=1\nA="hunter2\\"\n', 2, 'opens a " that is not closed'),
        ("A='x\ny' hunter2", 2, "goes on after the closing '"),
        ("A='x'hunter2", 1, "goes on after the closing '"),
        ('A="hunter2\\q"', 1, "escapes what needs no escape"),
        ("A=hunter2\0", 1, "holds a NUL character in the value of A"),
    ], ids=range(12))  # fmt: skip
    def test_refused(self, tmp_path, text, line, said):
        """What is doubtful is refused with file and line, and never with its content."""
        (tmp_path / ".env").write_text(text)

        with pytest.raises(InputError) as refused:
            value(DotenvSource(tmp_path / ".env"))

        assert f"client_secret: {tmp_path / '.env'}:{line} {said}" in str(refused.value)
        assert "hunter2" not in str(refused.value)
        assert refused.value.__context__ is None

    def test_tenant(self, tmp_path):
        """Names are those of the environment, the tenant's first."""
        (tmp_path / ".env").write_text("AUTHWEAVE_ACME_CLIENT_SECRET=all\nAUTHWEAVE_ACME__T1__CLIENT_SECRET=own\n")
        source = DotenvSource(tmp_path / ".env")

        assert (value(source, "t1"), value(source, "t2")) == ("own", "all")
        assert f"AUTHWEAVE_ACME_CLIENT_SECRET in {tmp_path / '.env'}" == source.describe("acme", ASKED, "")

    def test_not_there(self, tmp_path):
        """A named file must be there."""
        with pytest.raises(InputError, match=r"the file of dotenv, .*gone, is not there"):
            value(DotenvSource(tmp_path / "gone"))

    @given(st.text())
    def test_any_text(self, text):
        """Whatever the file holds, it is read or refused in one way."""
        with contextlib.suppress(NotDotenv):
            assert all(isinstance(part, str) for pair in parse(text).items() for part in pair)

    @given(st.dictionaries(NAMES, st.text(st.characters(exclude_characters="'\r\0")), max_size=5))
    def test_single_quotes_hold_anything(self, pairs):
        """Everything but a single quote goes through single quotes unchanged."""
        assert pairs == parse("".join(f"{name}='{text}'\n" for name, text in pairs.items()))

    @every("text", [
        "A=" + " " * 60_000 + "x", " " * 60_000, 'A="' + "\\" * 60_001, "#" * 60_000, "A='" * 20_000, "\n" * 60_000,
        "".join(f"A{number}=1\n" for number in range(8_000)),
    ], ids=range(7))  # fmt: skip
    def test_long_lines(self, text):
        """A hostile file costs no more than its length."""
        begun = time.perf_counter()

        with contextlib.suppress(NotDotenv):
            parse(text)

        assert time.perf_counter() - begun < 5


class Kept(keyring.backend.KeyringBackend):
    """A keyring in memory."""

    priority = 1

    def __init__(self, **kept):
        super().__init__()
        self.kept = kept.get("kept", {})

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        del self.kept[service, username]


class Locked(Kept):
    """A keyring whose user did not unlock it."""

    def get_password(self, service, username):
        raise keyring.errors.KeyringLocked("hunter2 is locked")


class Chain(ChainerBackend):
    """A chain of given backends."""

    priority = 0

    def __init__(self, *backends):
        self.given = backends

    @property
    def backends(self):
        return list(self.given)


Chain.__module__ = ChainerBackend.__module__


class Renamed(keyrings.alt.file.PlaintextKeyring):
    """The plain text backend under another name."""

    priority = 1


class TestKeyring:
    """The system's keyring."""

    def test_kept(self):
        """Service and user are the profile and the input, the tenant's entry first."""
        backend = Kept()
        backend.set_password("authweave/acme", "client_secret", "all")
        backend.set_password("authweave/acme", "t/1/client_secret", "own")
        source = KeyringSource("authweave", backend)

        assert (value(source), value(source, "t/1"), value(source, "t2")) == ("all", "own", "all")
        assert source.get("acme", ASKED, "").origin == "keyring entry client_secret of authweave/acme"
        described = "keyring entry t1/client_secret or client_secret of authweave/acme"
        assert described == source.describe("acme", ASKED, "t1")

    @every("backend, said", [
        (keyrings.alt.file.PlaintextKeyring(), "keyrings.alt.file.PlaintextKeyring is refused: it keeps passwords in"),
        (Renamed(), "Renamed is refused: it keeps passwords in a file"),
        (keyring.backends.null.Keyring(), "keyring.backends.null.Keyring is refused: it keeps nothing"),
        (keyring.backends.fail.Keyring(), "keyring.backends.fail.Keyring is refused: this system has no keyring"),
        (Chain(Kept(), keyrings.alt.file.PlaintextKeyring()), "keyrings.alt.file.PlaintextKeyring is refused"),
        (Chain(Chain(keyring.backends.null.Keyring())), "keyring.backends.null.Keyring is refused"),
    ], ids=range(6))  # fmt: skip
    def test_refused(self, backend, said):
        """Backends that keep plain text or nothing are refused by name, also inside a chain and under another name."""
        with pytest.raises(SettingsError, match="keyring_service: the keyring ") as refused:
            value(KeyringSource("authweave", backend))

        assert said in str(refused.value)

    def test_chain(self):
        """A chain of sound backends is asked as a whole."""
        second = Kept(kept={("authweave/acme", "client_secret"): "x"})

        assert value(KeyringSource("authweave", Chain(Kept(), second))) == "x"

    def test_locked(self):
        """A keyring that fails is an error, not 'missing', and its words stay out of the message."""
        with pytest.raises(InputError) as refused:
            value(KeyringSource("authweave", Locked()))

        assert str(refused.value) == "client_secret: the keyring Locked failed with KeyringLocked"
        assert refused.value.__context__ is None

    @pytest.mark.parametrize(("chosen", "said"), [
        ("keyrings.alt.file.PlaintextKeyring", "keyrings.alt.file.PlaintextKeyring is refused"),
        pytest.param("keyring.backends.null.Keyring", "keyring.backends.null.Keyring is refused", marks=pytest.mark.thorough),
        pytest.param("no.such.Backend", "the library could not choose a keyring (ModuleNotFoundError)", marks=pytest.mark.thorough),
    ])  # fmt: skip
    def test_what_the_library_chooses(self, chosen, said, tmp_path):
        """In a process of its own: what `keyring` chooses by its configuration is inspected, too."""
        program = (
            "from authweave.sources.keyring import KeyringSource; from authweave.profile import Input\n"
            "import sys; assert 'keyring' not in sys.modules\n"
            "try: KeyringSource('authweave').get('acme', Input('x'), '')\n"
            "except Exception as error: print(type(error).__name__, error)"
        )
        environ = {**os.environ, "PYTHON_KEYRING_BACKEND": chosen, "HOME": str(tmp_path)}
        ran = subprocess.run([sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=True)

        assert ran.stdout.startswith("SettingsError ")
        assert said in ran.stdout


class TestMapping:
    """What the host gives."""

    @every("given", ["x", b"\xff", 12, 1.5, True, False, 0, "", ["a"], {"a": {"b": 1}}])
    def test_kinds(self, given):
        """A value of every kind comes through with its type."""
        assert value(MappingSource({"client_secret": given})) is given

    def test_secret_keeps_its_origin(self):
        """A Secret of the host stays the very same one."""
        secret = Secret("x", "the vault of the host")

        assert MappingSource({"client_secret": secret}).get("acme", ASKED, "") is secret

    def test_none_is_not_given(self):
        """None stands for not given."""
        assert value(MappingSource({"client_secret": None})) is None

    def test_callable(self):
        """A callable is asked with profile, input and tenant."""
        asked = []
        source = MappingSource(lambda *what: asked.append(what) or "x", max_age=5)

        assert (value(source, "t1"), source.max_age) == ("x", 5)
        assert asked == [("acme", "client_secret", "t1")]

    def test_failing_callable(self):
        """What a callable raises becomes one typed error that holds neither its words nor its frames."""
        def failing(*_):
            raise LookupError("hunter2")

        with pytest.raises(InputError) as refused:
            value(MappingSource(failing))
        assert str(refused.value) == "client_secret: asking for the inputs of the host failed with LookupError"
        assert refused.value.__context__ is None

    def test_input_error_of_a_callable_passes(self):
        """A callable may say itself what is wrong."""
        def failing(*_):
            raise InputError("client_secret", "the vault is sealed")

        with pytest.raises(InputError, match="the vault is sealed"):
            value(MappingSource(failing))

    @every("given", [object(), SimpleNamespace(a=1), Secret(object(), "x"), {1, 2}, bytearray(b"x")])
    def test_other_kinds(self, given):
        """What is no value is refused by its type."""
        with pytest.raises(InputError, match="client_secret: the inputs of the host hold a "):
            value(MappingSource({"client_secret": given}))


class TestFiles:
    """Files named one by one."""

    def test_named(self, tmp_path):
        """A named file holds the value of its input; the others have none."""
        (tmp_path / "s").write_text("x\n")
        source = FilesSource({"client_secret": tmp_path / "s"})

        assert (value(source), value(source, asked=Input("other"))) == ("x", None)

    def test_not_there(self, tmp_path):
        """A named file that is not there is told as such."""
        with pytest.raises(InputError, match=r"client_secret: file .*/gone is not there"):
            value(FilesSource({"client_secret": tmp_path / "gone"}))


def test_what_the_host_gave_is_never_pickled():
    """Its values are secrets as they came."""
    with pytest.raises(TypeError, match="never pickled"):
        pickle.dumps(MappingSource({"client_secret": "s3cr3t-of-the-client"}))
