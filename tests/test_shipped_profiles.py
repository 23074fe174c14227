"""The shipped profiles: valid, exemplary, and on the wire what their providers' documentation says."""

from __future__ import annotations

import base64
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote_plus

import pytest
import yaml

import authweave
from authweave.engine import Engine
from authweave.errors import InsufficientScope, OriginRefused, RateLimited, UrlRefused
from authweave.loading import check_file, load
from authweave.resources import profiles_folder
from authweave.settings import Settings
from authweave.values import TaskRequest
from provider import NOON, Says, provider
from thorough import every
from transcript import Case, is_like, transcripts

FILES = sorted(profiles_folder().glob("*"))
TRANSCRIPTS = transcripts()
SAID = {"grant.password"}
"""Warnings that a shipped profile may have: its page says what they mean, and its provider has nothing else."""
CASES = [case for transcript in TRANSCRIPTS for case in transcript.cases]
SENDERS_OWN = {"user-agent", "accept-encoding", "connection"}
CATALOGUE = Path(__file__).parents[1] / "docs" / "profiles.md"
TOP_KEYS = (
    "format", "name", "version", "identity_provider", "description", "documentation",
    "subject", "inputs", "vars", "servers", "auth", "fields", "test",
)  # fmt: skip

MIX = {"client_id": "appID:ACME-BANKING-DEV:geo:us:clientName:default", "client_secret": "Rk3.t-7Uq_x0"}
MIX_HOSTS = ("auth.crt.nuance.com", "tts.api.nuance.com")
MIX_TOKEN = {"access_token": "mix-token", "expires_in": 900, "token_type": "bearer"}
VOICES = TaskRequest("GET", "https://tts.api.nuance.com/api/v1/voices")
VAIC = {"host": "voiceai.acme.example", "client_id": "my-dialer", "client_secret": "Rk3.t-7Uq_x0"}


def named(path: Path) -> str:
    return path.stem


# What the files are


def test_these_are_the_profiles_that_are_shipped() -> None:
    """One YAML file per profile, nothing beside them, and a transcript for each."""
    assert {".yaml"} == {path.suffix for path in FILES}
    assert [path.stem for path in FILES] == [transcript.profile for transcript in TRANSCRIPTS]


@every("path", FILES, ids=named)
def test_a_shipped_profile_has_no_problem_and_no_warning(path: Path) -> None:
    """`validate` has nothing to say about it."""
    checked = check_file(path)

    assert [str(problem) for problem in checked.problems if problem.rule not in SAID] == []


@every("path", FILES, ids=named)
def test_a_shipped_profile_says_what_a_person_wants_to_know(path: Path) -> None:
    """Version, provider, description, documentation, a check; inputs have titles, and examples if they are no secrets."""
    profile = load(path)
    written = yaml.safe_load(path.read_text())

    assert tuple(map(int, profile.version.split("."))) >= (1, 0, 0)
    assert profile.name == path.stem
    assert profile.identity_provider
    assert profile.description.endswith(".")
    assert written["documentation"].startswith("https://")
    assert "test" in written
    for name, said in written["inputs"].items():
        assert said.get("title"), name
        assert said.get("secret") or "example" in said or "enum" in said, name
    assert set(profile.inputs) == set(written["inputs"]), "implied inputs are declared, so that they have a title"


@every("path", FILES, ids=named)
def test_a_shipped_profile_is_written_as_we_like_it(path: Path) -> None:
    """People learn the format from these files: one order of keys, short lines, quotes only where YAML wants them."""
    text = path.read_text()
    lines = text.splitlines()

    assert lines[0] == "# yaml-language-server: $schema=../schemas/auth-profile.schema.json"
    keys = [line.partition(":")[0] for line in lines if re.match("[a-z_]+:", line)]
    assert [key for key in TOP_KEYS if key in keys] == keys
    assert text.isascii()
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert max(map(len, lines)) <= 120
    assert [line for line in lines if line != line.rstrip() or "\t" in line] == []
    assert [line for line in lines if (len(line) - len(line.lstrip())) % 2] == []
    quoted = [token for token in yaml.scan(text) if isinstance(token, yaml.ScalarToken) and token.style]
    assert {"'", "|", ">"} >= {token.style for token in quoted}
    assert [token.value for token in quoted if token.style == "'" and not _wants_quotes(token.value)] == []


