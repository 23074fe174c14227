"""Metadata of servers (RFC 8414, OpenID Connect Discovery, RFC 9728): where they stand, what is believed, how long."""

from __future__ import annotations

import pytest

from authorizing import OAUTH, OPENID, AuthorizationServer, Resource
from authweave.discovery.ages import LONGEST, SHORTEST, USUAL, fresh_for
from authweave.discovery.metadata import Metadata, read_metadata
from authweave.discovery.places import issuer_places, resource_place
from authweave.discovery.resources import fact_of_resource, metadata_place, read_resource
from authweave.errors import DiscoveryError, EgressRefused
from authweave.stores.memory import MemoryStore
from authweave.values import TaskResponse
from authweave.wire import Wire
from parts.vectors import load
from services import INPUTS, Clock, Reply, connect, engine, profile, says, serving
from thorough import every

API = "https://api.example.com"
ISSUER = "https://server.example.com"
GOOD = {"issuer": ISSUER, "token_endpoint": f"{ISSUER}/token"}
FILE = "rfc8414_metadata.json"


@pytest.fixture
def server():
    with serving(AuthorizationServer(clients={"robot": INPUTS["client_secret"]})) as made:
        yield made


def auth(**keys):
    return {"type": "oauth2", "grant_type": "client_credentials", **keys}


def token(connection):
    return connection.token().result(10)


def refused(kind, call):
    with pytest.raises(DiscoveryError) as caught:
        call()
    assert kind == caught.value.kind
    return caught.value


# ---- where metadata stand


@every("vector", load(FILE)["well_known_urls"], ids=lambda vector: vector["issuer"])
def test_metadata_stand_at_the_well_known_places(vector):
    """First where RFC 8414 puts them, with the issuer's path after the well-known part; then where OpenID does."""
    places = issuer_places(vector["issuer"])

    assert vector["oauth"] == places[0]
    assert vector["oidc"] in places


@every(
    "resource, place",
    [
        ("https://rs.example.com", "https://rs.example.com/.well-known/oauth-protected-resource"),
        ("https://rs.example.com/", "https://rs.example.com/.well-known/oauth-protected-resource"),
        ("https://rs.example.com/resource1", "https://rs.example.com/.well-known/oauth-protected-resource/resource1"),
        ("https://rs.example.com/a/b?k1=v1", "https://rs.example.com/.well-known/oauth-protected-resource/a/b?k1=v1"),
    ],
)
def test_a_resource_has_its_metadata_at_a_well_known_place_too(resource, place):
    """RFC 9728 §3.1: between host and path, the query stays."""
    assert place == resource_place(resource)


@every("issuer", ["https://server.example.com?x=1", "https://server.example.com#x", "http://server.example.com", "server.example.com", "https://a:b@server.example.com", "javascript:alert(1)"])
def test_an_issuer_is_an_https_url_without_query_and_fragment(issuer):
    """RFC 8414 §2; anything else is refused before anybody is asked."""
    refused("issuer", lambda: issuer_places(issuer))


# ---- what is believed


def test_the_published_example_is_read():
    """RFC 8414 §3.2: endpoints by the names of the profile, and what is supported."""
    [vector] = load(FILE)["vectors"]

    read = read_metadata(vector["json"], vector["json"]["issuer"], "x")

    assert f"{ISSUER}/token" == read.needed("token_url").render({})
    assert f"{ISSUER}/authorize" == read.endpoints["authorization_url"]
    assert f"{ISSUER}/register" == read.endpoints["registration_url"]
    assert (True, False, None) == (
        read.supports("token_endpoint_auth_methods_supported", "private_key_jwt"), read.supports("scopes_supported", "admin"),
        read.supports("grant_types_supported", "client_credentials"),
    )  # fmt: skip
    assert read == Metadata.of_fact(read.as_fact())


@every("vector", load(FILE)["negative"], ids=lambda vector: vector["id"])
def test_hostile_metadata_are_refused(vector):
    """Another issuer, an endpoint without TLS, in a private network, or that is no web address at all."""
    issuer = vector.get("requested", vector.get("issuer", ISSUER))
    said = {**GOOD, "issuer": vector.get("returned_issuer", issuer), **{name: value for name, value in vector.items() if name.endswith("_endpoint")}}

    def read():
        issuer_places(issuer)
        read_metadata(said, issuer, "https://x/y")

    with pytest.raises(DiscoveryError):
        read()


