"""What goes wrong on the way: names, connections, proxies, deadlines. None of it says anything of the credential."""

from __future__ import annotations

from collections.abc import Callable

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


def _answered_by_nobody(case: Case) -> bool:
    """Did no resolver answer, so that nothing is known of the name?"""
    return case.detail == "timeout"


def _missing_name(case: Case) -> str:
    if _answered_by_nobody(case):
        return f"The resolver did not answer for {case.host}: nothing is known of the name. Credentials were not tested."
    why = "it exists, but has no address" if case.detail == "no_address" else "the resolver knows no such name (NXDOMAIN)"
    return f"Host {case.host} has no address: {why}. Credentials were not tested."


def _late(case: Case) -> str:
    """What may have happened at a server that did not answer in time: nothing, before it had the request."""
    if not _has_request(case):
        return f"Connected, but nothing could be asked in time: {case.what}. Credentials were not tested."
    spent = " What it presented (a code, or a refresh token that rotates) may be used up." if _presents_once(case) else ""
    return f"Connected, but no whole answer came in time: {case.what}.{spent}"


def _has_request(case: Case) -> bool:
    return case.stage in ("send", "headers", "body")


def _presents_once(case: Case) -> bool:
    """Does the token call present what may be good for one time only?"""
    return is_token_call(case) and (bool(case.facts.get("refresh")) or case.grant in ("refresh_token", "authorization_code", "device_code"))


def _is_clear_text(case: Case) -> bool:
    return case.detail == "scheme"


def _is_by_policy(case: Case) -> bool:
    return case.detail == "policy"


def _from_environment(case: Case) -> bool:
    """Was the proxy named by a variable, so that another one can except a host?"""
    return case.proxy_from.lower().endswith("_proxy")


def _around(case: Case) -> str:
    """How to go around the proxy, in the words of where it was named."""
    excepting = f"set NO_PROXY={case.host} if the host is reached without it" if _from_environment(case) else "write `none` to go direct"
    return f"{excepting}; the proxy came from {case.proxy_from}"


def _credentials(case: Case) -> str:
    written = "set" if _from_environment(case) else "write"
    return f"{written} http://user:password@host:port in {case.proxy_from}, characters such as @ and : in them percent-encoded"


def _unasked(case: Case) -> bool:
    return not _has_request(case)


def _both(one: Callable[[Case], bool], other: Callable[[Case], bool]) -> Callable[[Case], bool]:
    return lambda case: one(case) and other(case)


_HOST_INPUT = Remedy("inputs.*", "the value of this input makes the host: is it right?", lambda case: bool(case.facts.get("host_inputs")))
_ONLINE = Remedy(
    "settings: proxy", "is this machine online, and does its resolver answer? Name the proxy, if names are resolved only behind one (or connect the VPN)", _answered_by_nobody
)

ENTRIES = table(
    Entry("dns_failure", _missing_name, (
        _ONLINE,
        _HOST_INPUT,
        *at_url("correct the host name {host}"),
        Remedy("settings: proxy", "name the proxy, if this network resolves names only behind one (or connect the VPN)"),
    ), retry="only if the resolver did not answer"),
    Entry("connect_refused", "Nothing listens on {host} at that port: {what}. Credentials were not tested.", (
        *at_url("correct host or port"),
        Remedy("settings: proxy", "name the proxy, if this network has one"),
    ), retry=LATER),
    Entry("connect_timeout", "{host} cannot be reached: {what}. Credentials were not tested.", (
        Remedy("settings: proxy", "name the proxy, if a firewall lets nothing else out"),
        *at_url("correct host or port"),
        Remedy("settings: deadline", "allow more seconds"),
    ), retry=LATER),
    Entry("connect_unreachable", "There is no way from this machine to {host}: {what}. Credentials were not tested.", (
        *at_url("correct the host"),
        Remedy("settings: proxy", "name the proxy, if this network has one (or connect the VPN)"),
    ), retry=LATER),
    Entry("connect_reset", "{host} or a firewall reset the connection: {what}. Credentials were not tested.", (
        Remedy("settings: proxy", "name the proxy, if a firewall lets nothing else out: many reset what they do not want"),
        *at_url("correct host or port"),
    ), retry=LATER),
    Entry("connection_lost", "The connection ended without an answer: {what}.", at_url("is this the right port and path?"), retry="once, if repeating is harmless"),
    Entry("not_http", "What came back is not HTTP: {what}.", at_url("correct the port; something else listens there"), retry="no"),
    Entry("answer_too_large", "The answer is too large to be one: {what}.", at_url("is this the right path? a token answer has a few KiB"), retry="no"),
    Entry("egress_refused", "This address may not be called, so nothing was sent: {what}.", (
        *(Remedy(one.key, "write https:// in the place of http://", _both(one.when, _is_clear_text)) for one in at_url("")),
        *at_url("name a host that may be called from here"),
        Remedy("settings: egress", "an operator says which calls may be made: open, strict, or a policy of the host's own", _is_by_policy),
        Remedy("settings: egress_ports", "an operator can let calls go to this port", lambda case: _is_by_policy(case) and "egress_ports" in case.what),
        Remedy("settings: egress_proxies", "an operator can list this proxy, or name another one", lambda case: case.detail == "proxy"),
    ), retry="no"),
    Entry("read_timeout", _late, (
        *(Remedy(one.key, "is this the right port? what listens there does not end the handshake", _both(one.when, _unasked)) for one in at_url("")),
        Remedy("settings: deadline", "allow more seconds", is_token_call),
        Remedy("settings: test_deadline", "allow more seconds for the whole run, or `--deadline`"),
        *at_url("is this the right port and path?"),
    ), retry="only for grants that may be repeated"),
    Entry("proxy_credentials", "The proxy wants credentials, or does not accept those it got: {what}.", (
        Remedy("settings: proxy", _credentials),
    ), retry="no"),
    Entry("proxy_refused", "The proxy refused the way to {host}: {what}.", (
        Remedy("settings: proxy", _around), *at_url("correct host or port: proxies let few ports through"),
    ), retry="no"),
    Entry("proxy_unreachable", "The proxy cannot be reached, so {host} was not called: {what}.", (
        Remedy("settings: proxy", lambda case: f"correct host and port of the proxy, or {_around(case)}"),
    ), retry=LATER),
    Entry("proxy_protocol", "The proxy does not answer as a proxy: {what}.", (
        Remedy("settings: proxy", lambda case: f"name the port where it speaks HTTP (3128 and 8080 are usual), or {_around(case)}"),
    ), retry="no"),
    Entry("proxy_invalid", "The proxy setting cannot be used: {what}.", (Remedy("settings: proxy", "write http://host:port; it came from {proxy_from}"),), retry="no"),
    Entry("network", "The call got no usable answer: {what}.", at_url("is this the right URL?"), retry=LATER),
)  # fmt: skip
