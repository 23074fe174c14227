"""A step of a workflow: a person must sign in. Run again after a restart, it goes on where it was."""


async def signed_in(hook, tell, profiles, **whose):
    """Done once this user has signed in for each profile. `tell` forwards to them what is left to do. Raises SignInFailed."""
    stands = [each for pending in hook.list_authorizations(profiles=profiles, **whose) for each in await pending]
    waiting = [each for each in stands if not each.is_authorized]
    if waiting:
        await tell([each.as_dict() for each in waiting])
    for each in waiting:
        await hook.await_authorization(profile=each.profile, **whose)