def _wants_quotes(value: str) -> bool:
    """Would it be something else without quotes: a map, a list, a number?"""
    try:
        return yaml.safe_load(f"[{value}]") != [value]
    except yaml.YAMLError:
        return True


@every("path", FILES, ids=named)
def test_the_catalogue_page_describes_every_profile(path: Path) -> None:
    """docs/profiles.md has a section with the profile's documentation and every input."""
    page = CATALOGUE.read_text()
    written = yaml.safe_load(path.read_text())

    _, heading, rest = page.partition(f"\n## {path.stem}\n")
    assert heading
    section = rest.partition("\n## ")[0]
    assert written["documentation"] in section
    assert [name for name in written["inputs"] if f"`{name}`" not in section] == []


def test_shipped_profiles_are_found_by_name() -> None:
    """Without any folder of one's own."""
    with Engine(settings=Settings.load({"sources": ()}, env={})) as engine:
        assert [path.stem for path in FILES] == engine.names()
        assert FILES[0].stem == engine.profile(f"{FILES[0].stem}@1").name


def test_the_command_line_lists_them(tmp_path: Path) -> None:
    """`authweave list` in an empty folder shows the shipped profiles and nothing else."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AUTHWEAVE_")}
    environment |= {"PYTHONPATH": str(Path(authweave.__file__).parents[1]), "HOME": str(tmp_path)}
    environment |= {"XDG_CONFIG_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "authweave", "list", "--format", "json"]

    ran = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert [path.stem for path in FILES] == re.findall(r'"name": "([^"]*)"', ran.stdout)


# What the transcripts are


@every("transcript", TRANSCRIPTS, ids=lambda transcript: transcript.profile)
def test_every_line_of_a_transcript_is_cited(transcript) -> None:
    """Each line, body and answer names a source of the file, and no source is named for show."""
    expected = [one for case in transcript.cases for one in case.wire]
    lines = [line for one in expected for line in (*one.head, *([one.body] if one.body else []))]
    lines += [case.browser for case in transcript.cases if case.browser]
    answers = [one.answer for one in expected]

    assert [line.text for line in lines if not line.sources] == []
    assert all(answer is not None and answer.sources for answer in answers)
    used = {name for cited in (*lines, *answers, *transcript.cases) for name in cited.sources}
    assert used == set(transcript.sources)
    assert all(where.startswith(("https://", "docs/profiles.md")) for where in transcript.sources.values())


def test_every_way_of_every_profile_has_a_case() -> None:
    """Each variant, and the refresh where there is one."""
    seen = {case.profile: set() for case in CASES}
    for case in CASES:
        seen[case.profile] |= {case.inputs.get("mode", "oauth2")} | {one.line.split()[1] for one in case.wire}

    assert {"oauth2", "basic", "/oauth/token"} <= seen["audiocodes-voiceai-connect"]
    assert {"/oauth/token", "/oauth/refresh"} <= seen["kore-client-credentials"]
    assert {"/oauth/token", "/oauth/refresh"} <= seen["kore-authorization-code"] & seen["kore-password"]
    assert {"/oauth2/token"} <= seen["nuance-mix-runtime"] & seen["nuance-mix-api"] & seen["nuance-mix-api-user"]
    assert {"none", "token", "oauth2", "/oauth/token"} <= seen["audiocodes-bot"]


# The wire


def by_authorize(at, connection, task) -> None:
    """The platform's door: we finish the request, somebody else sends it."""
    headers = (("Content-Type", "application/json"),) if task.body else ()
    request = TaskRequest(task.method, task.url, headers, task.body, path_template="{" in task.url)
    at.send(connection.authorize(request).result(10))


