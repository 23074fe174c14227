"""What an egress policy finds when a profile is loaded: hosts that are refused, and values that could choose one."""

from __future__ import annotations

import json

import pytest

from authweave import Engine, loads
from authweave.egress.languages import language_of
from authweave.egress.strict import Strict
from authweave.errors import ProfileError, UrlRefused
from thorough import every

HEAD = "format: 1\nname: acme\nidentity_provider: Acme\n"
GOOD = """
servers: ['https://{{ inputs.x }}.acme.example']     ::: {x: {pattern: '[a-z0-9-]{1,63}'}}
servers: ['https://{{ inputs.x }}.acme.example']     ::: {x: {pattern: '\\w+'}}
servers: ['https://{{ inputs.x }}.acme.example']     ::: {x: {enum: [eu, us.west]}}
servers: ['https://{{ inputs.x }}.acme.example']     ::: {x: {type: integer}}
servers: ['https://{{ inputs.x }}.acme.example']     ::: {x: {format: uuid}}
servers: ['https://{{ inputs.x | lower }}.acme.example'] ::: {x: {pattern: '[A-Za-z]+'}}
servers: ['https://{{ inputs.x }}.acme.example']     ::: {x: {pattern: 'eu|us|(ap|sa)-[1-3]'}}
servers: ['https://{{ inputs.x }}.acme.example']     ::: {x: {pattern: 'api\\.(eu|us)'}}
servers: ['https://{{ inputs.x }}']                  ::: {x: {pattern: '[a-z0-9-]+\\.acme\\.example'}}
servers: ['https://{{ inputs.x }}']                  ::: {x: {pattern: '[a-z0-9.-]+\\.acme\\.(example|test)'}}
servers: ['https://{{ inputs.x }}']                  ::: {x: {enum: [a.acme.example, b.acme.example]}}
servers: ['https://{{ inputs.x }}:8443']             ::: {x: {pattern: '[a-z0-9-]+\\.acme\\.example'}}
servers: ['{{ inputs.x }}/v1']                       ::: {x: {pattern: 'https://[a-z0-9-]+\\.acme\\.example/?'}}
servers: ['{{ inputs.x }}']                          ::: {x: {enum: ['https://a.acme.example', 'https://b.acme.example/x']}}
servers: ['https://{{ vars.x }}.acme.example']       ::: {y: {pattern: '[a-z]+'}} ::: {x: '{{ inputs.y }}-1'}
servers: ['https://{{ vars.x }}/v1']                 ::: {} ::: {x: api.acme.example}
servers: ['https://api.acme.example/{{ inputs.x }}?y={{ inputs.x }}'] ::: {x: {}}
servers: ['https://api.acme.example:8443']           ::: {}
"""
BAD = """
servers: ['https://{{ inputs.x }}.acme.example']     ::: {x: {}}
servers: ['https://{{ inputs.x }}.acme.example']     ::: {x: {format: hostname}}
servers: ['https://{{ inputs.x }}.acme.example']     ::: {x: {pattern: '.+'}}
servers: ['https://{{ inputs.x }}.acme.example']     ::: {x: {pattern: '[^/]+'}}
servers: ['https://{{ inputs.x }}.acme.example']     ::: {x: {pattern: '[a-z.]+'}}
servers: ['https://{{ inputs.x }}.acme.example']     ::: {x: {pattern: '\\S+'}}
servers: ['https://{{ inputs.x }}.acme.example']     ::: {x: {pattern: '[a-z]+(:[0-9]+)?'}}
servers: ['https://{{ inputs.x }}.acme.example']     ::: {x: {pattern: '[a-z]+|.*@evil'}}
servers: ['https://{{ inputs.x }}.acme.example']     ::: {x: {pattern: '[\\x2d-\\x3a]+'}}
servers: ['https://{{ inputs.x }}.acme.example']     ::: {x: {enum: ['a/b']}}
servers: ['https://{{ inputs.x | base64 }}.acme.example'] ::: {x: {pattern: '[a-z]+'}}
servers: ["https://{{ inputs.x | default('evil.test/') }}.acme.example"] ::: {x: {pattern: '[a-z]+'}}
servers: ["https://{{ join([inputs.x, '/']) }}.acme.example"] ::: {x: {pattern: '[a-z]+'}}
servers: ["https://{{ inputs.x | json }}.acme.example"] ::: {x: {pattern: '[a-z]+'}}
servers: ['https://{{ inputs.x }}.example']          ::: {x: {pattern: '[a-z]+'}}
servers: ['https://{{ inputs.x }}acme.example']      ::: {x: {pattern: '[a-z]+'}}
servers: ['https://api-{{ inputs.x }}acme.example']  ::: {x: {pattern: '[a-z]+'}}
servers: ['https://{{ inputs.x }}']                  ::: {x: {format: hostname}}
servers: ['https://{{ inputs.x }}']                  ::: {x: {pattern: '[a-z0-9.-]+'}}
servers: ['https://{{ inputs.x }}']                  ::: {x: {pattern: '[a-z.]+\\.example'}}
servers: ['https://{{ inputs.x }}']                  ::: {x: {pattern: '[a-z.]+acme\\.example'}}
servers: ['https://{{ inputs.x }}']                  ::: {x: {pattern: '[a-z]+.acme.example'}}
servers: ['https://{{ inputs.x }}']                  ::: {x: {pattern: '[a-z]+\\.acme\\.example|[a-z.]+'}}
servers: ['https://{{ inputs.x }}']                  ::: {x: {pattern: '[a-z]+\\.acme\\.example(:[0-9]+)?'}}
servers: ['https://{{ inputs.x }}']                  ::: {x: {pattern: '[a-z]+(\\.acme\\.example|\\.example)'}}
servers: ['https://{{ inputs.x }}']                  ::: {x: {pattern: '.+\\.acme\\.example'}}
servers: ['https://{{ inputs.x }}:8443']             ::: {x: {pattern: '[a-z]+'}}
servers: ['{{ inputs.x }}/v1']                       ::: {x: {format: url}}
servers: ['{{ inputs.x }}/v1']                       ::: {x: {pattern: 'https?://[a-z]+\\.acme\\.example'}}
servers: ['{{ inputs.x }}/v1']                       ::: {x: {pattern: 'https://.+\\.acme\\.example'}}
servers: ['{{ inputs.x }}/v1']                       ::: {x: {pattern: '[a-z]+://[a-z]+\\.acme\\.example'}}
servers: ['{{ inputs.x }}']                          ::: {x: {enum: ['http://127.0.0.1']}}
servers: ['https://api.acme.example:{{ inputs.x }}'] ::: {x: {type: integer}}
servers: ['https://{{ vars.x }}.acme.example']       ::: {y: {}} ::: {x: 'a-{{ inputs.y }}'}
servers: ['https://{{ vars.x }}']                    ::: {y: {pattern: '[a-z]+'}} ::: {x: '{{ inputs.y }}.example'}
servers: ['https://{{ vars.x }}']                    ::: {y: {pattern: '[a-z]+\\.acme\\.example'}} ::: {x: 'a.{{ inputs.y }}'}
servers: ['http://127.0.0.1:8080']                   ::: {}
servers: ['http://localhost']                        ::: {}
servers: ['https://localhost:8443']                  ::: {}
servers: ['https://10.0.0.1']                        ::: {}
servers: ['https://[::ffff:10.0.0.1]']               ::: {}
servers: ['https://[::1]:8443']                      ::: {}
servers: ['https://169.254.169.254']                 ::: {}
servers: ['https://metadata.google.internal']        ::: {}
servers: ['https://intranet']                        ::: {}
servers: ['https://*.cluster.local']                 ::: {}
servers: ['https://api.acme.example:6379']           ::: {}
servers: ['https://{{ inputs.x }}.acme.example:22']  ::: {x: {pattern: '[a-z]+'}}
servers: ['https://{{ inputs.x }}.internal']         ::: {x: {enum: [db, api]}}
"""


