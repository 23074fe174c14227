"""Asking for metadata, and remembering them: in memory, and in the store for everybody."""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from authweave.answers.responses import NotJson, content_type, parse_answer
from authweave.discovery.ages import AGAIN, LONGEST, STALE, fresh_for
from authweave.discovery.metadata import Metadata, read_metadata, refuse_named
from authweave.discovery.places import issuer_places, resource_place
from authweave.discovery.resources import Resource, fact_of_resource, metadata_place
from authweave.drafts.draft import Placed
from authweave.egress.errand import calling_for
from authweave.errors import DiscoveryError, StoreUnavailable, WireError
from authweave.machine.forks import Lock
from authweave.times import is_ahead
from authweave.values import TaskRequest, TaskResponse

if TYPE_CHECKING:
    from authweave.tokens.ledger import Ledger

MOST: Final = 1000
LARGEST: Final = 256 * 1024
"""Bytes of metadata that are looked at."""
EVERYBODY: Final = "\0everybody"
SOMEBODY: Final = "\0somebody"
"""To whom a server said that it fails: that counts for those who have older metadata, too, and lose nothing by not asking."""
NO_ANSWER: Final = frozenset({"unreachable", "not_found", "unreadable"})
"""Failures during which older metadata go on; a server that says what must not be believed is another matter."""

Exchange = Callable[[TaskRequest, float, tuple[Placed, ...]], TaskResponse]
Refuses = Callable[[str], str | None]
"""Why a URL that metadata name may not be called; None for nothing."""


@dataclass(frozen=True, slots=True)
class Asking:
    """How to ask: what sends, until when (`time.monotonic`), and the key of the profile that says whom.

    `trust` names what the answer rests on, if that is not the operator's own authorities: it is kept apart then. `tenant` is
    for whom: limits, ports and time that was left are his own, and so is a failure for their sake.
    """

    exchange: Exchange
    end: float
    key: str
    trust: str = ""
    tenant: str = ""

    def get(self, url: str) -> TaskResponse:
        """The answer to a GET without credentials, whatever its status. Raises DiscoveryError where there is none."""
        request = TaskRequest("GET", url, (("Accept", "application/json"),))
        wrong, retry = "", False
        try:
            with calling_for("discovery"):
                return self.exchange(request, self.end - time.monotonic(), (Placed("url", "", self.key, secret=False),))
        except WireError as error:
            wrong, retry = str(error), error.retry
        raise DiscoveryError("unreachable", f"{shown(url)} gives no answer: {wrong}", url=shown(url), retry=retry)


@dataclass(frozen=True, slots=True)
class Known:
    """Something found, when, and until when it is fresh (Unix seconds)."""

    fact: Mapping[str, Any]
    at: float
    until: float


