"""What follows from an attempt that has ended, for a thread that may wait for it."""

from __future__ import annotations

from typing import Any

from authweave.hosts.grpc.course import Again, Answer, Course
from authweave.hosts.grpc.notes import Note


def answer_of(call: Any) -> Answer:
    """How a call of the sync stack ended."""
    return Answer.of(call.code(), call.trailing_metadata(), call.initial_metadata())


def following(course: Course, call: Any) -> Again | Note | None:
    """What follows from a call that has ended. Waits for a token to be renewed, as long as the call may last."""
    answer = answer_of(call)
    try:
        judging = course.judging(answer)
        return course.following(answer, judging.result(course.left) if judging else None)
    except TimeoutError:
        return course.overdue(answer)
    except Exception as error:  # noqa: BLE001 - the answer is there, and somebody waits for it
        return course.unjudged(answer, error)
