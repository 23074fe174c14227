"""`authweave new`: a profile that is valid from its first minute on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import click

from authweave.cli.beginning.contents import OPTION_OF, Contents, contents_options
from authweave.cli.beginning.target import Target
from authweave.cli.common import Exit, Place, at_terminal, command_of, complain
from authweave.cli.options import Calling, calling_options

if TYPE_CHECKING:
    from authweave.starting.making import Made
    from authweave.starting.start import Start

EXAMPLES: Final = """\
authweave new acme                                       asks what it needs to know
authweave new acme --from https://login.acme.example     endpoints, grants, scopes by metadata
authweave new crm --from https://crm.acme.example/mcp    by what a resource (an MCP server) says
authweave new my-bot --like nuance-mix-runtime           a copy, comments and all
authweave new my-bot --like kore-basic --extends         a small child of it
authweave new acme --grant client_credentials --token-url https://login.acme.example/token \\
    --scope read --server https://api.acme.example --test-url /v1/me
"""
NOBODY: Final = (
    "nobody can be asked here (this is no terminal): say --from URL, --like PROFILE, or --type and --grant with --token-url, "
    "--scope, --field, --server and --test-url"
)


@command_of("new", examples=EXAMPLES)
@click.argument("name", required=False)
@click.option("--from", "source", metavar="URL", help="An issuer, its metadata, or a resource: what it says of itself fills the file.")
@click.option("--like", metavar="PROFILE", help="Begin with a copy of this one: a name, or a file.")
@click.option("--extends", is_flag=True, help="With --like: a small file that extends it, not a copy.")
@click.option("-o", "--output", metavar="FILE", default="", help="Where to write; a folder, or - for stdout. Else ./profiles, if it is there, or here.")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@click.option("--no-ask", is_flag=True, help="Ask nothing, and do not offer the test.")
@contents_options
@calling_options
def command(
    name: str | None, source: str | None, like: str | None, extends: bool, output: str, force: bool, no_ask: bool, contents: Contents, place: Calling
) -> Exit:
    """Write a profile: from a provider's metadata, like another profile, or from answers to a form.

    NAME is what the profile and its file are called. What is written is always valid; what is not known stands there as
    a comment. A secret is never asked for and never written: the end says where secrets go, and offers the test.
    """
    may_ask = at_terminal() and not no_ask
    if source and like:
        raise click.UsageError("--from or --like, not both")
    if source and (contents.issuer or contents.resource or contents.type_ not in ("", "oauth2")):
        raise click.UsageError("--from finds the issuer or resource of an oauth2 profile: leave out --issuer, --resource and another --type")
    if extends and not like:
        raise click.UsageError("--extends goes with --like PROFILE")
    if not may_ask and not (source or like or contents.is_complete):
        raise click.UsageError(NOBODY)
    name = _named(name, may_ask)
    target, made = _made(name, source, like, extends, output, force, contents, place, may_ask)
    refuse_wrong(made)
    target.write(made.text)
    return _ended(made, target, may_ask, strict=place.strict)


def _made(
    name: str, source: str | None, like: str | None, extends: bool, output: str, force: bool, contents: Contents, place: Place, may_ask: bool
) -> tuple[Target, Made]:
    """The text, and where it goes."""
    if like:
        from authweave.cli.beginning.liking import liked

        return liked(name, like, extends, output, force, contents, place, may_ask)
    from authweave.starting.making import made
    from authweave.starting.page import schema_beside

    target = Target.of(name, output, force)
    if target.path is not None and target.path.suffix.lower() == ".json":
        raise click.UsageError(f"{target.path}: new writes YAML, where comments can teach; JSON only --like a profile in JSON")
    start = contents.start(name)
    contents.check(start)
    start = _from(start, source, place, may_ask) if source else _asked(start, contents, may_ask)
    folders = (target.folder, *place.profiles_dir)
    return target, made(_whole(start), schema=schema_beside(target.folder), folders=folders)


def _named(name: str | None, may_ask: bool) -> str:
    """The name, which is that of a file: checked before anything else is asked. Raises click.UsageError."""
    from authweave.starting.naming import wrong_name

    if name is None and may_ask:
        from authweave.cli.beginning.terminal import ask, tell

        while wrong := wrong_name(typed := ask("Name", "a-z, 0-9 and -; the file is called like it", "")):
            tell(wrong)
        return typed
    if name is None:
        raise click.UsageError("say NAME: what the profile and its file are called")
    if wrong := wrong_name(name):
        raise click.UsageError(wrong)
    return name


def _asked(start: Start, contents: Contents, may_ask: bool) -> Start:
    """The content as the options say it, or as the form does."""
    if contents.is_complete or not may_ask:
        return start
    from authweave.cli.beginning.terminal import INTRODUCTION, ask, tell
    from authweave.starting.filling import filled
    from authweave.starting.form import FORM

    tell(INTRODUCTION)
    return filled(start, FORM, ask, tell)


def _from(start: Start, url: str, place: Place, may_ask: bool) -> Start:
    """The content with what a provider says; a person is asked for what no provider knows. Raises DiscoveryError with what to write instead."""
    from authweave.cli.beginning.asking import provider_at
    from authweave.starting.providing import provided

    whole, told = provided(start, provider_at(url, place, start.name))
    for words in told:
        complain(words)
    from authweave.starting.form import left_open

    questions = left_open(whole, is_named=bool(start.identity_provider)) if may_ask else ()
    if not questions:
        return whole
    from authweave.cli.beginning.terminal import INTRODUCTION, ask, tell
    from authweave.starting.filling import filled

    tell(INTRODUCTION)
    return filled(whole, questions, ask, tell)


def _whole(start: Start) -> Start:
    """With what every profile must say, where nobody said it."""
    import dataclasses

    from authweave.starting.inputs import titled

    grant = start.grant or ("client_credentials" if start.type == "oauth2" else "")
    return dataclasses.replace(start, grant=grant, identity_provider=start.identity_provider or titled(start.name.replace("-", " ")))


def refuse_wrong(made: Made) -> None:
    """Raises click.UsageError with everything that keeps the text from being a profile, each with the option it comes from."""
    if not made.errors:
        return
    lines = []
    for problem in made.errors:
        key = next((key for key in sorted(OPTION_OF, key=len, reverse=True) if problem.key == key or problem.key.startswith((f"{key}.", f"{key}["))), "")
        fix = f"; {problem.fix}" if problem.fix else ""
        lines.append(f"{OPTION_OF.get(key, problem.key)}: {problem.message}{fix}")
    raise click.UsageError("this would be no valid profile, and was not written:\n" + "\n".join(dict.fromkeys(lines)))


def _ended(made: Made, target: Target, may_ask: bool, *, strict: bool) -> Exit:
    from authweave.cli.beginning.ending import test_offered, told

    told(made, target.path)
    if target.path is None or made.checked.data.get("abstract") is True:
        return Exit.OK
    from authweave.loading import profile_of

    profile = profile_of(made.checked)
    signs_in = any(variant.tokens is not None and variant.tokens.signs_in for variant in profile.variants)
    return test_offered(target.path, "me" if profile.subject == "user" else "", signs_in=signs_in, may_ask=may_ask, strict=strict)
