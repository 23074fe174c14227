"""Models without a provider, for llm: they call the tools that the prompt names, and say back what the tools answered.

The prompt is JSON: a list of calls, each with `arguments`, and with the `name` of a tool (the first one where none is named),
and `pause`, seconds before it is made. With MODEL_LOG, what each model was told goes to that file, line by line.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import llm


@llm.hookimpl
def register_models(register: Any) -> None:
    register(Scripted(), AsyncScripted())


def next_words(prompt: Any, response: Any, conversation: Any) -> str:
    """What the model says; the next call is noted with the response."""
    steps = json.loads(next(each.prompt.prompt for each in (*conversation.responses, response) if each.prompt.prompt))
    turn = len(conversation.responses)
    told = [{"name": result.name, "output": result.output} for result in prompt.tool_results]
    offered = [{"name": tool.name, "description": tool.description, "input": tool.input_schema} for tool in prompt.tools]
    with open(os.environ.get("MODEL_LOG", os.devnull), "a", encoding="utf-8") as log:
        print(json.dumps({"told": told, "tools": offered}), file=log)
    if turn < len(steps):
        step = steps[turn]
        time.sleep(step.get("pause", 0))
        name = step.get("name") or prompt.tools[0].name
        response.add_tool_call(llm.ToolCall(name, step["arguments"], f"call-{turn}"))
        return ""
    return "\n".join(each["output"] for each in told)


class Scripted(llm.Model):
    """The plain one."""

    model_id = "scripted"
    supports_tools = True
    can_stream = False

    def execute(self, prompt: Any, stream: bool, response: Any, conversation: Any) -> Iterator[str]:
        yield next_words(prompt, response, conversation)


class AsyncScripted(llm.AsyncModel):
    """The one for event loops."""

    model_id = "scripted"
    supports_tools = True
    can_stream = False

    async def execute(self, prompt: Any, stream: bool, response: Any, conversation: Any) -> AsyncIterator[str]:
        yield next_words(prompt, response, conversation)
