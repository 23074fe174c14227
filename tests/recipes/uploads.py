from authweave import loads


def told(host, text, tenant, name="your profile"):  # by the form that takes the upload; an empty list: keep the text
    found = host.validate_auth_profile(source=name, text=text, tenant=tenant).result(30)
    return [str(problem) for problem in found]


def connection_of(engine, text, tenant, subject=None):  # by the worker that runs the bot: it trusts no earlier look
    profile = loads(text, f"a profile of {tenant}", folders=engine.folders, within=engine.within(tenant))
    return engine.connect(profile, tenant=tenant, subject=subject)
