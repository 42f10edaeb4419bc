"""The words of a text, one after the other."""

from typing import Final

from netmon_collector.query.answer import QueryError
from netmon_collector.query.syntax.lexer import Token, Word, split_words, syntax_error
from netmon_collector.query.syntax.literals import go_quoted

MOST_WORDS: Final = 20_000
DEEPEST: Final = 100
"""Levels of parentheses, functions and operators' right sides."""

BRACES: Final = "label matching"
"""The context in which keywords are names of labels."""
_KEYWORDS: Final = frozenset("bool by group_left group_right ignoring offset on without anchored smoothed".split())
_OPERATORS: Final = frozenset("+ / == =~ >= > and or < <= unless % * != !~ ^ - @ atan2".split())
AGGREGATIONS: Final = frozenset(
    "sum avg count min max group stddev stdvar topk bottomk count_values quantile limitk limit_ratio".split()
)
_PLAIN: Final = frozenset("start end step range".split())
_FILLS: Final = frozenset("fill fill_left fill_right".split())


class _Context:
    def __init__(self, contexts: list[tuple[str, str]], own: tuple[str, str]) -> None:
        self._contexts = contexts
        self._own = own

    def __enter__(self) -> None:
        self._contexts.append(self._own)

    def __exit__(self, *_: object) -> None:
        self._contexts.pop()


class Cursor:
    """Stands before the next word."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._words = split_words(text, MOST_WORDS)
        self._at = 0
        self._depth = 0
        self._contexts: list[tuple[str, str]] = [("", "")]

    @property
    def word(self) -> Word:
        word = self._words[self._at]
        if word.token is Token.MISTAKE:
            raise syntax_error(self.text, word.start, word.text)
        return word

    def next(self) -> Word:
        word = self.word
        self._at += 1
        return word

    def sees(self, *texts: str) -> bool:
        """Whether the next word is one of some signs or keywords; keywords in any case."""
        word = self.word
        if word.token is Token.SIGN:
            return word.text in texts
        return word.token is Token.NAME and word.text.lower() in texts

    def sees_fill(self) -> bool:
        """Whether `fill`, or one of its kind, comes as a modifier; without parentheses it is a name."""
        return self.word.text.lower() in _FILLS and self.after().text == "("

    def take(self, *texts: str) -> bool:
        if not self.sees(*texts):
            return False
        self._at += 1
        return True

    def need(self, sign: str) -> Word:
        if not self.sees(sign):
            raise self.unexpected()
        return self.next()

    def within(self, context: str, expected: str = "") -> "_Context":
        """What `unexpected` tells while nothing says better where a word stands."""
        return _Context(self._contexts, (context, expected))

    def unexpected(self, context: str = "", expected: str = "") -> QueryError:
        """The error for the next word, which must not stand where it does."""
        word = self.word
        if not context:
            context, expected = self._contexts[-1]
        told = f"unexpected {self._described(word)}"
        told += f" in {context}" if context else ""
        return syntax_error(self.text, word.start, told + (f", expected {expected}" if expected else ""))

    def _described(self, word: Word) -> str:
        """A word as Prometheus names it in its errors."""
        lower = word.text.lower()
        match word.token:
            case Token.END:
                return "end of input"
            case Token.NUMBER | Token.DURATION | Token.STRING:
                cut = f"{go_quoted(word.text[:10])}..." if len(word.text.encode()) > 10 else go_quoted(word.text)
                return f"{word.token.name.lower()} {cut}"
            case Token.NAME if self._contexts[-1][0] == BRACES:
                return f"identifier {go_quoted(word.text)}"
            case Token.NAME if lower in ("inf", "nan"):
                return f"number {go_quoted(word.text)}"
        if lower in _OPERATORS:
            return f"<op:{word.text}>"
        if word.token is Token.SIGN or lower in _PLAIN:
            return go_quoted(word.text)
        if lower in AGGREGATIONS:
            return f"<aggr:{word.text}>"
        if lower in _KEYWORDS or (lower in _FILLS and self.after().text == "("):
            return f"<{word.text}>"
        return f"{'metric identifier' if ':' in word.text else 'identifier'} {go_quoted(word.text)}"

    def deeper(self) -> None:
        self._depth += 1
        if self._depth > DEEPEST:
            raise syntax_error(
                self.text, self.word.start, f"nested deeper than {DEEPEST} levels: use fewer parentheses or signs"
            )

    def higher(self) -> None:
        self._depth -= 1

    def at_end(self) -> bool:
        return self.word.token is Token.END

    def behind(self) -> int:
        """The place of what follows the word that was read last."""
        last = self._words[self._at - 1]
        at = last.start + len(last.text)
        while self.text[at] in " \t\r\n":
            at += 1
        return at

    def after(self) -> Word:
        """The word behind the next."""
        return self._words[min(self._at + 1, len(self._words) - 1)]