def by_httpx(at, connection, task) -> None:
    """The door for httpx clients."""
    path, _, query = task.url.partition("?")
    template = {"authweave": {"path": path}} if "{" in path else {}
    headers = {"Content-Type": "application/json"} if task.body else {}
    url = f"{path.replace('{', '').replace('}', '')}{'?' if query else ''}{query}"
    with at.client(connection) as client:
        client.request(task.method, url, headers=headers, content=task.body, extensions=template)


@pytest.mark.parametrize("door", [by_authorize, by_httpx])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_wire_carries_what_the_documentation_says(case: Case, door) -> None:
    """Every request of the conversation, byte for byte: request line, headers (none missing, none more), body."""
    hosts = {value for one in case.wire for name, value in one.headers if name == "host"}
    script = [Says(one.answer.status, one.answer.content, tuple(one.answer.headers), is_form=one.answer.is_form) for one in case.wire]

    with provider(hosts, script) as at:
        at.engine.foretells = not case.has_realm
        connection = at.engine.connect(case.profile, inputs=case.inputs, subject=case.subject or None)
        if case.browser:
            begun = connection.begin_authorization().result(10)
            assert is_like(case.browser.text, begun.url), begun.url
            connection.complete_authorization(case.back.replace("…", begun.state)).result(10)
        for task in case.tasks:
            at.clock.now += task.after
            door(at, connection, task)

    assert [one.line for one in case.wire] == [asked.line for asked in at.asked]
    for one, asked in zip(case.wire, at.asked, strict=True):
        assert one.is_met_by(headers_of(asked)), (one.line, one.headers, headers_of(asked))
        assert is_like(one.content.decode(), asked.body.decode()), (one.content, asked.body)


def headers_of(asked) -> list[tuple[str, str]]:
    """The headers but those that belong to whoever sends."""
    is_task = ("accept", "*/*") in [(name.lower(), value) for name, value in asked.headers]
    own = SENDERS_OWN | ({"accept"} if is_task else set())
    return sorted((name.lower(), value) for name, value in asked.headers if name.lower() not in own)


@every(
    "url",
    [
        "https://api.nuance.com/", "https://a.tts.api.nuance.com/", "https://tts.api.nuance.com.evil.example/",
        "https://tts.api.nuance.com:8443/", "http://tts.api.nuance.com/", "https://auth.crt.nuance.com/",
        "https://tts.api.nuance.co.uk/",
    ],
)  # fmt: skip
def test_a_credential_stays_on_its_servers(url: str) -> None:
    """Nuance Mix: exactly one label before api.nuance.com; a request to anywhere else is refused, and not sent."""
    with provider(MIX_HOSTS, [Says(200, MIX_TOKEN)]) as at:
        connection = at.engine.connect("nuance-mix-runtime", inputs=MIX)
        with pytest.raises((OriginRefused, UrlRefused)):
            connection.authorize(TaskRequest("GET", url)).result(10)

    assert set(at.lines()) <= {"POST /oauth2/token"}


@every("path", FILES, ids=named)
def test_the_check_of_a_profile_is_in_its_transcript(path: Path) -> None:
    """What `authweave test` asks the API for is one of the requests whose bytes are compared."""
    tests = yaml.safe_load(path.read_text())["test"]
    checks = [
        (one["request"].get("method", "GET"), one["request"]["url"])
        for one in (tests if isinstance(tests, list) else [tests] if isinstance(tests, dict) else [])
    ]
    tasks = [(task.method, task.url.partition("?")[0]) for case in CASES if case.profile == path.stem for task in case.tasks]

    assert [(method, url) for method, url in checks if not any(method == one and asked.endswith(url) for one, asked in tasks)] == []