def cases(table: str):
    return [tuple(part.strip() for part in line.split(":::")) for line in table.strip().splitlines()]


def written(case) -> str:
    servers, inputs, *variables = case
    return f"{HEAD}{servers}\ninputs: {inputs}\nvars: {variables[0] if variables else '{}'}\nauth: {{type: bearer}}\n"


@every("case", cases(GOOD), ids=lambda case: " ".join(case))
def test_values_that_stay_in_their_place_are_good(case):
    """A label's worth of letters, a closed list, or a domain that is written out: nothing is against them."""
    assert Engine(egress="strict").connect(loads(written(case), "acme.yaml"))


@every("case", cases(BAD), ids=lambda case: " ".join(case))
def test_values_and_hosts_that_lead_elsewhere_are_problems(case):
    """Each is refused when it is connected, with its line, under the rule `egress`; without the policy some are good, as ever."""
    try:
        profile = loads(written(case), "acme.yaml")
    except ProfileError:
        return  # refused for everybody
    with pytest.raises(ProfileError) as caught:
        Engine(egress="strict").connect(profile)

    problems = caught.value.problems
    assert {"egress"} == {problem.rule for problem in problems}
    assert all(problem.mark and problem.mark.line == 4 and problem.key == "servers[0]" for problem in problems)
    assert Engine(egress="open").connect(profile)