@every("endpoint", [
    "https://server.example.com/{{ inputs.client_secret }}", "https://{{ inputs.client_secret }}.example.com/x", "https://u:p@server.example.com/t",
    "https://server.example.com/t#x", "https://server.example.com\\@evil.example/t", "https://127.0.0.1/t", "http://127.0.0.1:1/t", "https://localhost/t",
    "https://[::1]/t", "https://10.0.0.1/t", "//server.example.com/t", "/t", "", 7, ["https://server.example.com/t"], "https://x/" + "a" * 5000, "https://server.example.com/\r\nX: y",
])  # fmt: skip
@every("member", ["token_endpoint", "revocation_endpoint", "registration_endpoint"])
def test_an_endpoint_is_what_a_profile_could_have_written_and_never_a_template(member, endpoint):
    """Nothing in metadata is evaluated; nobody outside sends credentials to this machine or into a private network."""
    error = refused("endpoint", lambda: read_metadata({**GOOD, member: endpoint}, ISSUER, "https://x/y"))

    assert member in str(error)


def test_an_endpoint_may_be_at_another_host():
    """Google's token endpoint is not at the host of its issuer."""
    assert "https://oauth2.example.org/t" == read_metadata({**GOOD, "token_endpoint": "https://oauth2.example.org/t"}, ISSUER, "x").endpoints["token_url"]


def test_a_server_on_this_machine_may_name_itself():
    """For tests and sandboxes: http on loopback, where the issuer is there too."""
    local = "http://127.0.0.1:8000"

    assert f"{local}/t" == read_metadata({"issuer": local, "token_endpoint": f"{local}/t"}, local, "x").endpoints["token_url"]


def test_the_hint_names_the_issuer_to_write():
    """A slash more or less is the usual mistake; it is still refused."""
    error = refused("issuer_mismatch", lambda: read_metadata({**GOOD, "issuer": f"{ISSUER}/"}, ISSUER, "x"))

    assert f"the issuer is {ISSUER}/; write that one, letter for letter" in str(error)


@every("said", [None, [], "x", 7, {}, {"issuer": None}, {"issuer": ["x"]}, {**GOOD, "scopes_supported": "read"}, {**GOOD, "grant_types_supported": [1]}])
def test_what_is_no_metadata_is_refused(said):
    """Types are looked at."""
    with pytest.raises(DiscoveryError):
        read_metadata(said, ISSUER, "x")


def test_what_is_kept_of_one_server_is_bounded(server):
    """A thousand servers are remembered, and a profile with a template in its issuer names as many as somebody likes: of each at most 48 KiB, in the store, too. A list that is left out is not known."""
    scopes = [f"{number:04}-{'x' * 40}" for number in range(1000)]
    read = read_metadata({**GOOD, "scopes_supported": scopes, "grant_types_supported": ["client_credentials"], "response_types_supported": ["y" * 2000] * 100}, ISSUER, "x")
    fact = fact_of_resource({"resource": "https://rs.example.com", "authorization_servers": [ISSUER], "scopes_supported": scopes}, "https://rs.example.com", "x")

    assert {"grant_types_supported": ("client_credentials",)} == read.lists
    assert read.supports("scopes_supported", scopes[0]) is None
    assert [] == fact["scopes"]

    store = Shared()
    server.metadata = {"scopes_supported": scopes}
    token(connect(auth(issuer=server.issuer), API, run=engine(store=store)))
    noted = [len(data) for data, _ in store._notes.values()]
    assert noted
    assert max(noted) < 10_000


def test_a_resource_names_its_first_authorization_server():
    """RFC 9728 §2; the slash of an empty path changes nothing."""
    said = {"resource": "https://rs.example.com/", "authorization_servers": ["https://a.example", "https://b.example"]}

    assert "https://a.example" == read_resource(said, "https://rs.example.com", "x")