def test_the_example_of_the_catalogue_page_reaches_the_other_geography(tmp_path: Path) -> None:
    """A profile that extends a shipped one is what the page says: other hosts, all else the same."""
    text = re.search(r"```yaml\n(.*?)```", CATALOGUE.read_text(), re.DOTALL)[1]
    file = tmp_path / "nuance-mix-runtime-uk.yaml"
    file.write_text(text)
    hosts = ("auth.crt.nuance.co.uk", "tts.api.nuance.co.uk")

    with provider(hosts, [Says(200, MIX_TOKEN), Says(200, {})]) as at:
        connection = at.engine.connect(file, inputs=MIX)
        at.send(connection.authorize(TaskRequest("GET", "https://tts.api.nuance.co.uk/api/v1/voices")).result(10))

    assert [[host] for host in hosts] == [asked.values("host") for asked in at.asked]
    assert at.asked[0].body == b"grant_type=client_credentials&scope=asr+nlu+tts+dlg+log"


# How they behave


def test_a_fifteen_minute_token_is_used_until_it_ends() -> None:
    """Nuance Mix: one token call serves every call until the last minute, in which a worker renews and nobody waits."""
    later = {**MIX_TOKEN, "access_token": "mix-token-2"}
    with provider(MIX_HOSTS, [Says(200, MIX_TOKEN), *[Says(200, {})] * 14, Says(200, later)]) as at:
        connection = at.engine.connect("nuance-mix-runtime", inputs=MIX)
        for _ in range(14):
            at.send(connection.authorize(VOICES).result(10))
            at.clock.now += 60
        assert ["POST /oauth2/token", *["GET /api/v1/voices"] * 14] == at.lines()

        at.clock.now += 31  # each worker begins somewhere in the first half of the window
        old = connection.authorize(VOICES).result(10)
        at.engine.flights.wait(10)
        new = connection.authorize(VOICES).result(10)

    assert old.header("Authorization") == "Bearer mix-token", "after 871 s the old token is still good, and is used"
    assert new.header("Authorization") == "Bearer mix-token-2"
    assert at.lines().count("POST /oauth2/token") == 2


def test_client_ids_with_colons_are_encoded_once() -> None:
    """Nuance Mix: plain, encoded in capitals or in small letters, the server reads the same client."""
    spellings = (MIX["client_id"], MIX["client_id"].replace(":", "%3A"), MIX["client_id"].replace(":", "%3a"))
    with provider(MIX_HOSTS, [Says(200, MIX_TOKEN)] * 3) as at:
        for spelling in spellings:
            at.engine.connect("nuance-mix-runtime", inputs={**MIX, "client_id": spelling}).token().result(10)

    sent = [base64.b64decode(asked.values("authorization")[0].removeprefix("Basic ")).decode() for asked in at.asked]
    assert [len(sent), sum("%25" in pair for pair in sent)] == [3, 0]
    assert {MIX["client_id"]} == {unquote_plus(pair.partition(":")[0]) for pair in sent}


@pytest.mark.parametrize("profile", ["nuance-mix-runtime", "nuance-mix-api"])
def test_a_token_that_dies_early_is_renewed_once(profile: str) -> None:
    """401 within the lifetime: one new token, one more try, the caller sees the good answer."""
    url = VOICES.url if profile == "nuance-mix-runtime" else "https://mix.api.nuance.com/v4/organizations"
    later = {**MIX_TOKEN, "access_token": "mix-token-2"}
    script = [Says(200, MIX_TOKEN), Says(401, {}), Says(200, later), Says(200, {"good": 1})]

    with provider((*MIX_HOSTS, "mix.api.nuance.com"), script) as at:
        connection = at.engine.connect(profile, inputs=MIX)
        with at.client(connection) as client:
            response = client.get(url)

    assert response.json() == {"good": 1}
    assert [line.split()[0] for line in at.lines()] == ["POST", "GET", "POST", "GET"]
    assert at.asked[3].values("authorization") == ["Bearer mix-token-2"]


