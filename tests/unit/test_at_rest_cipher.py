"""Sealed records: their form, and that nothing but what was sealed, under its own name, ever comes out."""

import hashlib
import hmac
import pickle
import random
import subprocess
import sys
import traceback
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from authweave.at_rest.cipher import Sealer, Unreadable
from authweave.at_rest.keys import Keys, SealingKey
from thorough import every

KEY = SealingKey(bytes(range(32)))
OTHER = SealingKey(bytes(range(100, 132)))
NAME = "a" * 64
TOKEN = b'{"access_token": "hunter2-hunter2"}'
SEALER = Sealer(Keys(KEY))
PLAIN = Sealer(Keys(None))


def why(sealer, sealed, name=NAME):
    with pytest.raises(Unreadable) as refused:
        sealer.open(sealed, name)
    assert refused.value.__context__ is None
    assert b"hunter2" not in str(refused.value).encode()
    return refused.value.why


class TestForm:
    """What a record looks like, so that tomorrow's version opens today's."""

    def test_layout(self):
        """Mark, key id, nonce, ciphertext and tag; the associated data are mark, key id and name."""
        sealed = SEALER.seal(TOKEN, "né")

        assert sealed[:8] == b"\0aw1" + bytes.fromhex(KEY.id)
        assert AESGCM(KEY.value).decrypt(sealed[8:20], sealed[20:], b"\0aw1" + bytes.fromhex(KEY.id) + "né".encode()) == TOKEN
        assert len(sealed) == 36 + len(TOKEN)
        with pytest.raises(InvalidTag):
            AESGCM(KEY.value).decrypt(sealed[8:20], sealed[20:], b"")

    def test_what_others_sealed(self):
        """A record that was put together by hand opens."""
        head = b"\0aw1" + bytes.fromhex(KEY.id)
        nonce = bytes(12)

        assert SEALER.open(head + nonce + AESGCM(KEY.value).encrypt(nonce, TOKEN, head + NAME.encode()), NAME) == TOKEN

    def test_vector(self):
        """A record of the first version of the form, kept as bytes, opens for ever."""
        kept = bytes.fromhex("006177314d66a735" + "000102030405060708090a0b" + "3f3a6cd88c44b88418540aa1189202abf2")
        assert KEY.id == kept[4:8].hex() == hashlib.sha256(b"authweave store key id 1\0" + bytes(range(32))).hexdigest()[:8]

        assert SEALER.open(kept, "name") == b"x"

    def test_plaintext(self):
        """Without a key the text stays readable, behind a line that says so."""
        stored = PLAIN.seal(TOKEN, NAME)

        line, _, text = stored.partition(b"\n")
        assert line.startswith(b"authweave plaintext 1 ")
        assert text == TOKEN
        assert PLAIN.open(stored, NAME) == TOKEN

    @given(st.binary(), st.text())
    def test_what_was_sealed_comes_back(self, plain, name):
        """Whatever the bytes and the name are."""
        for sealer in (SEALER, PLAIN):
            assert sealer.open(sealer.seal(plain, name), name) == plain

    def test_lone_surrogates_in_a_name(self):
        """A name that is no Unicode text does no harm."""
        assert SEALER.open(SEALER.seal(TOKEN, "\udc80"), "\udc80") == TOKEN
        assert why(SEALER, SEALER.seal(TOKEN, "\udc80"), "\udc81") == "damaged"

    def test_nothing_repeats(self):
        """Sealing the same twice gives nonces and ciphertexts that have nothing in common."""
        sealed = {SEALER.seal(TOKEN, NAME)[8:] for _ in range(1000)}

        assert len({one[:12] for one in sealed}) == len({one[12:] for one in sealed}) == 1000


