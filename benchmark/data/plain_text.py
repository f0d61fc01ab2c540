"""Text files that people export from other programs, and what they export by mistake."""

from __future__ import annotations

from benchmark.data.file_kinds import START, kind_of


class NotTextError(ValueError):
    """Bytes that are no UTF-8 text.

    Attributes
    ----------
    line
        Line of the first that is not, from 1; 0 where there are no lines.
    """

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def text_of(content: bytes) -> str:
    """Text of a file, without a byte-order mark.

    Raises
    ------
    NotTextError
        If it is another kind of file, or text in another encoding.
    """
    # Callers say of an empty file what it must begin with.
    kind = kind_of(content[:START]) if content else ""
    if kind:
        raise NotTextError(0, f"is {kind}; a CSV file in UTF-8 is needed")
    place = content.find(b"\0")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        byte = f"byte 0x{content[error.start]:02x}"
        raise NotTextError(_line(content, error.start), f"is not UTF-8: {byte}; save it as CSV in UTF-8") from None
    if place >= 0:
        raise NotTextError(_line(content, place), "holds a zero byte, so it is no text; save it as CSV in UTF-8")
    return text


def _line(content: bytes, place: int) -> int:
    return content[:place].count(b"\n") + 1