def test_a_limit_at_the_token_endpoint_is_waited_for() -> None:
    """Nuance Mix allows 50 token requests a minute and address: 429 with Retry-After is obeyed, then tried again."""
    with provider(MIX_HOSTS, [Says(429, {}, (("Retry-After", "1"),)), Says(200, MIX_TOKEN)], clock=time.time) as at:
        began = time.monotonic()
        token = at.engine.connect("nuance-mix-runtime", inputs=MIX).token().result(20)
        took = time.monotonic() - began

    assert token.access_token.reveal() == "mix-token"
    assert at.lines() == ["POST /oauth2/token"] * 2
    assert took >= 1.0


def test_a_limit_beyond_the_deadline_fails_at_once_and_holds_for_everybody() -> None:
    """Retry-After of an hour: an error that says until when, and no request by anybody until then."""
    with provider(MIX_HOSTS, [Says(429, {}, (("Retry-After", "1800"),)), Says(200, MIX_TOKEN)]) as at:
        connection = at.engine.connect("nuance-mix-runtime", inputs=MIX)
        for _ in range(3):
            with pytest.raises(RateLimited) as caught:
                connection.authorize(VOICES).result(10)
            assert caught.value.retry_at == NOON + 1800
        assert len(at.asked) == 1

        at.clock.now = NOON + 1801
        request = connection.authorize(VOICES).result(10)

    assert request.header("Authorization") == "Bearer mix-token"
    assert len(at.asked) == 2


def test_kore_auth_error_status_code_renews_the_token() -> None:
    """Kore.ai, password grant: 419 from the API is what 401 is elsewhere: one refresh, one more try."""
    token = {"access_token": "kore-token-1", "token_type": "Bearer", "expires_in": 3600, "refresh_token": "kore-refresh-1"}
    script = [Says(200, token), Says(419, {}), Says(200, {**token, "access_token": "kore-token-2"}), Says(200, {"good": 1})]
    inputs = {"tenant": "acme", "username": "ada", "password": "open sesame", "pin": "1042", "gateway_key": "gw-5"}

    with provider(["acme.example.com"], script) as at:
        connection = at.engine.connect("kore-password", inputs=inputs, subject="ada")
        with at.client(connection) as client:
            response = client.get("/v1/me")

    assert response.json() == {"good": 1}
    assert [line.split()[1] for line in at.lines()] == ["/oauth/token", "/v1/me", "/oauth/refresh", "/v1/me"]
    assert at.asked[2].values("x-gateway-key") == ["gw-5"]


@pytest.mark.parametrize("name", ["kore-basic", "kore-password"])
def test_kore_form_fields_of_a_person_are_the_persons_own(name: str) -> None:
    """What a person fills in is asked of that person, and nobody goes on without saying who it is."""
    profile = load(profiles_folder() / f"{name}.yaml")

    assert profile.subject == "user"
    assert {"username", "password", "pin"} <= {key for key, each in profile.inputs.items() if each.supplied_by == "user"}
    assert {key: each.visibility for key, each in load(profiles_folder() / "kore-basic.yaml").inputs.items()}.items() >= {
        "site": "read_only", "channel": "hidden", "pin": "visible",
    }.items()  # fmt: skip


def vaic_script(*answers: Says) -> list[Says]:
    """Every token call gets a token with a number; API calls get `answers` in order."""
    numbered = [{"access_token": f"vaic-token-{n}", "token_type": "Bearer", "expires_in": 900} for n in (1, 2, 3)]
    return [says for token, answer in zip(numbered, answers, strict=False) for says in (Says(200, token), answer)]


def test_voiceai_connect_gets_one_new_token_and_one_more_try_after_401() -> None:
    """A refused token is replaced and the same request, body and all, is sent once more."""
    with provider([VAIC["host"]], vaic_script(Says(401, {}), Says(200, {"good": 1}))) as at:
        connection = at.engine.connect("audiocodes-voiceai-connect", inputs=VAIC)
        with at.client(connection) as client:
            response = client.post(
                "/api/v1/actions/dialout", content=b'{"bot":"my-bot"}', headers={"Content-Type": "application/json"}
            )

    assert response.status_code == 200
    assert response.extensions["authweave"].verdict == "accepted"
    assert [line.split()[1] for line in at.lines()] == ["/oauth/token", "/api/v1/actions/dialout"] * 2
    assert b'{"bot":"my-bot"}' == at.asked[1].body == at.asked[3].body
    sent = [asked.values("authorization") for asked in at.asked[1::2]]
    assert sent == [["Bearer vaic-token-1"], ["Bearer vaic-token-2"]]