class TestDamage:
    """Nothing that was not sealed comes out, and nothing but Unreadable is raised."""

    def test_every_bit(self):
        """Each bit of a record, flipped alone."""
        sealed = SEALER.seal(TOKEN, NAME)
        flipped = (_flipped(sealed, bit) for bit in range(8 * len(sealed)))

        assert {why(SEALER, one) for one in flipped} == {"damaged", "unknown_key"}

    def test_ten_thousand_bits(self):
        """Random bits of a long record, with two keys to open."""
        sealer = Sealer(Keys(OTHER, (KEY,)))
        plain = random.Random(3).randbytes(2048)
        sealed = SEALER.seal(plain, NAME)
        bits = random.Random(4)
        assert sealer.open(sealed, NAME) == plain

        assert {why(sealer, _flipped(sealed, bits.randrange(8 * len(sealed)))) for _ in range(10_000)} <= {"damaged", "unknown_key"}

    @pytest.mark.parametrize("sealer", [SEALER, PLAIN], ids=repr)
    def test_truncated_and_extended(self, sealer):
        """Every shorter record, and longer ones."""
        sealed = sealer.seal(TOKEN, NAME)

        assert {why(sealer, sealed[:length]) for length in range(len(sealed))} == {"damaged"}
        assert {why(sealer, sealed + more) for more in (b"\0", b"\n", sealed, bytes(16))} == {"damaged"}

    def test_plain_text_is_guarded_against_accidents(self):
        """A flipped bit, or a record under another name, is found in plain text, too."""
        stored = PLAIN.seal(TOKEN, NAME)

        assert {why(PLAIN, _flipped(stored, bit)) for bit in range(8 * len(stored))} == {"damaged"}
        assert why(PLAIN, stored, "b" * 64) == "damaged"

    @every("name", ["b" * 64, "", NAME + "a", NAME[1:], f"{NAME}\0"])
    def test_another_name(self, name):
        """A record is good under its own name only, so that nobody can give one person's token to another."""
        assert why(SEALER, SEALER.seal(TOKEN, NAME), name) == "damaged"

    def test_swapped(self):
        """Two records that changed places, whole or in part."""
        mine, yours = SEALER.seal(TOKEN, "mine"), SEALER.seal(TOKEN[::-1], "yours")

        assert why(SEALER, yours, "mine") == why(SEALER, mine, "yours") == "damaged"
        assert {why(SEALER, mine[:cut] + yours[cut:], "mine") for cut in range(9, len(mine))} == {"damaged"}

    @given(st.sampled_from([b"", b"\0aw1", b"\0aw1" + bytes.fromhex(KEY.id), b"authweave plaintext 1 "]), st.binary(), st.text())
    def test_anything(self, head, rest, name):
        """Any bytes, also those that begin as records do."""
        for sealer in (SEALER, PLAIN):
            why(sealer, head + rest, name)


class TestKeys:
    """Which key opens what."""

    def test_wrong_key(self):
        """A key that is not here is named by its id."""
        with pytest.raises(Unreadable) as refused:
            Sealer(Keys(OTHER)).open(SEALER.seal(TOKEN, NAME), NAME)

        assert (refused.value.why, refused.value.key_id) == ("unknown_key", KEY.id)
        assert str(refused.value) == f"it was sealed with key {KEY.id}, which is not here"

    def test_claimed_key(self):
        """The id of another key in front of a record does not make it that key's."""
        sealed = SEALER.seal(TOKEN, NAME)

        assert why(Sealer(Keys(KEY, (OTHER,))), sealed[:4] + bytes.fromhex(OTHER.id) + sealed[8:]) == "damaged"

    def test_rotation(self):
        """Old records open after a rotation; new ones are sealed with the new key, which the old keys alone do not open."""
        before, after = SEALER, Sealer(Keys(OTHER, (KEY,)))

        assert after.open(before.seal(TOKEN, NAME), NAME) == TOKEN
        assert after.seal(TOKEN, NAME)[4:8].hex() == OTHER.id
        assert why(before, after.seal(TOKEN, NAME)) == "unknown_key"

    def test_rotated_back(self):
        """The old key made active again: both kinds of records open."""
        there, back = Sealer(Keys(OTHER, (KEY,))), Sealer(Keys(KEY, (OTHER,)))

        assert back.open(there.seal(TOKEN, NAME), NAME) == there.open(back.seal(TOKEN, NAME), NAME) == TOKEN

    def test_plain_record_for_a_sealer(self):
        """Whoever can write into the store cannot put a token of his own there: what is not sealed is refused."""
        assert why(SEALER, PLAIN.seal(TOKEN, NAME)) == "plaintext_refused"
        assert why(Sealer(Keys.fresh()), PLAIN.seal(TOKEN, NAME)) == "plaintext_refused"

    def test_sealed_record_without_keys(self):
        """After sealing was turned off, what was sealed needs its key."""
        assert why(PLAIN, SEALER.seal(TOKEN, NAME)) == "unknown_key"
        assert Sealer(Keys(None, (KEY,))).open(SEALER.seal(TOKEN, NAME), NAME) == TOKEN

    def test_key_of_one_process(self):
        """Fresh keys are all different."""
        assert len({Keys.fresh().active.value for _ in range(100)}) == 100


