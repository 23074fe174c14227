"""`egress_hosts`: which hosts values may choose without a pattern, for profiles of products that every customer runs at a host of its own."""

from __future__ import annotations

import json

import pytest

from authweave import Engine, load, loads
from authweave.contracts import Departure
from authweave.egress.profiles import hosts_of, problems_of
from authweave.egress.strict import Strict
from authweave.errors import EgressRefused, ProfileError, SettingsError
from authweave.resources import profiles_folder
from authweave.settings import Settings
from outside import INPUTS, PUBLIC, Outside, guarded, internal, names, public
from sockets import http, says
from thorough import every

TOKEN = http(200, ("Content-Type", "application/json"), body=b'{"access_token": "tok-1", "token_type": "Bearer", "expires_in": 900}')
OPEN = {"type": "oauth2", "grant_type": "client_credentials", "token_url": "https://{{ inputs.host }}/token"}
SELF_HOSTED = {"audiocodes-bot", "audiocodes-voiceai-connect", "sap-business-one", "tableau"}
"""Shipped profiles whose host only the customer knows."""


def profile(auth: dict = OPEN, servers: tuple[str, ...] = ("https://{{ inputs.host }}",), **inputs):
    said = inputs or {"host": {"format": "hostname"}}
    return loads(json.dumps({"format": 1, "name": "acme", "identity_provider": "A", "inputs": said, "servers": servers, "auth": auth}), "acme.json")


def engine(*hosts: str, **more) -> Engine:
    return Engine(settings=Settings.load({"egress": "strict", "egress_hosts": list(hosts), "sources": [], **more}, env={}), inputs=INPUTS)


def allows(*hosts: str, ask: str) -> bool:
    return Strict.of((), hosts).refusal(Departure("https", ask, 443, is_chosen=True)) is None


def test_without_the_list_such_a_profile_is_refused_and_names_it():
    """What would be right for the author is said, and what an operator can do."""
    with pytest.raises(ProfileError, match=r"or an operator lists the hosts that may be chosen \(egress_hosts\)"):
        engine().connect(profile())

    assert engine("*.acme.example").connect(profile())


def test_a_listed_host_is_called_and_no_other():
    """The tenant's own host is called; another public one is not, neither for a token nor for a task, before anything is looked up."""
    policy, found = Outside(hosts=frozenset({"*.example.com"}), ports=frozenset()), names(tableau=[PUBLIC], evil=[PUBLIC])
    with public(says(TOKEN), "tableau.example.com") as server:
        auth = {**OPEN, "token_url": f"https://{{{{ inputs.host }}}}:{server.port}/token"}
        made = profile(auth, (f"https://{{{{ inputs.host }}}}:{server.port}",))
        token = guarded(policy, found, inputs={**INPUTS, "host": "tableau.example.com"}).connect(made).token().result(20)
        for chosen in ("tableau.example.org", "example.com", "tableau.example.com.evil.net", "evilexample.com"):
            connection = guarded(policy, found, inputs={**INPUTS, "host": chosen}).connect(made)
            with pytest.raises(EgressRefused, match="egress_hosts"):
                connection.token().result(20)

    assert token.access_token.reveal() == "tok-1"
    assert found.asked == ["tableau.example.com"]
    assert server.connections == 1


def test_a_listed_host_still_has_to_be_public():
    """The list opens no way inside: a listed name that leads to this machine is refused by its address."""
    with internal(says(TOKEN), "tableau.example.com") as inside:
        auth = {**OPEN, "token_url": f"https://{{{{ inputs.host }}}}:{inside.port}/token"}
        strict = guarded("strict", names(tableau=["127.0.0.1"]), egress_hosts=["*"], inputs={**INPUTS, "host": "tableau.example.com"})
        with pytest.raises(EgressRefused, match="loopback"):
            strict.connect(profile(auth)).token().result(20)
        for spelling in ("127.0.0.1", "localhost", "10.0.0.1", "router"):
            with pytest.raises(EgressRefused):
                guarded("strict", names(), egress_hosts=["*"], inputs={**INPUTS, "host": spelling}).connect(profile()).token().result(20)

    assert inside.connections == 0


