def send_task(host, send, request, **whose):  # whose: profile, and where there are: tenant, subject, inputs
    request = ours(host.authorize_request(request=request, **whose)).result(60)
    while True:
        response = send(request)
        judgement = host.handle_response(request=request, response=response, **whose).result(60)
        if judgement.verdict != "send_again":
            return usable(response, judgement)
        request = judgement.request


async def send_task_async(host, send, request, **whose):
    request = await ours(host.authorize_request(request=request, **whose))
    while True:
        response = await send(request)
        judgement = await host.handle_response(request=request, response=response, **whose)
        if judgement.verdict != "send_again":
            return usable(response, judgement)
        request = judgement.request


def ours(pending):
    if pending is None:
        raise LookupError("no plugin knows this profile")
    return pending


def usable(response, judgement):
    if judgement.error is not None:  # SignInNeeded, CredentialRejected, InsufficientScope
        raise judgement.error
    return response