@every("said, kind", [
    ({"resource": "https://rs.example.com/other", "authorization_servers": ["https://a.example"]}, "resource_mismatch"),
    ({"authorization_servers": ["https://a.example"]}, "resource_mismatch"),
    ({"resource": "https://rs.example.com"}, "no_server"),
    ({"resource": "https://rs.example.com", "authorization_servers": []}, "no_server"),
    ({"resource": "https://rs.example.com", "authorization_servers": [7]}, "no_server"),
    ({"resource": "https://rs.example.com", "authorization_servers": ["javascript:alert(1)"]}, "issuer"),
    ([], "unreadable"),
])  # fmt: skip
def test_metadata_of_another_resource_are_refused(said, kind):
    """RFC 9728 §3.3: or somebody else's server would get our requests for a token."""
    refused(kind, lambda: read_resource(said, "https://rs.example.com", "x"))


def test_a_challenge_may_say_where_the_metadata_are():
    """RFC 9728 §5.1; the link is looked at like any other."""
    assert "https://rs.example.com/m" == metadata_place(['Basic realm="x", Bearer error="x", resource_metadata="https://rs.example.com/m"'], "https://rs.example.com")
    assert metadata_place(["Bearer"], "https://rs.example.com") == ""
    refused("resource", lambda: metadata_place(['Bearer resource_metadata="http://rs.example.com/m"'], "https://rs.example.com"))


@every("inside", [
    "http://127.0.0.1:8080", "http://localhost", "https://10.0.0.1", "https://169.254.169.254", "https://[fd00::1]", "https://224.0.0.1",
    "https://[64:ff9b::7f00:1]", "https://[2002:a00:1::]", "https://[::ffff:10.0.0.1]",
])  # fmt: skip
def test_a_resource_elsewhere_leads_nobody_inside(inside):
    """Or whoever runs an API could have this machine and its network asked; a resource that is there itself may."""
    said = {"authorization_servers": [inside]}
    refused("issuer", lambda: read_resource({**said, "resource": "https://rs.example.com"}, "https://rs.example.com", "x"))
    refused("resource", lambda: metadata_place([f'Bearer resource_metadata="{inside}/m"'], "https://rs.example.com"))
    refused("endpoint", lambda: read_metadata({"issuer": "https://a.example", "token_endpoint": f"{inside}/t"}, "https://a.example", "x"))

    assert inside == read_resource({**said, "resource": "https://127.0.0.1:1"}, "https://127.0.0.1:1", "x")


@every("said, seconds", [
    ("", USUAL), ("max-age=600", 600), ("public, max-age=600", 600), ('max-age="600"', 600), ("max-age=1", SHORTEST), ("max-age=9999999", LONGEST),
    ("no-store", SHORTEST), ("max-age=9000, no-cache", SHORTEST), ("s-maxage=5", USUAL), ("max-age=x", USUAL), ("max-age=-5", USUAL),
])  # fmt: skip
def test_cache_control_is_honoured_within_bounds(said, seconds):
    """RFC 9111 §5.2: never for less than five minutes, nor for more than a day."""
    assert seconds == fresh_for(TaskResponse(200, (("Cache-Control", said),) if said else ()))


# ---- the token endpoint comes from metadata


@every("path, places", [("", (OAUTH,)), ("", (OPENID,)), ("/realms/a", (OAUTH,)), ("/realms/a", (OPENID,)), ("/realms/a", (OAUTH, OPENID))])
def test_an_issuer_is_enough(path, places):
    """Its metadata name the token endpoint; nobody sends a credential to the well-known place."""
    with serving(AuthorizationServer(path=path, places=places, clients={"robot": INPUTS["client_secret"]})) as server:
        assert token(connect(auth(issuer=server.issuer), API)).access_token.reveal() == "T1"

    found = [request for request in server.asked if "well-known" in request.target]
    assert 1 == server.counts["/token"]
    assert all(request.method == "GET" and not request.values("authorization") and not request.body for request in found)


def test_an_issuer_may_hold_templates(server):
    """A tenant's own, for example."""
    made = auth(issuer=f"{server.url}/realms/{{{{ inputs.realm }}}}")
    server.path = "/realms/acme"

    connection = engine(inputs={**INPUTS, "realm": "acme"}).connect(profile(made, API, inputs={"realm": {}}))

    assert token(connection).access_token.reveal() == "T1"


def test_what_is_written_stands(server):
    """Metadata fill only what the profile does not say; where nothing is missing nobody asks for them."""
    connection = connect(auth(issuer=server.issuer, token_url=f"{server.url}/token"), API)

    token(connection)

    assert {"/token": 1} == server.counts


