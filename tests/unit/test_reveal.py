"""Where secrets are opened: one list, with the reason for each place."""

from __future__ import annotations

import ast
from pathlib import Path

import authweave
from thorough import every

ROOT = Path(authweave.__file__).parent
BY_REASON = {
    "it is the value itself": (
        "values.py:Secret", "values.py:Secret.__init__", "values.py:Secret.reveal",
    ),
    "bytes are made for the wire of it": (
        "bodies/json.py:_plain", "call.py:TokenCall.text", "contracts.py:Signing.text", "discovery/registration.py:Client.inputs",
        "drafts/fields.py:_looked_up", "drafts/texts.py:text_for", "mutual_tls/wires.py:_value",
    ),
    "a signature or a proof is made with it, or it is sealed for the store": (
        "proofs/dpop.py:is_key", "proofs/dpop.py:key_thumbprint", "proofs/dpop.py:proof", "tokens/records.py:_open", "seals/aws_sigv4.py:_revealed", "seals/oauth1.py:_of_step",
        "seals/oauth1.py:_token", "applying/signing_string.py:signature",
    ),
    "it is compared, measured, fingerprinted or checked, and only the verdict goes on": (
        "assertions/describing.py:_certificates", "connections/token_keys.py:_text", "probe/token_checks.py:_claims", "values.py:Secret.kind", "values.py:Secret.length",
        "values.py:Secret.mark", "values.py:Secret.matches", "values.py:spent_mark",
    ),
    "it is looked for in texts, to be hidden there": (
        "probe/asserted.py:members_of", "probe/known.py:Known.learn", "redaction/marks.py:plain",
    ),
    "a template, an input or a source reads it: what comes out is a Secret again, or goes where the profile says": (
        "inputs/__init__.py:Resolved._found", "sources/mapping.py:MappingSource.get_for_subject", "templates/expressions.py:_Compiler._item_of.run",
        "templates/closures.py:_run_long_path.run", "templates/closures.py:path_of", "templates/closures.py:path_of.run",
        "templates/operators.py:item", "templates/operators.py:revealed",
    ),
    "a sign-in: the redirect URI that the profile writes, and what the redirect brought, which becomes Secrets": (
        "cli/signing_in.py:written_redirect", "preview/stand_ins.py:offline_consent", "sign_in/completing.py:Completing._consent", "sign_in/beginning.py:Beginning._redirect",
        "sign_in/completing.py:_kept",
    ),
    "an input that the profile does not call secret, in the command that repeats a run": ("probe/telling.py:command_again",),
    "a person asked to see it, by --reveal": ("cli/token.py:command", "cli/token.py:facts"),
    "throw-away values: of the sandbox, and of the suites for extensions": (
        "sandbox/account.py:_inputs", "sandbox/registered.py:plain", "sandbox/shown.py:_value", "sandbox/verifiers/case.py:Case.own",
        "testing/source.py:SourceContract.test_after_a_fork", "testing/source.py:SourceContract.test_it_has_the_value",
        "testing/source.py:SourceContract.test_many_threads_ask", "testing/source.py:SourceContract.test_whatever_the_names",
    ),
}
"""Every function that opens a Secret, under its reason."""
ALLOWED = {place for places_of in BY_REASON.values() for place in places_of}
TO_DO = (
    "opens a Secret. Pass the Secret on instead: fields, parameters and templates take it as it is, `matches` compares, `mark` and `fingerprint` name it, "
    "`length` measures it. If bytes for the wire really are made here, add the function to BY_REASON."
)


def places(tree, file):
    """Each function that opens a Secret: by calling `reveal`, by taking it as a value, or by reaching for the hidden slot."""

    def walk(node, name):
        for child in ast.iter_child_nodes(node):
            inner = f"{name}.{child.name}".lstrip(".") if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else name
            if opens(child):
                yield f"{file}:{inner}"
            yield from walk(child, inner)

    return walk(tree, "")


def opens(node):
    """Does this node of a syntax tree open a Secret?"""
    if isinstance(node, ast.Attribute):
        return node.attr in ("reveal", "_Secret__value", "__value")
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Name) and node.func.id == "revealed"
    return isinstance(node, ast.Constant) and node.value in ("reveal", "_Secret__value")


def all_places():
    found = set()
    for path in sorted(ROOT.rglob("*.py")):
        found |= set(places(ast.parse(path.read_text()), path.relative_to(ROOT).as_posix()))
    return found


def test_secrets_are_opened_where_the_list_says():
    """Every place that opens a Secret is known, with a reason; a new one fails here, and so does one that is gone."""
    found = all_places()

    assert not (new := sorted(found - ALLOWED)), "\n".join(f"{place} {TO_DO}" for place in new)
    assert not (gone := sorted(ALLOWED - found)), f"opens no Secret any more, so take it off the list: {gone}"


@every("code", [
    "def f(s):\n    return s.reveal()",
    "def f(s):\n    take = s.reveal\n    return take()",
    "def f(s):\n    return getattr(s, 'reveal')()",
    "def f(s):\n    return operator.methodcaller('reveal')(s)",
    "def f(s):\n    return s._Secret__value",
    "def f(s):\n    return object.__getattribute__(s, '_Secret__value')",
    "def f(s):\n    return revealed(s)",
    "def f(s):\n    return Secret.reveal(s)",
    "async def f(s):\n    return [one.reveal() for one in s]",
])  # fmt: skip
def test_no_way_around_goes_unseen(code):
    """An alias, a look-up by name and the hidden slot count as a call does."""
    assert {"here.py:f"} == set(places(ast.parse(code), "here.py"))


def test_what_opens_nothing_is_left_alone():
    """Another `get`, a word in a sentence, a mention in a docstring."""
    assert not set(places(ast.parse('def f(s):\n    """reveal() is called elsewhere"""\n    return s.get("x"), "not revealed"'), "here.py"))
