"""What goes wrong on the way: names, connections, proxies, deadlines. None of it says anything of the credential."""

from __future__ import annotations

from authweave.diagnosis.case import Case
from authweave.diagnosis.entry import Entry, Remedy, table

LATER = "yes, later"


def is_token_call(case: Case) -> bool:
    """Was it the token endpoint that was called?"""
    return bool(case.facts.get("token_call"))


def is_step(case: Case, phase: str) -> bool:
    """Was it a step before (or after) the token request?"""
    return f".{phase}[" in str(case.facts.get("step_key", ""))


def is_api_call(case: Case) -> bool:
    """Was it the API that was called?"""
    return not is_token_call(case)


def at_url(say: str) -> tuple[Remedy, ...]:
    """The key that holds the URL which was called."""
    return (
        Remedy("auth.before", f"request.url of this step: {say}", lambda case: is_step(case, "before")),
        Remedy("auth.after", f"request.url of this step: {say}", lambda case: is_step(case, "after")),
        Remedy("auth.token_url", say, lambda case: is_token_call(case) and not case.facts.get("refresh") and not case.facts.get("step")),
        Remedy("auth.refresh_url", say, lambda case: bool(case.facts.get("refresh"))),
        Remedy("test.request.url", say, lambda case: is_api_call(case) and case.facts.get("absolute_test", False)),
        Remedy("servers", say, is_api_call),
    )  # fmt: skip


def _missing_name(case: Case) -> str:
    if case.detail == "timeout":
        return f"The resolver did not answer for {case.host} in time. Credentials were not tested."
    why = "it exists, but has no address" if case.detail == "no_address" else "the resolver knows no such name (NXDOMAIN)"
    return f"Host {case.host} has no address: {why}. Credentials were not tested."


_PROXY = "Look at `proxy`; it came from {proxy_from}."
_NO_PROXY = "say `none` to go direct, or except the host with NO_PROXY; the proxy came from {proxy_from}"

ENTRIES = table(
    Entry("dns_failure", _missing_name, (
        Remedy("inputs.*", "the value of this input makes the host: is it right?", lambda case: bool(case.facts.get("host_inputs"))),
        *at_url("correct the host name {host}"),
        Remedy("settings: proxy", "name the proxy, if this network resolves names only behind one (or connect the VPN)"),
    ), retry="only if the resolver did not answer"),
    Entry("connect_refused", "Nothing listens on {host} at that port: {what}.", (
        *at_url("correct host or port"),
        Remedy("settings: proxy", "name the proxy, if this network has one"),
    ), retry=LATER),
    Entry("connect_timeout", "{host} cannot be reached: {what}.", (
        Remedy("settings: proxy", "name the proxy, if a firewall lets nothing else out"),
        *at_url("correct host or port"),
        Remedy("settings: deadline", "allow more seconds"),
    ), retry=LATER),
    Entry("connect_unreachable", "There is no way from this machine to {host}: {what}.", (
        *at_url("correct the host"),
        Remedy("settings: proxy", "name the proxy, if this network has one (or connect the VPN)"),
    ), retry=LATER),
    Entry("connect_reset", "{host} or a firewall reset the connection: {what}.", (
        *at_url("correct host or port"), Remedy("settings: proxy", "name the proxy, if this network has one"),
    ), retry=LATER),
    Entry("connection_lost", "The connection ended without an answer: {what}.", at_url("is this the right port and path?"), retry="once, if repeating is harmless"),
    Entry("not_http", "What came back is not HTTP: {what}.", at_url("correct the port; something else listens there"), retry="no"),
    Entry("answer_too_large", "The answer is too large to be one: {what}.", at_url("is this the right path? a token answer has a few KiB"), retry="no"),
    Entry("egress_refused", "This address may not be called: {what}.", at_url("write https, and a host that may be called"), retry="no"),
    Entry("read_timeout", "Connected, but no whole answer came in time: {what}. The server may have processed the request.", (
        Remedy("settings: deadline", "allow more seconds", is_token_call),
        Remedy("settings: test_deadline", "allow more seconds for the whole run, or `--deadline`"),
        *at_url("is this the right port and path?"),
    ), retry="only for grants that may be repeated"),
    Entry("proxy_credentials", "The proxy wants credentials, or does not accept those it got: {what}.", (Remedy("settings: proxy", "write http://user:password@host:port; it came from {proxy_from}"),), retry="no"),
    Entry("proxy_refused", "The proxy refused the way to {host}: {what}.", (
        Remedy("settings: proxy", _NO_PROXY), *at_url("correct host or port: proxies let few ports through"),
    ), retry="no"),
    Entry("proxy_unreachable", "The proxy cannot be reached, so {host} was not called: {what}.", (Remedy("settings: proxy", _NO_PROXY),), retry=LATER),
    Entry("proxy_protocol", "The proxy does not answer as a proxy: {what}.", (Remedy("settings: proxy", _NO_PROXY),), retry="no"),
    Entry("proxy_invalid", "The proxy setting cannot be used: {what}.", (Remedy("settings: proxy", "write http://host:port; it came from {proxy_from}"),), retry="no"),
    Entry("network", "The call got no usable answer: {what}.", at_url("is this the right URL?"), retry=LATER),
)  # fmt: skip