def test_voiceai_connect_is_not_asked_a_third_time() -> None:
    """401 for the new token, too: the answer is given to the caller, and the verdict says refused."""
    with provider([VAIC["host"]], vaic_script(Says(401, {}), Says(401, {"why": "no"}))) as at:
        connection = at.engine.connect("audiocodes-voiceai-connect", inputs=VAIC)
        with at.client(connection) as client:
            response = client.get("/api/v1/calls")

    assert (response.status_code, response.json()) == (401, {"why": "no"})
    assert response.extensions["authweave"].verdict == "refused"
    assert len(at.asked) == 4


@pytest.mark.parametrize("mode", ["oauth2", "basic"])
def test_voiceai_connect_403_is_a_clear_error_and_no_retry(mode: str) -> None:
    """403: the application is known but not allowed (RFC 6750, 3.1). A new token could not help: none is asked for."""
    challenge = (("WWW-Authenticate", 'Bearer error="insufficient_scope", scope="dialout"'),)
    answers = vaic_script(Says(403, {}, challenge))
    with provider([VAIC["host"]], answers if mode == "oauth2" else answers[1:]) as at:
        connection = at.engine.connect("audiocodes-voiceai-connect", inputs={**VAIC, "mode": mode})
        with at.client(connection) as client:
            response = client.get("/api/v1/calls")

    judgement = response.extensions["authweave"]
    assert (response.status_code, judgement.verdict) == (403, "forbidden")
    assert isinstance(judgement.error, InsufficientScope)
    assert judgement.error.scope == "dialout"
    assert "dialout" in str(judgement.error)
    assert [line.split()[1] for line in at.lines()].count("/api/v1/calls") == 1
    assert (2 if mode == "oauth2" else 1) == len(at.asked)


def test_voiceai_connect_basic_only_reports_401() -> None:
    """There is nothing to renew: the answer comes back at once."""
    with provider([VAIC["host"]], [Says(401, {})]) as at:
        connection = at.engine.connect("audiocodes-voiceai-connect", inputs={**VAIC, "mode": "basic"})
        with at.client(connection) as client:
            response = client.get("/api/v1/calls")

    assert response.extensions["authweave"].verdict == "refused"
    assert len(at.asked) == 1


def test_a_platform_that_sends_by_itself_retries_the_same_way() -> None:
    """authorize → 401 → handle_response gives the request to send again, with the new token."""
    with provider([VAIC["host"]], vaic_script(Says(401, {}), Says(200, {}))) as at:
        connection = at.engine.connect("audiocodes-voiceai-connect", inputs=VAIC)
        task = TaskRequest("GET", "/api/v1/calls")
        answer = at.send(connection.authorize(task).result(10))
        judgement = connection.handle_response(task, answer).result(10)
        again = at.send(judgement.request)

    assert judgement.verdict == "send_again"
    assert again.status == 200
    assert at.asked[-1].values("authorization") == ["Bearer vaic-token-2"]


def test_the_body_of_a_kore_task_request_is_left_alone_where_it_cannot_have_fields() -> None:
    """GET and DELETE have no payload: header, query and path only."""
    inputs = {"tenant": "acme", "client_id": "kore-bot", "client_secret": "s", "gateway_key": "g", "employee": "7"}
    with provider(["acme.example.com"], [Says(200, {"access_token": "t", "expires_in": 60})]) as at:
        connection = at.engine.connect("kore-client-credentials", inputs=inputs)
        request = connection.authorize(TaskRequest("DELETE", "/v1/employees/{employee}", path_template=True)).result(10)

    assert request.url == "https://acme.example.com/v1/employees/7?api-version=2"
    assert request.body is None
