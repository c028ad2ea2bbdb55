"""What schemathesis does not know: that one organization is told nothing of another. Loaded by schemathesis (`hooks` in its file)."""

import ast
import collections
import functools
import itertools
import json
import os
import re
import threading
from pathlib import Path
from urllib.parse import unquote

import requests
import schemathesis

CREDENTIALS = {"authorization", "x-okapi-token", "x-api-key"}
INSTANT = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")
KEY_IN_USE = os.environ["FUZZ_KEY_IN_USE"]
NO_KEY = "00000000-0000-7000-8000-000000000000"


def one_at_a_time(function):
    """CPython 3.11 counts the depth of syntax trees for all threads together, and fails when two are built at once. Hypothesis builds
    them to name its strategies, in more than one thread of schemathesis'."""
    lock = threading.RLock()

    @functools.wraps(function)
    def locked(*given, **named):
        with lock:
            return function(*given, **named)

    return locked


ast.parse = one_at_a_time(ast.parse)


@schemathesis.hook
def before_call(context, case, kwargs):
    # Nobody is to revoke the key that the run itself uses: from then on there would be nothing but 401.
    if case.path_parameters and case.path_parameters.get("keyId") == KEY_IN_USE:
        case.path_parameters["keyId"] = NO_KEY


# What a schema cannot say of a request, in the words of the refusal: how two members stand to each other or to the path, the time of day,
# what was sent before, what is inside a text, and that 1.0, which is an integer to JSON Schema, is not how these numbers are written.
UNSPEAKABLE = re.compile(
    b"must be in the future"
    b"|must not be more than 5 minutes in the future"
    b"|period_to must not be before period_from"
    b"|updated_at must not be before .*, the record's last update"
    b"|kmsKeyId must be a key in the bucket's Region"
    b"|(key|groupId) must be the one in the path"
    b"|Idempotency-Key was used for another request"
    b"|If-Match names"
    b"|file_url must be an https URL"
    b"|must be a whole number from 0"
    b"|must be a text, a whole number or true or false"
)


@schemathesis.hook
def filter_failure(context, failure, case, response):
    name = type(failure).__name__
    if name == "RejectedPositiveData":
        # Beside a list of types, schemathesis takes no text at all for an instant.
        empty = b"must be an RFC 3339 date and time" in response.content and b'": ""' in text(response.request.body).encode()
        return not (response.status_code in (412, 422) and (empty or UNSPEAKABLE.search(response.content)))
    # API Gateway has no 405: a method without a route is answered as a path without one. Any other answer than that is a failure.
    if name == "UnsupportedMethodResponse":
        return response.status_code != 404
    return True


@schemathesis.check
class Tally:
    """Counts, once for each case, and writes the counts down for whoever started the run."""

    def __init__(self, into=""):
        self.into, self.seen = Path(into), {}

    def after_response(self, ctx, response, case):
        if self.into.name:
            self.seen[case.id] = (case.operation.label, response.status_code)

    def after_run(self, ctx):
        if self.into.name:
            counts = collections.Counter(self.seen.values())
            self.into.write_text(json.dumps([[label, status, count] for (label, status), count in counts.items()]))


@schemathesis.check
class NothingOfTheOther:
    """No answer has a text of the other organization, and its ids are answered as ids that nobody knows."""

    def __init__(self, canary="", ids=()):
        self.canary, self.ids = canary.encode(), list(map(str, ids))
        self.numbers = itertools.count(900_000_001)
        # What the caller has made under an id that the other has too: from then on it is known, and its own.
        self.own = set()

    def after_response(self, ctx, response, case):
        if not self.canary:
            return
        told = response.content + repr(response.headers).encode()
        assert self.canary not in told.lower(), "an answer has a text of the other organization"
        self.own.update(made_by(response))
        # An answer to a repeated key is that of the first request, not of this one.
        if "Idempotency-Key" in response.request.headers:
            return
        for known in self.ids:
            if known not in self.own and names(response.request, known):
                self.compare(response, known)

    def compare(self, response, known):
        unknown = self.unknown_like(known)
        twin = send(response.request, known, unknown)
        if same(response, known, twin, unknown):
            return
        safe = response.request.method == "GET" or response.status_code >= 400
        again = send(response.request, known, known) if safe else response
        # Something has changed meanwhile, such as a run that was under way.
        if not same(response, known, again, known):
            return
        raise AssertionError(
            f"the other's {known} is not answered as {unknown}, which nobody knows: "
            f"{response.status_code} {response.content[:300]} and {twin.status_code} {twin.content[:300]}"
        )

    def unknown_like(self, known):
        """Of the same form, and for an id with an instant in it, of the same instant."""
        if known.isdigit():
            return str(next(self.numbers))
        if known.startswith("aud-"):
            return f"{known[:13]}{next(self.numbers)}"
        if known.startswith("fuzz-"):
            return "fuzz-xne"
        return known[:-1] + next(digit for digit in "fedc987" if known[:-1] + digit not in self.ids)


def made_by(response):
    """The case that the answered request has begun: of all the ids, those alone come from callers."""
    case = re.search(r"/kyc/cases/(\d+)/audit-log", response.request.url)
    return [case[1]] if case and response.status_code == 201 else []


def names(request, known):
    if known.isdigit():
        return f"/cases/{known}/" in request.url
    sent = [value for name, value in request.headers.items() if name.lower() not in CREDENTIALS]
    texts = [unquote(request.url), *map(text, sent), text(request.body)]
    return any(known in sent for sent in texts)


def send(request, known, other):
    """The same request with another id."""
    def swap(sent):
        if known.isdigit():
            return sent
        return sent.replace(known.encode(), other.encode()) if isinstance(sent, bytes) else sent.replace(known, other)

    twin = request.copy()
    twin.url = twin.url.replace(f"/cases/{known}/", f"/cases/{other}/") if known.isdigit() else swap(twin.url)
    for name, value in request.headers.items():
        if name.lower() not in CREDENTIALS:
            twin.headers[name] = swap(value)
    if isinstance(twin.body, (bytes, str)):
        twin.body = swap(twin.body)
        twin.headers["Content-Length"] = str(len(twin.body if isinstance(twin.body, bytes) else twin.body.encode()))
    with requests.Session() as session:
        return session.send(twin, timeout=30, allow_redirects=False)


def same(one, known, other, unknown):
    if one.status_code != other.status_code:
        return False
    # What was written twice has other ids and instants.
    if one.request.method != "GET" and one.status_code < 400:
        return True
    return plain(one.content, known) == plain(other.content, unknown)


def plain(content, id):
    return INSTANT.sub(b"AN-INSTANT", (content or b"").replace(id.encode(), b"AN-ID"))


def text(sent):
    return sent.decode("utf-8", "replace") if isinstance(sent, bytes) else str(sent or "")
