"""Calls that authweave sends under an egress policy: what is refused is never connected to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from authweave import Engine, TaskRequest, loads
from authweave.egress.errand import Errand, calling_for, present
from authweave.errors import AuthweaveError, EgressRefused, ProfileError, SettingsError
from authweave.net.askers import looking_for
from authweave.settings import Settings
from outside import INTERNAL, PUBLIC, Outside, guarded, internal, names, public
from sockets import Server, connect_proxy, http, says
from thorough import every

VECTORS = json.loads((Path(__file__).parent.parent / "vectors" / "policy_ssrf_targets.json").read_text())
URLS = {one["url"]: one["verdict"] for one in (*VECTORS["urls"], *VECTORS["vectors"]) if "url" in one}
TOKEN = http(200, ("Content-Type", "application/json"), body=b'{"access_token": "tok-1", "token_type": "Bearer", "expires_in": 900}')


def profile(auth: dict, *servers: str, **more):
    return loads(json.dumps({"format": 1, "name": "acme", "identity_provider": "Acme", "servers": list(servers) or ["https://api.example.com"], "auth": auth, **more}), "acme.json")


def oauth(url: str, **more):
    return {"type": "oauth2", "grant_type": "client_credentials", "token_url": url, **more}


def token_of(engine: Engine, url: str, *servers: str, **more):
    return engine.connect(profile(oauth(url), *servers, **more)).token().result(20)


@every("url", sorted(URLS))
def test_the_url_vectors_are_refused_wherever_they_stand(url: str):
    """Each URL of the sample is refused as a token URL, as a server, as what an input says, and as what metadata say; nobody is called."""
    looked_up = names()
    engine = guarded("strict", looked_up, inputs={"client_id": "me", "client_secret": "s3cret", "token": "t", "base": url})

    for auth, servers in ((oauth(url), ()), ({"type": "bearer"}, (url,)), (oauth("{{ inputs.base }}"), ())):
        with pytest.raises(AuthweaveError):
            engine.connect(profile(auth, *servers, **({"inputs": {"base": {"format": "url"}}} if "base" in json.dumps(auth) else {}))).token().result(20)
    with pytest.raises(AuthweaveError):
        engine.connect(profile({"type": "bearer"}), servers=[url]).authorize(TaskRequest("GET", "/")).result(20)
    assert looked_up.asked == []


def test_a_token_call_goes_to_a_public_address():
    """What nothing is against works as ever, under the policy as without it; the address that was checked is called."""
    policy, found = Outside(), names(idp=[PUBLIC])
    with public(says(TOKEN), "idp.example.com") as server:
        token = token_of(guarded(policy, found), f"https://idp.example.com:{server.port}/token")

    assert token.access_token.reveal() == "tok-1"
    assert found.asked == ["idp.example.com"]
    assert [PUBLIC] == [one.address for one in policy.asked if one.address]
    assert {("token", "acme")} == {(one.purpose, one.profile) for one in policy.asked if one.address}


@every("addresses", [[INTERNAL], [PUBLIC, INTERNAL], [INTERNAL, PUBLIC], ["::ffff:127.0.0.1"], ["::1"], ["10.0.0.1"], ["64:ff9b::7f00:1"]], ids=str)
def test_one_bad_address_refuses_the_name(addresses: list[str]):
    """A name with any address that is not public is not called at all, at none of its addresses."""
    refused = pytest.raises(EgressRefused, match=r"Engine\(egress=")
    with internal(says(TOKEN), "idp.example.com") as inside, Server(says(TOKEN), host=PUBLIC, port=inside.port) as outside, refused as caught:
        token_of(guarded(Outside(), names(idp=addresses)), f"https://idp.example.com:{inside.port}/token")

    assert caught.value.code == "egress_refused"
    assert not caught.value.retry
    assert (0, 0) == (inside.connections, outside.connections)


def test_a_name_that_changes_meanwhile_is_of_no_use():
    """DNS rebinding: the address that was checked is the one that is called, whatever the name leads to at the next look-up."""
    found = names(idp=[[PUBLIC], [INTERNAL]])
    with public(says(TOKEN), "idp.example.com") as outside, internal(says(TOKEN), "idp.example.com", port=outside.port) as inside:
        connection = guarded(Outside(), found).connect(profile(oauth(f"https://idp.example.com:{outside.port}/token")))
        first = connection.token().result(20)
        with pytest.raises(EgressRefused):
            connection.engine.apart(connection.engine.exchange).connect(connection.profile).token().result(20)

    assert first.access_token.reveal() == "tok-1"
    assert (1, 0) == (outside.connections, inside.connections)


def test_strict_itself_never_follows_a_name_to_this_machine():
    """The built-in policy, the name public at first and loopback then: no connection is made to what listens on this machine."""
    found = names(idp=[["192.0.2.1"], [INTERNAL]])
    with internal(says(TOKEN), "idp.example.com") as inside:
        for _ in range(2):
            with pytest.raises(EgressRefused):
                token_of(guarded("strict", found), f"https://idp.example.com:{inside.port}/token")

    assert inside.connections == 0


@every("host", ["2130706433", "0x7f000001", "127.1", "0177.0.0.1", "localhost", "foo.localhost", "[::1]", "[::ffff:127.0.0.1]", "127.0.0.1", "ip6-localhost"])
def test_no_spelling_of_this_machine_is_called(host: str):
    """Also where the URL comes from an input, whose pattern lets everything through, and the policy is asked at the last moment."""
    with internal(says(TOKEN), "idp.example.com") as inside, pytest.raises(AuthweaveError):
        token_of(guarded("strict", names()), f"https://{host}:{inside.port}/token")

    assert inside.connections == 0


def test_ports_are_those_that_the_profile_writes():
    """443 and declared ports; a port that only metadata name is not declared, nor one of another service."""
    strict = guarded("strict", names(idp=[INTERNAL], api=[INTERNAL]))

    with pytest.raises(ProfileError, match="6379 is one of another service"):
        strict.connect(profile(oauth("https://idp.example.com:6379/token")))
    with pytest.raises(EgressRefused, match=r"127\.0\.0\.1 is loopback"):
        token_of(strict, "https://idp.example.com:8443/token")
    with pytest.raises(EgressRefused, match=r"port 9443 is not 443"):
        strict.wire.send(_get("https://idp.example.com:9443/"), deadline=2)
    with pytest.raises(EgressRefused, match=r"127\.0\.0\.1 is loopback"):
        token_of(guarded("strict", names(idp=[INTERNAL]), egress_ports=[6379]), "https://idp.example.com:6379/token")


def test_metadata_lead_nowhere_else():
    """An issuer's metadata that name an internal token endpoint get no call there, and no undeclared port of a public one."""
    with internal(says(TOKEN), "inside.example.com") as inside:
        for endpoint in (f"https://{INTERNAL}:{inside.port}/token", f"https://inside.example.com:{inside.port}/token", "http://10.0.0.1/token"):
            described = {"token_endpoint": endpoint, "jwks_uri": "https://idp.example.com/jwks"}
            with public(lambda peer, described=described: _metadata(peer, described), "idp.example.com") as idp:
                described["issuer"] = f"https://idp.example.com:{idp.port}"
                engine = guarded(Outside(), names(idp=[PUBLIC], inside=[INTERNAL]))
                auth = {"type": "oauth2", "grant_type": "client_credentials", "issuer": described["issuer"]}
                with pytest.raises(AuthweaveError):
                    engine.connect(profile(auth)).token().result(20)
                assert idp.connections >= 1

    assert inside.connections == 0


