"""What vendors answer in words of their own: one fault a word, by its name (`AADSTS7000215`)."""

from __future__ import annotations

from typing import Final

from authweave.diagnosis.vendors import API, CODES, Code
from authweave.sandbox.faults.api import decides_by_status
from authweave.sandbox.faults.fault import Fault, on_api, on_token
from authweave.sandbox.faults.token import reads_plainly
from authweave.sandbox.listener import json_reply


def _fault(code: Code) -> Fault:
    reply = json_reply(code.sample.status, code.sample.body, *code.sample.headers)
    of_api = code.at == API
    return Fault(
        name=code.name, description=f"{code.vendor}: {code.means}", provokes=code.row, strike=on_api(reply) if of_api else on_token(reply),
        fits=decides_by_status if of_api else reads_plainly,
    )  # fmt: skip


FAULTS: Final = tuple(map(_fault, CODES.values()))
