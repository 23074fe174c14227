"""Filling a form in: each answer is checked at once, a wrong one is asked for again, and `<` goes back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from authweave.errors import UsageError
from authweave.starting.form import Question
from authweave.starting.making import made
from authweave.starting.start import Start
from authweave.values import Problem

BACK: Final = "<"
Ask = Callable[[str, str, str], str]
"""Label, hint and default to what somebody typed, without blanks around it."""


def filled(start: Start, questions: Sequence[Question], ask: Ask, tell: Callable[[str], None]) -> Start:
    """The content with every answer. `ask` and `tell` raise what ends the form; nothing is kept of it then."""
    behind: list[tuple[int, Start]] = []
    at = 0
    while at < len(questions):
        question = questions[at]
        if not question.when(start):
            at += 1
            continue
        answered = _answered(start, question, ask, tell)
        if answered is not None:
            behind.append((at, start))
            start, at = answered, at + 1
        elif behind:
            at, start = behind.pop()
        else:
            tell("this is the first question")
    return start


def _answered(start: Start, question: Question, ask: Ask, tell: Callable[[str], None]) -> Start | None:
    """The content with an answer that holds; None to go back."""
    if question.choices:
        tell(_listed(question))
    while True:
        default = "" if question.many else question.default(start)
        said = ask(question.label, question.hint, default)
        if said == BACK:
            return None
        if not said and not default:
            if not question.needed:
                return start
            tell("this one is needed")
            continue
        trial, wrong = _tried(start, question, _chosen(question, said or default))
        for words in wrong:
            tell(words)
        if wrong:
            continue
        if not question.many:
            return trial
        start = trial


def _tried(start: Start, question: Question, answer: str) -> tuple[Start, list[str]]:
    """The content with an answer, and what is wrong with that."""
    if question.choices and answer not in question.choices:
        return start, [f"that is none of {', '.join(question.choices)}"]
    if not answer.isprintable():
        return start, ["that holds a character that nobody can see"]
    try:
        trial = question.put(start, answer)
    except UsageError as error:
        return start, [str(error)]
    before = set(map(_words, made(start).errors))
    new = [problem for problem in made(trial).errors if _words(problem) not in before]
    return trial, [_words(problem) for problem in new if _is_about(problem, question)]


def _is_about(problem: Problem, question: Question) -> bool:
    """Is it of the answer, and not of what was not asked for yet?"""
    return any(problem.key == key or problem.key.startswith((f"{key}.", f"{key}[")) for key in question.about)


def _words(problem: Problem) -> str:
    return f"{problem.message}; {problem.fix}" if problem.fix else problem.message


def _chosen(question: Question, answer: str) -> str:
    names = list(question.choices)
    return names[int(answer) - 1] if names and answer.isdecimal() and 1 <= int(answer) <= len(names) else answer


def _listed(question: Question) -> str:
    width = max(map(len, question.choices))
    return "\n".join(f"  {number}  {name:{width}}  {words}" for number, (name, words) in enumerate(question.choices.items(), 1))