def test_a_proxy_has_to_be_listed():
    """Whoever goes through a proxy leaves DNS to it: one that is not listed is not even connected to, wherever it was named."""
    with public(says(TOKEN), "idp.example.com") as idp, Server(connect_proxy(idp.port)) as proxy:
        url, place = f"http://127.0.0.1:{proxy.port}", f"https://idp.example.com:{idp.port}/token"
        for named in ({"proxy": url}, {"environ": {"HTTPS_PROXY": url}}, {"environ": {"ALL_PROXY": url}}):
            for listed in ([], [f"http://127.0.0.1:{idp.port}", f"http://localhost:{proxy.port}", f"https://127.0.0.1:{proxy.port}"]):  # all but this one
                with pytest.raises(EgressRefused, match=r"egress_proxies"):
                    token_of(guarded("strict", names(), egress_proxies=listed, **named), place)
        assert proxy.connections == 0


def test_a_listed_proxy_is_used_and_targets_are_still_looked_at():
    """A listed proxy may stand on this machine; scheme, port and plainly internal hosts are refused before it is asked."""
    def proxied(peer):
        connect_proxy(idp.port)(peer)

    with Server(says(TOKEN), tls=_context("idp.example.com")) as idp, Server(proxied) as proxy:
        url = f"http://127.0.0.1:{proxy.port}"
        engine = guarded("strict", names(), proxy=url, egress_proxies=[url])
        token = token_of(engine, "https://idp.example.com/token")
        before = proxy.connections
        for target in ("https://127.0.0.1/", "https://[::1]/", "https://10.0.0.1/", "https://localhost/", "https://idp.example.com:8080/", "https://2130706433/"):
            with pytest.raises(EgressRefused):
                engine.wire.send(_get(target), deadline=2)

    assert token.access_token.reveal() == "tok-1"
    assert before == proxy.connections == 1