class Finder:
    """Metadata of issuers and resources, for every connection of an engine. Blocking; safe for threads.

    What is found is used until it is stale, then asked for again; where nobody answers, older goes on for a week. A
    server that failed is left alone for half a minute: by everybody where it said that there is nothing, else by the tenant for whom it
    failed or gave no answer: that passes, and may be his own doing. Two workers that ask at once both do. `refuses` is asked about each
    URL that metadata name, those that nobody here calls among them.
    """

    def __init__(self, ledger: Ledger | None, clock: Callable[[], float] = time.time, refuses: Refuses | None = None) -> None:
        self._ledger = ledger
        self.refuses = refuses
        self._clock = clock
        self._lock = Lock()
        self._known: OrderedDict[str, Known] = OrderedDict()
        self._failed: OrderedDict[tuple[str, str], tuple[DiscoveryError, float]] = OrderedDict()

    def metadata(self, issuer: str, asking: Asking, *, than: Metadata | None = None) -> Metadata:
        """The metadata of an issuer; asked for anew if those at hand are the ones `than` which there should be others. Raises DiscoveryError."""
        wrong = than.as_fact() if than else None
        return Metadata.of_fact(self._found(_name("metadata", issuer, asking.trust), asking.tenant, lambda: _asked_issuer(issuer, asking, self.refuses), lambda fact: _is_of(fact, issuer), wrong))

    def issuer_of(self, resource: str, asking: Asking) -> str:
        """The issuer of the authorization server of a protected resource. Raises DiscoveryError."""
        return self.resource(resource, asking).issuer

    def resource(self, resource: str, asking: Asking) -> Resource:
        """What a protected resource says of itself. Raises DiscoveryError."""
        fact = self._found(_name("resource", resource, asking.trust), asking.tenant, lambda: _asked_resource(resource, asking, self.refuses), lambda fact: isinstance(fact.get("issuer"), str))
        return Resource.of_fact(resource, fact)

    def known(self, issuer: str, trust: str = "") -> Metadata | None:
        """The metadata of an issuer that are in memory; nobody is asked."""
        known = self._known.get(_name("metadata", issuer, trust))
        return Metadata.of_fact(known.fact) if known is not None and _is_of(known.fact, issuer) else None

    def known_issuer(self, resource: str, trust: str = "") -> str:
        """The issuer that a resource named, if that is in memory; else ''."""
        known = self._known.get(_name("resource", resource, trust))
        return str(known.fact.get("issuer", "")) if known is not None else ""

    def _found(
        self, name: str, tenant: str, ask: Callable[[], tuple[Mapping[str, Any], float]], is_good: Callable[[Mapping[str, Any]], bool],
        wrong: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:  # fmt: skip
        """What is known and fresh, else what is asked for. What has proved `wrong` is asked for again, but not every time."""
        now = self._clock()
        old = self._at_hand(name, is_good)
        if old is not None and is_ahead(old.until, now, LONGEST) and (dict(old.fact) != wrong or is_ahead(old.at + AGAIN, now, AGAIN)):
            self._remember(name, tenant, old)
            return old.fact
        failure = self._failure(name, (tenant, EVERYBODY, SOMEBODY) if old is not None and now < old.at + STALE else (tenant, EVERYBODY), now)
        if failure is None:
            try:
                fact, seconds = ask()
            except DiscoveryError as error:
                failure = error.fresh()
                self._note_failure(name, tenant, failure)
            else:
                self._keep(name, tenant, Known(fact, now, now + seconds))
                return fact
        if old is not None and failure.kind in NO_ANSWER and now < old.at + STALE:
            return old.fact
        raise failure.fresh()

    def _at_hand(self, name: str, is_good: Callable[[Mapping[str, Any]], bool]) -> Known | None:
        """The newest that is known, here or to another process."""
        mine = self._known.get(name)
        if mine is not None and is_ahead(mine.until, self._clock(), LONGEST) and is_good(mine.fact):
            return mine
        found = [known for known in (mine, self._stored(name)) if known is not None and is_good(known.fact)]
        return max(found, key=lambda known: known.at, default=None)

    def _stored(self, name: str) -> Known | None:
        """What another process found."""
        if self._ledger is None or not self._ledger.is_shared:
            return None
        with suppress(StoreUnavailable):
            said = self._ledger.noted(name)
            with suppress(KeyError, TypeError, ValueError, AttributeError):
                return Known(_checked(said["fact"]), float(said["at"]), float(said["until"])) if said else None
        return None

    def _keep(self, name: str, tenant: str, known: Known) -> None:
        self._remember(name, tenant, known)
        if self._ledger is not None and self._ledger.is_shared:
            with suppress(StoreUnavailable):
                self._ledger.note(name, {"fact": known.fact, "at": known.at, "until": known.until}, STALE)

    def _remember(self, name: str, tenant: str, known: Known) -> None:
        with self._lock:
            for whose in {tenant, EVERYBODY, SOMEBODY}:
                self._failed.pop((whose, name), None)
            self._known[name] = known
            if len(self._known) > MOST:
                self._known.popitem(last=False)

    def _failure(self, name: str, whose: Iterable[str], now: float) -> DiscoveryError | None:
        """Why it need not be asked for again yet."""
        noted = (self._failed.get((one, name)) for one in whose)
        return next((found[0] for found in noted if found is not None and is_ahead(found[1], now, AGAIN)), None)

    def _note_failure(self, name: str, tenant: str, error: DiscoveryError) -> None:
        with self._lock:
            for whose in (tenant,) if not error.status else (tenant, SOMEBODY) if error.retry else (EVERYBODY,):
                self._failed[whose, name] = (error, self._clock() + AGAIN)
            while len(self._failed) > MOST:
                self._failed.popitem(last=False)


def shown(url: str) -> str:
    """A URL for messages: without its query."""
    return url.partition("?")[0]


def _asked_issuer(issuer: str, asking: Asking, refuses: Refuses | None) -> tuple[Mapping[str, Any], float]:
    """The metadata at the first well-known place that has some."""
    failures: list[DiscoveryError] = []
    for url in issuer_places(issuer):
        try:
            said, seconds = _asked(url, asking)
        except DiscoveryError as error:
            failures.append(error.fresh())
            if error.kind == "unreachable":
                break  # all places are at one origin
            continue
        metadata = read_metadata(said, issuer, url)
        refuse_named(said, url, refuses)
        return metadata.as_fact(), seconds
    raise _plainest(failures, f"{issuer} has no metadata at {', '.join(map(shown, issuer_places(issuer)))}")


def _asked_resource(resource: str, asking: Asking, refuses: Refuses | None) -> tuple[Mapping[str, Any], float]:
    """The metadata at the well-known place of a resource, else where its own challenge says that they are (RFC 9728 §5)."""
    failures: list[DiscoveryError] = []
    places: Iterable[Callable[[], str]] = (lambda: resource_place(resource), lambda: metadata_place(_challenged(resource, asking), resource))
    for place in places:
        if not (url := place()):
            continue
        try:
            said, seconds = _asked(url, asking)
        except DiscoveryError as error:
            failures.append(error.fresh())
            continue
        fact = fact_of_resource(said, resource, url)
        refuse_named(said, url, refuses)
        return fact, seconds
    raise _plainest(failures, f"{shown(resource)} does not say who authorizes access to it (RFC 9728): write issuer or token_url")


def _challenged(resource: str, asking: Asking) -> list[str]:
    """The lines of WWW-Authenticate with which a resource refuses a request without a token."""
    response = asking.get(resource)
    return [value for name, value in response.headers if name.lower() == "www-authenticate"] if response.status == 401 else []


def _asked(url: str, asking: Asking) -> tuple[Any, float]:
    """A JSON document and the seconds it stays fresh. A redirect is not followed: it could lead anywhere."""
    response = asking.get(url)
    place, kind, wrong = shown(url), "not_found", ""
    if 300 <= response.status < 400:
        wrong = f"{place} answers with a redirect ({response.status}), which is not followed"
    elif response.status != 200:
        wrong = f"{place} answers {response.status}"
        kind = "unreachable" if response.status >= 500 or response.status == 429 else kind
    elif len(response.body or b"") > LARGEST:
        kind, wrong = "unreadable", f"{place}: metadata of more than {LARGEST // 1024} KiB are not read"
    else:
        try:
            return parse_answer(response.body or b""), fresh_for(response)
        except NotJson:
            kind, wrong = "unreadable", f"{place} answers with {content_type(response) or 'something'} that is not JSON"
    raise DiscoveryError(kind, wrong, url=place, status=response.status, retry=kind == "unreachable")


def _plainest(failures: list[DiscoveryError], message: str) -> DiscoveryError:
    """The one that says most: a server that gives no answer, or answers with something else; otherwise that there is nothing."""
    telling = [failure for failure in failures if failure.kind != "not_found"]
    if telling:
        return telling[0]
    statuses = _statuses(failures)
    last = failures[-1] if failures else None
    return DiscoveryError("not_found", f"{message} ({statuses})" if statuses else message, url=last.url if last else "", status=last.status if last else 0)


def _statuses(failures: list[DiscoveryError]) -> str:
    """What each place answered; said once where all answered alike."""
    found = {failure.status for failure in failures}
    alike = found.pop() if len(found) == 1 and len(failures) > 1 else 0
    if alike and not 300 <= alike < 400:
        return f"each answers {alike}"
    return ", ".join(dict.fromkeys(str(failure) for failure in failures))


def _is_of(fact: Mapping[str, Any], issuer: str) -> bool:
    try:
        return Metadata.of_fact(fact).issuer == issuer
    except (KeyError, TypeError, ValueError, AttributeError):
        return False


def _checked(fact: Any) -> Mapping[str, Any]:
    if not isinstance(fact, dict):
        raise TypeError("a fact is a map")
    return fact


def _name(kind: str, url: str, trust: str) -> str:
    """The name of a note."""
    return f"{kind}:{hashlib.sha256(f'{len(trust)}:{trust}{url}'.encode()).hexdigest()[:32]}"
