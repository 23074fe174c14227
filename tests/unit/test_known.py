"""What a run knows to be secret: marks whose names may be a server's."""


from authweave.probe.known import Known
from thorough import every

SECRET = "Qm7xPlainSecretZk81vv0w"


@every("name", [
    SECRET, f"x-{SECRET}", "token\x1b]0;owned\x07", "a›: 1 chars, #0000› b", "tok:en", "n" * 5000, "\u202etoken", "eyJhbGciOiJIUzI1NiJ9", " ", "\ud800",
])  # fmt: skip
def test_a_name_in_a_mark_tells_nothing(name):
    """A mark bears the name of a member or a header field of an answer: never a secret, nothing that moves a cursor or ends the mark."""
    known = Known()
    known.learn("client_secret", SECRET, "input")

    for shown in (known.mask("another-value-0123456789", name), known.text("here: another-value-0123456789")):
        assert SECRET not in shown
        assert "eyJ" not in shown
        assert shown.isprintable()
        assert 1 == shown.count("‹") == shown.count("›")
        assert 100 > len(shown)


@every("name", ["client_secret", "X-Api-Key", "/credentials/key", "device_authorization_token", "(content)", "login[token]"])
def test_a_plain_name_stays(name):
    """What a profile or a server usually calls a secret is what its mark says."""
    assert f"‹secret {name}: " in Known().mask("another-value-0123456789", name)