def test_metadata_are_asked_for_once(server):
    """For every connection of an engine, until they are stale; then again."""
    clock = Clock()
    run = engine(clock=clock)
    for tenant in ("a", "b", "c"):
        token(connect(auth(issuer=server.issuer), API, run=run, tenant=tenant))
    assert (3, 1) == (server.counts["/token"], server.counts[OAUTH])

    clock.ahead = USUAL + 1
    token(connect(auth(issuer=server.issuer), API, run=run, tenant="a"))

    assert 2 == server.counts[OAUTH]


class Shared(MemoryStore):
    """A store of several engines of this process, as another process would see it."""

    is_shared = True


def test_the_store_has_them_for_everybody(server):
    """Another process finds what the first one found."""
    store = Shared()
    for tenant in ("a", "b"):
        token(connect(auth(issuer=server.issuer), API, run=engine(store=store), tenant=tenant))

    assert (2, 1) == (server.counts["/token"], server.counts[OAUTH])


def test_where_nobody_answers_older_metadata_go_on(server):
    """Stale is better than nothing; the failing server is asked once in half a minute."""
    clock = Clock()
    run = engine(clock=clock)
    token(connect(auth(issuer=server.issuer), API, run=run, tenant="a"))
    server.replies[OAUTH] = server.replies[OPENID] = Reply(503, b"")
    clock.ahead = USUAL + 1

    for tenant in ("b", "c"):
        token(connect(auth(issuer=server.issuer), API, run=run, tenant=tenant))

    assert (3, 2) == (server.counts["/token"], server.counts[OAUTH])


def test_a_server_that_lies_now_is_not_believed_by_what_it_said_before(server):
    """Metadata of another issuer are an attack or a mistake, and no outage."""
    clock = Clock()
    run = engine(clock=clock)
    token(connect(auth(issuer=server.issuer), API, run=run, tenant="a"))
    server.metadata["issuer"] = "https://attacker.example"
    clock.ahead = USUAL + 1

    refused("issuer_mismatch", lambda: token(connect(auth(issuer=server.issuer), API, run=run, tenant="b")))

    assert 1 == server.counts["/token"]


def test_after_a_week_they_are_no_use_any_more(server):
    """A server that was silent for so long may be anybody's by now."""
    clock = Clock()
    run = engine(clock=clock)
    token(connect(auth(issuer=server.issuer), API, run=run, tenant="a"))
    server.replies[OAUTH] = server.replies[OPENID] = Reply(503, b"")
    clock.ahead = 8 * 86400.0

    refused("unreachable", lambda: token(connect(auth(issuer=server.issuer), API, run=run, tenant="b")))


def test_an_endpoint_that_has_moved_is_found_again(server):
    """A 404 of an endpoint that metadata named: they are asked for again, once, and the call is made there."""
    clock = Clock()
    run = engine(clock=clock)
    token(connect(auth(issuer=server.issuer), API, run=run, tenant="a"))
    server.token_path = "/v2/token"
    clock.ahead = 60

    found = token(connect(auth(issuer=server.issuer), API, run=run, tenant="b"))

    assert "T2" == found.access_token.reveal()
    assert (2, 1, 1) == (server.counts["/token"], server.counts["/v2/token"], server.counts[OAUTH] - 1)


def test_an_endpoint_that_is_gone_is_not_searched_for_with_every_call(server):
    """Metadata that were just asked for are not asked for again."""
    server.replies["/token"] = says({"error": "not_found"}, 404)
    run = engine(attempts=1)
    for tenant in ("a", "b", "c"):
        with pytest.raises(Exception, match="404"):
            token(connect(auth(issuer=server.issuer), API, run=run, tenant=tenant))

    assert 1 == server.counts[OAUTH]