def test_scheme_and_port_are_never_given_away():
    """With hosts to choose, a value still chooses no port, and for a whole URL https:// has to stand in its pattern."""
    strict = engine("*")
    with pytest.raises(ProfileError, match="chooses the port"):
        strict.connect(profile({"type": "bearer"}, ("https://{{ inputs.host }}:{{ inputs.port }}",), host={"format": "hostname"}, port={"type": "integer"}))
    for said in ({"format": "url"}, {"pattern": r"\S+"}, {"pattern": "https?://.+"}, {"pattern": "[a-z]+://.+"}, {"enum": ["http://127.0.0.1", "https://a.example"]}):
        with pytest.raises(ProfileError, match="a pattern that begins with https://"):
            strict.connect(profile({"type": "bearer"}, ("{{ inputs.base }}",), base=said))

    assert strict.connect(profile({"type": "bearer"}, ("{{ inputs.base }}",), base={"pattern": r"https://\S+"}))


def test_a_policy_that_knows_its_hosts_gives_neither_away():
    """`allows_open_hosts` of a host's own policy is for hosts: port and scheme stay with the author."""
    class Own:
        allows_open_hosts = True

        def refusal(self, departure):
            return None

    assert Engine(egress=Own()).connect(profile())
    with pytest.raises(ProfileError, match="chooses the port"):
        Engine(egress=Own()).connect(profile({"type": "bearer"}, ("https://{{ inputs.host }}:{{ inputs.port }}",), host={"format": "hostname"}, port={"type": "integer"}))


def test_hosts_that_are_written_out_need_no_list():
    """Of a profile whose task host is chosen, the token host that the author wrote and the servers that the host named are no choice."""
    mixed = profile({**OPEN, "token_url": "https://login.acme.example/token", "refresh_url": "https://{{ inputs.region }}.acme.net/t"}, host={"format": "hostname"}, region={"pattern": "[a-z]+"})
    connection = engine("b1.blue.example").connect(mixed, servers=["https://one.green.example", "https://*.red.example"])

    assert hosts_of(mixed) == {"login.acme.example", ".acme.net"}
    chosen = {host: connection.outgoing.errand.lets_choose(host) for host in ("login.acme.example", "eu.acme.net", "acme.net", "one.green.example", "a.red.example", "b1.blue.example", "evil.example")}
    assert [host for host, is_chosen in chosen.items() if is_chosen] == ["acme.net", "b1.blue.example", "evil.example"]
    assert hosts_of(profile({"type": "bearer"}, ("https://{{ inputs.host }}.acme.example",), host={"pattern": "[a-z]+"})) is None


@every(
    "listed, asked, verdict",
    [("*", "any.example", True), ("*.acme.example", "b1.acme.example", True), ("*.acme.example", "x.b1.acme.example", True), ("*.acme.example", "acme.example", False), ("*.acme.example", "evilacme.example", False), ("acme.example", "acme.example", True), ("acme.example", "b1.acme.example", False)],
)
def test_a_name_a_domain_or_everything(listed: str, asked: str, verdict: bool):
    """A name is itself, `*.` is all below a domain and not the domain, `*` is every public host."""
    assert allows(listed, ask=asked) is verdict


@every("wrong", ["", "example", "*.", "*example.com", "a.*.example", "https://acme.example", "acme.example:443", "a b.example", "."])
def test_what_is_no_host_is_refused_as_a_setting(wrong: str):
    """The setting is named, with what would be right."""
    with pytest.raises(SettingsError, match=r"egress_hosts.*must be a list of host names"):
        engine(wrong)


def test_shipped_profiles_under_the_policy():
    """All but those of self-hosted products are good as they are; those are, once an operator says which hosts may be chosen. Kerberos never is."""
    def refused(*hosts: str) -> set[tuple[str, str]]:
        guard = engine(*hosts).guard
        shipped = map(load, sorted(profiles_folder().glob("*.yaml")))
        return {(one.name, problem.rule) for one in shipped for problem in problems_of(one, guard) if problem.severity == "error"}

    assert refused() == {(name, "egress") for name in (*SELF_HOSTED, "kore-kerberos")}
    assert refused("*") == {("kore-kerberos", "egress")}
