"""Celery workers that fork: one engine for each process, tokens in one store for all of them."""

import os
import urllib.error
import urllib.request

from celery import Celery
from celery.signals import worker_process_shutdown
from send_task import send_task

from authweave import TaskRequest, TaskResponse
from authweave.errors import AuthweaveError, SignInNeeded
from authweave.plugin import AuthweavePlugin

app = Celery("tasks", broker=os.environ["BROKER"], backend=os.environ["BROKER"])
app.conf.update(worker_hijack_root_logger=False, broker_connection_retry_on_startup=True)
host = AuthweavePlugin()  # its engine is made at the first call: in each child
if os.environ.get("BEFORE_THE_FORK"):  # … or in the parent, with a token, a thread and a connection of its own
    host.authorize_request(profile="acme", request=TaskRequest("GET", "/")).result(60)


@worker_process_shutdown.connect
def close(**_):
    """A pool's children end by os._exit: what is under way there, a token being stored, say, ends here."""
    host.close()


class CallFailed(Exception):
    """Celery keeps a failure as type and message, and makes it anew from them: so it is one that is made of a message alone."""


@app.task
def call(path):
    """What the API says, and which process asked; or where a person has to sign in."""
    try:
        answer = send_task(host, send, TaskRequest("GET", path), profile="acme")
    except SignInNeeded as needed:
        return {"pid": os.getpid(), "sign_in": needed.sign_in.as_dict()}
    except AuthweaveError as error:
        raise CallFailed(str(error)) from None
    return {"pid": os.getpid(), "status": answer.status, "body": answer.body.decode()}


def send(request):
    """By any client: here by urllib."""
    try:
        asked = urllib.request.Request(request.url, request.body, dict(request.headers), method=request.method)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(asked, timeout=20) as answer:
            return TaskResponse(answer.status, tuple(answer.headers.items()), answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return TaskResponse(error.code, tuple(error.headers.items()), error.read())
