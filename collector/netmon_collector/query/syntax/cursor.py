"""The words of a text, one after the other."""

from typing import Final

from netmon_collector.query.answer import QueryError
from netmon_collector.query.syntax.lexer import Token, Word, go_quoted, split_words, syntax_error

MOST_WORDS: Final = 20_000
DEEPEST: Final = 100
"""Levels of parentheses, functions and operators' right sides."""


class Cursor:
    """Stands before the next word."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._words = split_words(text, MOST_WORDS)
        self._at = 0
        self._depth = 0

    @property
    def word(self) -> Word:
        return self._words[self._at]

    def next(self) -> Word:
        word = self._words[self._at]
        self._at += 1
        return word

    def sees(self, *texts: str) -> bool:
        """Whether the next word is one of some signs or keywords; keywords in any case."""
        word = self.word
        if word.token is Token.SIGN:
            return word.text in texts
        return word.token is Token.NAME and word.text.lower() in texts

    def take(self, *texts: str) -> bool:
        if not self.sees(*texts):
            return False
        self._at += 1
        return True

    def need(self, sign: str, context: str) -> Word:
        if self.word.token is not Token.SIGN or self.word.text != sign:
            raise self.unexpected(context, f', expected "{sign}"')
        return self.next()

    def unexpected(self, context: str, expected: str = "") -> QueryError:
        word = self.word
        what = {
            Token.NAME: f"identifier {go_quoted(word.text)}",
            Token.NUMBER: f"number {go_quoted(word.text)}",
            Token.DURATION: f"number {go_quoted(word.text)}",
            Token.STRING: f"string {go_quoted(word.text[1:-1])}",
            Token.SIGN: f"<{word.text}>" if len(word.text) > 2 else go_quoted(word.text),
            Token.END: "end of input",
        }[word.token]
        return syntax_error(self.text, word.start, f"unexpected {what} in {context}{expected}")

    def deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise syntax_error(
                self.text, self.word.start, f"nested deeper than {DEEPEST} levels: use fewer parentheses or signs"
            )

    def at_end(self) -> bool:
        return self.word.token is Token.END

    def back(self) -> None:
        """Before the word that was read last."""
        self._at -= 1

    def after(self) -> Word:
        """The word behind the next."""
        return self._words[self._at + 1]

    def higher(self) -> None:
        self._depth -= 1