class TestLookingAgain:
    """A sealer that runs already finds the key that somebody made meanwhile."""

    def sealer(self, answers):
        self.now = 100.0
        self.asked = 0

        def source():
            self.asked += 1
            return answers[min(self.asked, len(answers)) - 1]

        return Sealer(Keys(KEY, (), source), clock=lambda: self.now)

    def test_found(self):
        """It opens what the new key sealed, and seals with it from then on."""
        sealer = self.sealer([(OTHER, KEY)])

        assert sealer.open(Sealer(Keys(OTHER)).seal(TOKEN, NAME), NAME) == TOKEN
        assert sealer.seal(TOKEN, NAME)[4:8].hex() == OTHER.id
        assert sealer.open(SEALER.seal(TOKEN, NAME), NAME) == TOKEN
        assert self.asked == 1

    def test_not_asked_for_what_it_has(self):
        """Keys that are here, and damage, are no reason to look."""
        sealer = self.sealer([(OTHER, KEY)])

        sealer.open(SEALER.seal(TOKEN, NAME), NAME)
        why(sealer, SEALER.seal(TOKEN, NAME)[:-1])

        assert self.asked == 0

    def test_seldom(self):
        """A store full of what others sealed makes it look once in five seconds."""
        sealer = self.sealer([None, (KEY,), (OTHER, KEY)])
        sealed = Sealer(Keys(OTHER)).seal(TOKEN, NAME)

        assert [why(sealer, sealed) for _ in range(100)] == ["unknown_key"] * 100
        assert self.asked == 1

        self.now += 5.0
        assert why(sealer, sealed) == "unknown_key"
        self.now += 5.0
        assert sealer.open(sealed, NAME) == TOKEN
        assert self.asked == 3

    def test_memory_is_bounded(self):
        """However many unknown keys are named, few are remembered."""
        sealer = self.sealer([None])

        for number in range(3000):
            why(sealer, b"\0aw1" + number.to_bytes(4, "big") + bytes(40))

        assert len(sealer._looked) <= 1000


class TestFingerprint:
    """What stands for a secret in a name."""

    def test_vector(self):
        """HMAC-SHA256 with a key derived for this alone."""
        mac = hmac.new(hmac.new(KEY.value, b"authweave fingerprint 1\0", hashlib.sha256).digest(), b"secret", hashlib.sha256)

        assert SEALER.fingerprint(KEY.value, b"secret") == mac.hexdigest()

    def test_differs(self):
        """By the secret, by the key, and by where one ends and the other begins."""
        pairs = [(b"a", b"bc"), (b"ab", b"c"), (b"", b"abc"), (b"abc", b""), (b"a", b"bd"), (KEY.value, b"bc"), (OTHER.value, b"bc")]

        assert len({SEALER.fingerprint(*pair) for pair in pairs}) == 7

    def test_rotation_changes_none(self):
        """The oldest key stays where it is when a new one comes in front."""
        assert Keys(OTHER, (KEY,)).oldest == Keys(KEY).oldest == Keys(None, (KEY,)).oldest == KEY
        assert Keys(None).oldest is None


class TestSecrecy:
    """No key comes out by accident."""

    @pytest.mark.parametrize("value", [KEY, Keys(KEY, (OTHER,)), Sealer(Keys(KEY, (OTHER,)))], ids=lambda value: type(value).__name__)
    def test_shown(self, value):
        """Printing and formatting show ids only; pickling is refused."""
        shown = f"{value} {value!r} {[value]} {value:}"

        assert KEY.id in shown
        assert not _holds_key(shown)
        for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
            with pytest.raises(TypeError):
                pickle.dumps(value, protocol)

    @every("spoil", [
        lambda sealed: sealed[:-1], lambda sealed: sealed[:4] + bytes(4) + sealed[8:], lambda sealed: b"\0", lambda sealed: PLAIN.seal(b"", NAME),
    ], ids=["tag", "key", "short", "plain"])  # fmt: skip
    def test_frames(self, spoil):
        """The frames of an error, printed with every local variable, hold no key."""
        try:
            SEALER.open(spoil(SEALER.seal(TOKEN, NAME)), NAME)
        except Unreadable as error:
            told = "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format())
        assert "Unreadable" in told
        assert not _holds_key(told)

    def test_an_error_survives_pickling(self):
        """Unreadable goes from process to process whole."""
        error = pickle.loads(pickle.dumps(Unreadable("unknown_key", "12345678")))

        assert (error.why, error.key_id, str(error)) == ("unknown_key", "12345678", str(Unreadable("unknown_key", "12345678")))


def test_threads():
    """One sealer for many threads."""
    sealer = Sealer(Keys.fresh())

    def once(number):
        plain = str(number).encode() * 100
        return sealer.open(sealer.seal(plain, str(number)), str(number)) == plain

    with ThreadPoolExecutor(16) as threads:
        assert all(threads.map(once, range(2000)))


def test_nothing_heavy_before_it_is_needed():
    """Neither keys nor a sealer load the libraries of cryptography, keyrings or folders; sealing does."""
    heavy = "{'cryptography', 'keyring', 'platformdirs', 'httpx'}"
    program = (
        f"import sys; from authweave.at_rest.cipher import Sealer; from authweave.at_rest.keys import Keys; s = Sealer(Keys.fresh()); print({heavy} & set(sys.modules));"
        f"s.seal(b'', ''); print({heavy} & set(sys.modules))"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert ran.stdout.splitlines() == ["set()", "{'cryptography'}"]


def _flipped(record, bit):
    return record[: bit // 8] + bytes([record[bit // 8] ^ 1 << bit % 8]) + record[bit // 8 + 1 :]


def _holds_key(text):
    return any(form in text for key in (KEY, OTHER) for form in (repr(key.value)[2:-1], repr(key.value[:8])[2:-1], key.value.hex(), key.value.hex()[:16]))