@pytest.mark.parametrize(("reply", "kind", "words"), [
    (Reply(302, b"", (("Location", "https://evil.example/"),)), "not_found", "redirect"),
    (Reply(200, b"<html>sign in</html>", (("Content-Type", "text/html"),)), "unreadable", "text/html that is not JSON"),
    (Reply(200, b'{"issuer": "a", "issuer": "b"}'), "unreadable", "not JSON"),
    (Reply(200, b'"' + b"a" * (300 * 1024) + b'"'), "unreadable", "256 KiB"),
    (Reply(500, b""), "unreachable", "500"),
    (Reply(404, b""), "not_found", "404"),
    (Reply(401, b""), "not_found", "401"),
])  # fmt: skip
def test_what_is_not_there_is_told_in_words(server, reply, kind, words):
    """No redirect is followed, nothing that is no JSON is read, nothing large; no credential is sent."""
    server.replies[OAUTH] = server.replies[OPENID] = reply

    error = refused(kind, lambda: token(connect(auth(issuer=server.issuer), API)))

    assert words in str(error)
    assert 0 == server.counts["/token"]


def test_places_that_answer_alike_are_told_once(server):
    """The URLs stand in the sentence once; what they answered once behind them."""
    server.replies[OAUTH] = server.replies[OPENID] = Reply(404, b"")

    error = refused("not_found", lambda: token(connect(auth(issuer=server.issuer), API)))

    assert str(error).endswith("(each answers 404)")
    assert 1 == str(error).count(OAUTH)


def test_a_server_that_fails_is_left_alone_for_a_moment(server):
    """Fifty callers of a tenant do not ask fifty times; another tenant asks for himself."""
    server.replies[OAUTH] = server.replies[OPENID] = Reply(500, b"")
    run = engine()
    for tenant in "aaabbb":
        refused("unreachable", lambda tenant=tenant: token(connect(auth(issuer=server.issuer), API, run=run, tenant=tenant)))

    assert 2 == server.counts[OAUTH]


def test_metadata_without_a_token_endpoint_say_what_to_write(server):
    """The profile can still write it."""
    server.metadata["token_endpoint"] = None

    error = refused("endpoint_missing", lambda: token(connect(auth(issuer=server.issuer), API)))

    assert "no token_endpoint, and the profile writes no token_url" in str(error)


def test_the_egress_policy_holds_for_metadata_and_what_they_name(server):
    """The operator's word is asked for each address, wherever its name comes from."""

    def check(host, address, port):
        raise EgressRefused("not this one", stage="dns", host=host, detail="address")

    run = engine(wire=Wire(environ={}, proxy="", check=check))

    error = refused("unreachable", lambda: token(connect(auth(issuer=server.issuer), API, run=run)))

    assert "not this one" in str(error)
    assert not server.asked


def test_revocation_comes_from_metadata(server):
    """RFC 7009 where the metadata name its endpoint; the profile need not write revoke_request."""
    connection = connect(auth(issuer=server.issuer), API)
    token(connection)

    assert connection.revoke().result(10)

    [call] = [request for request in server.asked if request.target == "/revoke"]
    assert ("T1", "access_token") == (call.form["token"], call.form["token_type_hint"])


def test_without_a_revocation_endpoint_a_token_is_only_forgotten(server):
    """The negative twin: nobody is called."""
    server.metadata["revocation_endpoint"] = None
    connection = connect(auth(issuer=server.issuer), API)
    token(connection)

    assert not connection.revoke().result(10)
    assert 0 == server.counts["/revoke"]


# ---- a resource names its issuer


@pytest.mark.parametrize("well_known", [True, False])
def test_a_resource_is_enough(server, well_known):
    """RFC 9728: its metadata, or its challenge, name the issuer, whose metadata name the token endpoint; the parameter is sent."""
    with serving(Resource(server, well_known=well_known)) as resource:
        connection = connect(auth(resource=resource.resource), resource.url)

        assert token(connection).access_token.reveal() == "T1"

    [call] = [request for request in server.asked if request.target == "/token"]
    assert resource.resource == call.form["resource"]
    assert not [request for request in resource.asked if request.values("authorization")]


def test_a_resource_that_says_nothing_is_told(server):
    """The server of the resource is never taken for the issuer on a guess."""
    with serving(Resource(server, well_known=False, says_where=False)) as resource:
        error = refused("not_found", lambda: token(connect(auth(resource=resource.resource), resource.url)))

    assert "write issuer or token_url" in str(error)


def test_metadata_of_another_resource_send_nothing_anywhere(server):
    """RFC 9728 §3.3."""
    with serving(Resource(server, metadata={"resource": "https://other.example"})) as resource:
        refused("resource_mismatch", lambda: token(connect(auth(resource=resource.resource), resource.url)))

    assert not server.asked