def test_every_purpose_is_told():
    """The policy hears what each call is for, for whom, and which ports are written out."""
    policy = Outside()
    with public(lambda peer: _script(peer), "idp.example.com") as idp:
        base = f"https://idp.example.com:{idp.port}"
        auth = oauth(f"{base}/token", before=[{"name": "first", "request": {"url": f"{base}/step"}}], revoke_request={"url": f"{base}/revoke"})
        connection = guarded(policy, names(idp=[PUBLIC])).connect(profile(auth), tenant="blue")
        connection.token().result(20)
        connection.revoke().result(20)

    told = [one for one in policy.asked if one.address]
    assert ["step", "token", "revocation"] == [one.purpose for one in told]
    assert {("acme", "blue", frozenset({idp.port}))} == {(one.profile, one.tenant, one.ports) for one in told}


class Broken:
    """A policy that fails."""

    def refusal(self, departure):
        raise RuntimeError("s3cret words of the host")


@every("policy", [Broken(), lambda departure: 1 / 0, lambda departure: True, lambda departure: False, lambda departure: ""], ids=["object", "function", "true", "false", "empty"])
def test_a_policy_that_fails_refuses(policy):
    """Whatever a policy raises or answers but None lets nothing through, in words without its own."""
    with public(says(TOKEN), "idp.example.com") as idp:
        engine = guarded(policy, names(idp=[PUBLIC]))
        with pytest.raises((ProfileError, EgressRefused)) as caught:
            token_of(engine, f"https://idp.example.com:{idp.port}/token")
        with pytest.raises(EgressRefused):
            engine.wire.send(_get(f"https://idp.example.com:{idp.port}/"), deadline=2)

    assert "s3cret" not in str(caught.value)
    assert idp.connections == 0


def test_a_policy_of_the_host_decides():
    """A function that lets one internal host through, and nothing else, is enough; its own words are in the error."""
    def policy(departure):
        return None if departure.host == "vault.example.com" else "only the vault is called from here"

    with internal(says(TOKEN), "vault.example.com") as vault:
        engine = guarded(policy, names(vault=[INTERNAL], idp=[PUBLIC]))
        token = token_of(engine, f"https://vault.example.com:{vault.port}/token", "https://vault.example.com")
        with pytest.raises(ProfileError, match="only the vault is called from here"):
            token_of(engine, "https://idp.example.com/token", "https://vault.example.com")

    assert token.access_token.reveal() == "tok-1"


def test_open_is_the_default_and_other_words_are_refused():
    """Without the switch everything is as it was; a word that is none is an error that names what would be right."""
    with internal(says(TOKEN), "idp.example.com") as inside:
        assert token_of(guarded(None, names(idp=[INTERNAL])), f"https://idp.example.com:{inside.port}/token")
        assert token_of(guarded("open", names(idp=[INTERNAL])), f"https://idp.example.com:{inside.port}/token")
    for wrong in ("closed", 7, Outside, object()):
        with pytest.raises(SettingsError, match="open"):
            Engine(egress=wrong)
    assert Engine(settings=Settings.load({}, env={"AUTHWEAVE_EGRESS": "strict"})).guard is not None
    assert Engine(settings=Settings.load({"egress": "strict"}, env={}), egress="open").guard is None
    with pytest.raises(SettingsError, match="open or strict"):
        Settings.load({}, env={"AUTHWEAVE_EGRESS": "yes"})


def _get(url: str):
    from authweave.wire import Call

    return Call("GET", url)


def _context(*hosts: str):
    from certificates import server_context
    from outside import AUTHORITY

    return server_context(AUTHORITY.issue(*hosts))


def _metadata(peer, described) -> None:
    peer.request()
    peer.send(http(200, ("Content-Type", "application/json"), body=json.dumps(described).encode()))


def _script(peer) -> None:
    peer.request()
    peer.send(TOKEN)


def test_an_errand_ends_with_its_call():
    """A thread that worked for one tenant looks names up for nobody afterwards: each tenant has its own share of that."""
    before = present(), looking_for.get()
    with calling_for("step", Errand("acme", "blue")):
        assert (("acme", "blue"), "step", "blue") == ((present()[0].profile, present()[0].tenant), present()[1], looking_for.get())
        with calling_for("token", Errand("acme", "red")):
            assert "red" == looking_for.get()
        assert "blue" == looking_for.get()

    assert before == (present(), looking_for.get())
