"""A chat bot with two workflows, each for an API that acts for the user. Arguments: the port of the chat, a file for what waits."""

import asyncio
import json
import sys
from pathlib import Path

import httpx
import pluggy
from send_task import send_task_async
from sign_in_step import signed_in

from authweave.errors import AuthorizationDenied, AuthweaveError
from authweave.plugin import join

WORKFLOWS = {"mail": "acme-mail", "calendar": "acme-calendar"}
manager = pluggy.PluginManager("chatbot")
join(manager)


class Bot:
    """Reads {"user", "text"} from the chat, line by line, and answers each user in lines of their own."""

    def __init__(self, incoming, outgoing, memory):
        self.incoming = incoming
        self.outgoing = outgoing
        self.memory = memory
        self.begun = [tuple(each) for each in json.loads(memory.read_text())] if memory.exists() else []

    async def run(self):
        """Go on with what was begun before a restart, then do what people ask for."""
        async with httpx.AsyncClient(trust_env=False) as self.client, asyncio.TaskGroup() as tasks:
            for user, name in self.begun:
                tasks.create_task(self.work(user, name))
            while line := await self.incoming.readline():
                user, text = (json.loads(line)[key] for key in ("user", "text"))
                if text == "stop":
                    await self.stop(user)
                    continue
                self.remember([*self.begun, (user, text)])
                tasks.create_task(self.work(user, text))

    async def work(self, user, name):
        """One workflow of one user, from the sign-in to the answer of the API."""
        whose = {"profile": WORKFLOWS[name], "subject": user}

        async def forward(sign_ins):
            await self.tell(user, workflow=name, sign_in=sign_ins)

        try:
            await signed_in(manager.hook, forward, [whose["profile"]], subject=user)
            answer = await send_task_async(manager.hook, self.client.send, httpx.Request("GET", "/api/me"), **whose)
            told = {"result": answer.json()}
        except AuthorizationDenied:
            told = {"text": "You did not agree to that, so I leave it."}
        except AuthweaveError as error:
            told = {"text": f"I cannot do that: {error}"}
        await self.tell(user, workflow=name, **told)
        self.remember([each for each in self.begun if each != (user, name)])

    async def stop(self, user):
        """Call off every sign-in that this user was asked for: their workflows hear of it."""
        for name in [name for each, name in self.begun if each == user]:
            await manager.hook.cancel_authorization(profile=WORKFLOWS[name], subject=user)

    async def tell(self, user, **what):
        """One line for this user alone: who has a link can sign in with it."""
        self.outgoing.write(json.dumps({"user": user, **what}).encode() + b"\n")
        await self.outgoing.drain()

    def remember(self, begun):
        """What a restart must not forget; tokens and sign-ins under way are in the token store."""
        self.begun = begun
        self.memory.write_text(json.dumps(begun))


async def main():
    """Until the chat ends."""
    incoming, outgoing = await asyncio.open_connection("127.0.0.1", int(sys.argv[1]))
    await Bot(incoming, outgoing, Path(sys.argv[2])).run()


asyncio.run(main())
