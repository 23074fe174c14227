async def signed_in(hook, tell, profiles, **whose):
    """Done once this user has signed in for each profile; `tell` forwards what is left to do. Raises SignInFailed."""
    named = {profile.partition("@")[0]: profile for profile in profiles}
    stands = [each for pending in hook.list_authorizations(profiles=profiles, **whose) for each in await pending]
    waiting = [each for each in stands if not each.is_authorized]
    if waiting:
        await tell([each.as_dict() for each in waiting])
    for each in waiting:
        await hook.await_authorization(profile=named[each.profile], **whose)