def test_every_url_of_a_profile_is_looked_at(tmp_path):
    """Token, refresh, revocation, steps, sign-in, device, issuer, registration and the test: each at its own line, all at once."""
    text = HEAD + """
inputs: {z: {enum: ['1', '2']}}
servers: [https://10.0.0.7]
auth:
  - name: a
    when: "{{ inputs.z == '1' }}"
    type: oauth2
    grant_type: client_credentials
    token_url: https://10.0.0.1/token
    refresh_url: https://10.0.0.2/token
    revoke_request: {url: 'https://10.0.0.3/revoke'}
    before: [{name: s, request: {url: 'https://10.0.0.4/x'}}]
    after: [{name: t, request: {url: 'https://10.0.0.5/x'}}]
  - name: b
    type: oauth2
    grant_type: client_credentials
    issuer: https://10.0.0.6
test: {request: {url: https://10.0.0.7/me}}
"""
    (tmp_path / "acme.yaml").write_text(text)
    with pytest.raises(ProfileError) as caught:
        Engine(tmp_path, egress="strict").profile("acme")

    said = "\n".join(str(problem) for problem in caught.value.problems)
    missing = [number for number in range(1, 8) if f"10.0.0.{number} is private" not in said]
    assert missing == []


def test_a_default_that_repeats_a_url_is_not_told_twice():
    """Who writes `token_url` alone reads of it alone, and not of a `refresh_url` that stands nowhere; one that is written is told, too."""
    text = HEAD + "auth: {type: oauth2, grant_type: client_credentials, token_url: 'https://10.0.0.1/token'%s}\n"
    keys = []
    for more in ("", ", refresh_url: 'https://10.0.0.1/token'"):
        with pytest.raises(ProfileError) as caught:
            Engine(egress="strict").connect(loads(text % more, "acme.yaml"))
        keys.append([problem.key for problem in caught.value.problems])

    assert [["auth.token_url"], ["auth.token_url", "auth.refresh_url"]] == keys


def test_a_policy_of_the_host_is_asked_for_what_is_written():
    """A host's own policy sees each URL at load, by its purpose; with `allows_open_hosts` values may choose hosts, and addresses decide."""
    asked = []

    class Own:
        allows_open_hosts = True

        def refusal(self, departure):
            asked.append(departure)

    text = HEAD + "servers: ['https://{{ inputs.x }}', 'https://api.acme.example:8443']\ninputs: {x: {format: hostname}}\nauth: {type: bearer}\n"
    assert Engine(egress=Own()).connect(loads(text, "acme.yaml"))
    assert {("profile", 443), ("profile", 8443)} == {(one.purpose, one.port) for one in asked}
    with pytest.raises(ProfileError, match="has no pattern"):
        Engine(egress=lambda departure: None).connect(loads(text, "acme.yaml"))


def test_kept_values_need_a_pattern_of_that_kind():
    """What a provider's answer says may choose a host only as far as its pattern lets it."""
    text = HEAD + """
servers: ['{{ kept.base }}']
auth:
  type: oauth2
  grant_type: client_credentials
  token_url: https://idp.acme.example/token
  token_response: {access_token: '{{ response.json.t }}', keep: {base: {value: '{{ response.json.b }}', pattern: 'PATTERN', secret: false}}}
"""
    Engine(egress="strict").connect(loads(text.replace("PATTERN", r"https://[a-z0-9-]+\.acme\.example"), "acme.yaml"))
    with pytest.raises(ProfileError, match="lets through what leads elsewhere"):
        Engine(egress="strict").connect(loads(text.replace("PATTERN", r"https://[a-z0-9.-]+"), "acme.yaml"))


