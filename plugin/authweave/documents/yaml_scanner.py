"""PyYAML's own scanner, made to read exactly what libyaml reads, for a Python without the libyaml binding.

PyYAML's two scanners differ in the white space and the plain scalars of YAML 1.2: libyaml takes a tab as separation
(section 6.1) and a `?` or `:x` inside a plain scalar of a flow collection (section 7.3.3), PyYAML's does not. What is
overridden here follows libyaml 0.2.5 step by step, so that a profile that is valid on one machine is valid on all.
"""

from __future__ import annotations

from typing import Any, Final

from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner, ScannerError
from yaml.tokens import ScalarToken

_BREAKS: Final = "\r\n\x85\u2028\u2029"
_ENDS: Final = "\0 \t" + _BREAKS
_WHILE_PLAIN: Final = "while scanning a plain scalar"


class PythonParser(Reader, Scanner, Parser):
    """Events of a YAML text, without libyaml; the same as `yaml.cyaml.CParser` gives."""

    allow_simple_key: bool
    column: int
    flow_level: int
    indent: int

    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    def scan_to_next_token(self) -> None:
        """Skip white space and comments; a tab only where no key can begin, so never as indentation."""
        while True:
            while self.peek() == " " or (self.peek() == "\t" and (self.flow_level or not self.allow_simple_key)):
                self.forward()
            if self.peek() == "#":
                while self.peek() not in "\0" + _BREAKS:
                    self.forward()
            if not self._line_break():
                return
            if not self.flow_level:
                self.allow_simple_key = True

    def scan_block_scalar_indicators(self, start_mark: Any) -> tuple[bool | None, int | None]:
        """What `|` or `>` is followed by: keep the last line breaks or not, and how deep the text is indented."""
        chomping: bool | None = None
        increment: int | None = None
        while True:
            character = self.peek()
            if chomping is None and character in ("+", "-"):
                chomping = character == "+"
            elif increment is None and character in tuple("123456789"):
                increment = int(character)
            elif increment is None and character == "0":
                message = "found an indentation indicator equal to 0"
                raise ScannerError("while scanning a block scalar", start_mark, message, self.get_mark())
            else:
                return chomping, increment
            self.forward()

    def scan_block_scalar_ignored_line(self, start_mark: Any) -> None:
        """The rest of the line after `|` or `>`: white space, tabs too, and a comment."""
        while self.peek() in (" ", "\t"):
            self.forward()
        super().scan_block_scalar_ignored_line(start_mark)

    def scan_block_scalar_indentation(self) -> tuple[list[str], int, Any]:
        """How deep a text without an indentation indicator is indented; a tab cannot be told from indentation."""
        found: tuple[list[str], int, Any] = super().scan_block_scalar_indentation()
        if self.peek() == "\t":
            message = "found a tab character where an indentation space is expected"
            raise ScannerError("while scanning a block scalar", None, message, self.get_mark())
        return found

    def scan_flow_scalar_non_spaces(self, double: bool, start_mark: Any) -> list[str]:
        """A piece of a quoted text; an escape beyond Unicode is an error with a place."""
        try:
            pieces: list[str] = super().scan_flow_scalar_non_spaces(double, start_mark)
        except ValueError:
            message = "found invalid Unicode character escape code"
        else:
            return pieces
        raise ScannerError("while parsing a quoted scalar", start_mark, message, self.get_mark())

    def scan_plain(self) -> ScalarToken:
        """A plain scalar, with the white space inside it folded."""
        start = end = self.get_mark()
        indent = self.indent + 1
        chunks: list[str] = []
        spaces: list[str] = []
        while self.peek() != "#" and not self._at_document_indicator():
            length = self._plain_length(start)
            if not length:
                break
            self.allow_simple_key = False
            chunks += [*spaces, self.prefix(length)]
            self.forward(length)
            end = self.get_mark()
            spaces, on_new_line = self._plain_spaces(indent, start)
            self.allow_simple_key = on_new_line
            if not spaces or (not self.flow_level and self.column < indent):
                break
        return ScalarToken("".join(chunks), True, start, end)

    def _plain_length(self, start: Any) -> int:
        length = 0
        while (character := self.peek(length)) not in _ENDS:
            if character == ":":
                follower = self.peek(length + 1)
                if follower in _ENDS:
                    break
                if self.flow_level and follower in ",?[]{}":
                    self.forward(length)
                    raise ScannerError(_WHILE_PLAIN, start, "found unexpected ':'", self.get_mark())
            elif self.flow_level and character in ",[]{}":
                break
            length += 1
        return length

    def _plain_spaces(self, indent: int, start: Any) -> tuple[list[str], bool]:
        """The folded white space, and whether a line break was in it."""
        blanks = ""
        breaks: list[str] = []
        while (character := self.peek()) in " \t" + _BREAKS:
            if character in _BREAKS:
                breaks.append(self._line_break())
                continue
            if breaks and character == "\t" and self.column < indent:
                message = "found a tab character that violates indentation"
                raise ScannerError(_WHILE_PLAIN, start, message, self.get_mark())
            if not breaks:
                blanks += character
            self.forward()
        if not breaks:
            return ([blanks] if blanks else []), False
        return (breaks[1:] or [" "]), True

    def _line_break(self) -> str:
        found: str = self.scan_line_break()  # type: ignore[no-untyped-call]  # PyYAML's stubs leave it open
        return found

    def _at_document_indicator(self) -> bool:
        return self.column == 0 and self.prefix(3) in ("---", "...") and self.peek(3) in _ENDS
