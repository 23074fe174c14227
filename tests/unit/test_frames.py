"""What a host hands over stands in no frame of an error that authweave raises at once, and in no attribute that monitors look into."""

from __future__ import annotations

import json

from authweave import Engine, Settings, TaskRequest, loads
from authweave.errors import AuthweaveError
from leaking import Search
from services import engine

PLANTED = "Pw0815Kz7-4711xQ-zz99"
SEARCH = Search({"what was handed over": PLANTED})
PROFILE = {
    "format": 1, "name": "acme", "identity_provider": "A", "servers": ["https://api.example.com"],
    "auth": {"type": "oauth2", "grant_type": "client_credentials", "token_url": "https://id.example.com/t"},
}  # fmt: skip
INPUTS = {"client_id": "robot", "client_secret": PLANTED}


def of_user():
    signs_in = {"type": "oauth2", "grant_type": "authorization_code", "authorization_url": "https://id.example.com/a", "token_url": "https://id.example.com/t"}
    return loads(json.dumps({**PROFILE, "subject": "user", "auth": signs_in}), "acme.json")


def of_client():
    return loads(json.dumps(PROFILE), "acme.json")


def closed():
    run = engine()
    run.close()
    return run


CASES = {
    "an unknown input": lambda run: run.connect(of_client(), inputs={**INPUTS, "typo": 1}),
    "servers that are none": lambda run: run.connect(of_client(), inputs=INPUTS, servers=["ftp://x"]),
    "servers as a text": lambda run: run.connect(of_client(), inputs=INPUTS, servers="x"),
    "no user": lambda run: run.connect(of_user(), inputs=INPUTS, subject=None),
    "a tenant that is none": lambda run: run.connect(of_client(), inputs=INPUTS, tenant=3),
    "inputs as a list": lambda run: run.connect(of_client(), inputs=[PLANTED]),
    "an engine that was closed": lambda run: closed().connect(of_client(), inputs=INPUTS),
    "an unknown profile": lambda run: run.connect("nobody", inputs=INPUTS),
    "the URL of a store": lambda run: Engine(store=f"redis://:{PLANTED}@h:99999"),
    "the URL of a proxy": lambda run: Engine(proxy=f"http://u:{PLANTED}@h:99999"),
    "a setting that is none": lambda run: Engine(dedline=3, inputs=INPUTS),
    "settings": lambda run: Settings.load({"store": f"redis://:{PLANTED}@h/x", "deadline": "x"}, env={}),
    "variables": lambda run: Settings.load({}, env={"AUTHWEAVE_ACME_CLIENT_SECRET": PLANTED, "AUTHWEAVE_DEADLINE": "x"}),
    "an answer with a made-up state": lambda run: run.complete_authorization(f"https://x.example/cb?code={PLANTED}&state=x", session=PLANTED, inputs=INPUTS).result(5),
    "an answer to a connection": lambda run: run.connect(of_user(), subject="a", inputs=INPUTS).complete_authorization({"code": PLANTED, "state": "x" * 86}, session=PLANTED).result(5),
    "a redirect URI that is none": lambda run: run.connect(of_user(), subject="a", inputs=INPUTS).begin_authorization(session=PLANTED, redirect_uri="x").result(5),
    "a response that is none": lambda run: run.connect(of_client()).handle_response(TaskRequest("GET", "https://api.example.com", {"X": PLANTED}), PLANTED).result(5),
    "another server": lambda run: run.connect(of_client(), inputs=INPUTS).authorize(TaskRequest("GET", f"https://evil.example/{PLANTED}", {"X": PLANTED})).result(5),
}  # fmt: skip


def shown(error):
    """Its words, and the local variables of every frame of ours, as monitors show them: of its causes and contexts, too."""
    seen = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield f"{error} {error.args!r} {vars(error)!r}"
        trace = error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_globals.get("__name__", "").startswith("authweave"):
                yield f"{trace.tb_frame.f_code.co_qualname}: {trace.tb_frame.f_locals!r}"
            trace = trace.tb_next
        error = error.__cause__ or error.__context__


def raised_by(case, run):
    """What it raises, with its frames; None for nothing."""
    try:
        case(run)
    except AuthweaveError as error:
        return error
    return None


def test_no_frame_of_an_error_holds_what_was_handed_over():
    """Inputs, URLs with a password, answers and browser sessions, at each call that refuses them at once."""
    wrong = {}
    for name, case in CASES.items():
        with engine() as run:
            error = raised_by(case, run)
        wrong |= {f"{name}, {text.partition(':')[0]}": found for text in shown(error) if (found := SEARCH.found(text))}
        wrong |= {} if error is not None else {name: "nothing was raised"}

    assert {} == wrong


def test_a_connection_shows_no_input_in_its_attributes():
    """`vars()`, which monitors look into, has names."""
    with engine() as run:
        connection = run.connect(of_client(), inputs=INPUTS)
        SEARCH.refuse({"vars": repr(vars(connection)), "given": f"{connection.given}"})
        assert ("Given(client_id, client_secret)", PLANTED) == (repr(connection.given), connection.given["client_secret"])