def test_tickets_are_not_asked_for_unseen():
    """Kerberos goes by a library, past every policy: refused at load, unless a policy of the host's own allows the purpose."""
    text = HEAD + "servers: [https://api.acme.example]\nauth: {type: negotiate}\n"
    with pytest.raises(ProfileError, match="a library"):
        Engine(egress="strict").connect(loads(text, "acme.yaml"))

    assert Engine(egress=lambda departure: None).connect(loads(text, "acme.yaml"))


def test_a_changed_file_is_held_to_the_policy_too(tmp_path):
    """An edit that names an internal host is not taken: the last good version stays in use, and the first one of all is refused."""
    file = tmp_path / "acme.yaml"
    file.write_text(HEAD + "servers: [https://10.0.0.1]\nauth: {type: bearer}\n")
    with pytest.raises(ProfileError, match="private"):
        Engine(tmp_path, egress="strict").connect("acme")
    with pytest.raises(ProfileError, match="private"):
        Engine(tmp_path, egress=Strict()).connect(file)


def test_hosts_in_other_letters_are_shown_plainly():
    """User info, other scripts and punycode: the message says which host it is, and never what stood before the @."""
    def said(server: str) -> str:
        with pytest.raises(ProfileError) as caught:
            Engine(egress="strict").connect(loads(HEAD + f"servers: ['{server}']\nauth: {{type: bearer}}\n", "acme.yaml"))
        return str(caught.value)

    assert "CYRILLIC SMALL LETTER A U+0430" in said("https://аpple.com")
    assert "IDEOGRAPHIC FULL STOP" in said("https://127。0。0。1")
    told = said("https://api.acme.example:s3cret@evil.example/")
    assert "evil.example" in told
    assert "s3cret" not in told
    assert "CYRILLIC" in said("https://xn--80ak6aa92e.internal")
    with pytest.raises(UrlRefused, match=r"evil\.example") as caught:
        Engine(egress="strict").connect(loads(HEAD + "auth: {type: bearer}\n", "acme.yaml"), servers=["https://api.acme.example:s3cret@evil.example"])
    assert "s3cret" not in str(caught.value)


def test_a_language_is_read_off_its_pattern():
    """Starts, ends, letters and few texts: by the tree of the pattern, whatever way it is written."""
    assert language_of("a(b|c)d?").texts == {"ab", "ac", "abd", "acd"}
    open_ended = language_of(r"https://[a-z0-9.-]+\.acme\.example")
    assert (open_ended.starts, open_ended.ends, open_ended.texts) == ({"https://"}, {".acme.example"}, None)
    assert not open_ended.is_made_of("a-z0-9.-")
    assert language_of("[a-z]{1,63}").is_made_of("a-z")
    assert not language_of("[a-z]{1,63}|.").is_made_of("a-z")
    assert language_of("(") is None


def test_a_kept_value_is_bounded_wherever_it_is_kept():
    """Of two variants that keep a value for a host each has to bound it: what one lets through is sent by the other's URLs, too."""
    def variant(pattern, when):
        keep = {"instance": {"value": "{{ response.json.instance }}", **({"pattern": pattern} if pattern else {})}}
        auth = {"name": "a" if when else "b", "type": "oauth2", "grant_type": "client_credentials", "token_url": "https://id.acme.example/token", "when": when, "token_response": {"keep": keep}}
        return {key: value for key, value in auth.items() if value}

    def made(first, second):
        auth = [variant(first, "{{ request.method == 'GET' }}"), variant(second, "")]
        return loads(json.dumps({"format": 1, "name": "acme", "identity_provider": "A", "servers": ["https://{{ kept.instance }}.acme.example"], "auth": auth}), "acme.json")

    assert Engine(egress="strict").connect(made("[a-z]+", "[a-z0-9]+"))
    for first, second in (("[a-z]+", ".+"), (".+", "[a-z]+"), ("[a-z]+", ""), ("", "[a-z]+")):
        with pytest.raises(ProfileError, match=r"kept\.instance"):
            Engine(egress="strict").connect(made(first, second))
