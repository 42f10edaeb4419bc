"""Random expressions from a seed, whole and damaged, of what Prometheus 2.42 knows as well as 3.x does."""

import random
from typing import Final

_NAMES: Final = "up a:b foo sum by offset start requests_total or group without end count_values bottomk".split()
_LABELS: Final = "a b job instance le sum by on bool offset start and group_left atan2".split()
_STRINGS: Final = [
    '"a"',
    "'b'",
    "`c`",
    r'"a\n"',
    r"'\''",
    r'"\x41"',
    r'"\u00e9"',
    '"é"',
    '""',
    '".*"',
    '"x|y"',
    r"`\d`",
]
_NUMBERS: Final = [
    "1",
    "0",
    "2.5",
    ".5",
    "1e3",
    "0x1F",
    "1e-3",
    "123456",
    "inf",
    "NaN",
    "-1",
    "010",
    "09",
    "1.",
    "1e+05",
]
_DURATIONS: Final = "5m 1h 30s 1d 1h30m 1500ms 2w 1y 90s 1d1h 3h5m7s8ms 25h 36h".split()
_OF_VECTOR: Final = "abs absent ceil ln sort sqrt timestamp acos deg year scalar".split()
_OF_WINDOW: Final = "rate increase delta irate sum_over_time last_over_time absent_over_time".split()
_CALLS: Final = [
    "time()", "pi()", "scalar(up)", "vector(1)", "clamp(up,1,2)", "round(up)", "round(up, 5)", "day_of_week()",
    'label_replace(up,"a","b","c","d")', "histogram_quantile(.9,up)", "nosuch(1)", "abs()", "clamp(up)",
    "round(up,1,2)",
]  # fmt: skip
_AGGREGATIONS: Final = "sum avg min max count group stddev topk bottomk quantile count_values SUM".split()
_PARAMS: Final = {"topk": "3, ", "bottomk": "2,", "quantile": ".5, ", "count_values": '"v", '}
_OPERATORS: Final = "+ - * / % ^ atan2 == != < > <= >= and or unless AND".split()
_PIECES: Final = [
    *"( ) [ ] { } , + - = == =~ ! != @ ^ on by bool offset group_left x \" ' ` \\ : é . sum and ~ ; $ # --".split(),
    *"[5m] [5m:] 0x 5mm {a a= on() }".split(), "offset 5m", "@ 5", "rate(", "group_left (a)", r'"\q"', r'"\x4"', "\n",
]  # fmt: skip


class Texts:
    """The texts of one seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def whole(self) -> str:
        """An expression whose words are in order, but not always its types."""
        return self._any(self._random.randrange(4))

    def damaged(self) -> str:
        """A whole one with pieces put in, taken out, exchanged or cut off."""
        text = self.whole()
        for _ in range(self._random.randrange(1, 3)):
            at = self._random.randrange(len(text) + 1)
            end = min(len(text), at + self._random.randrange(5))
            piece = self._one(_PIECES)
            text = text[:at] + self._one([piece + text[at:], text[end:], f" {piece} {text[end:]}", ""])
        return text

    def _one(self, among: list[str]) -> str:
        return self._random.choice(among)

    def _often(self, part: float, text: str) -> str:
        return text if self._random.random() < part else ""

    def _space(self) -> str:
        return self._one([" ", " ", " ", "", "  ", "\n", "\t", " # c\n"])

    def _labels(self) -> str:
        return f"({self._one([', ', ',']).join(self._random.sample(_LABELS, self._random.randrange(4)))})"

    def _shift(self) -> str:
        at = self._one(["1600", "-5.5", "start()", "end()", "1e3", "0.0005", "12.3456"])
        parts = [
            self._often(0.3, f" offset {self._one(['', '-'])}{self._one(_DURATIONS)}"),
            self._often(0.2, f" @ {at}"),
        ]
        self._random.shuffle(parts)
        return "".join(parts)

    def _selector(self) -> str:
        name = self._often(0.85, self._one(_NAMES))
        conditions = [
            f"{self._one(_LABELS)}{self._one(['=', '!=', '=~', '!~'])}{self._one(_STRINGS)}"
            for _ in range(self._random.randrange(0 if name else 1, 4))
        ]
        if name and not conditions:
            return name + self._often(0.3, "{}")
        return f"{name}{self._often(0.3, ' ')}{{{','.join(conditions)}{self._often(0.2, ',')}}}"

    def _window(self, depth: int) -> str:
        if depth <= 0 or self._random.random() < 0.6:
            return f"{self._selector()}[{self._one(_DURATIONS)}]{self._shift()}"
        step = self._often(0.5, self._one(_DURATIONS))
        return f"{self._vector(depth - 1)}[{self._one(_DURATIONS)}:{step}]{self._shift()}"

    def _any(self, depth: int) -> str:
        kind = self._random.random()
        if kind < 0.8:
            return self._vector(depth)
        if kind < 0.9:
            return self._one(_NUMBERS)
        if kind < 0.96:
            return self._one(_CALLS)
        return self._window(depth) if kind < 0.98 else self._one(_STRINGS)

    def _vector(self, depth: int) -> str:
        if depth <= 0:
            return self._selector() + self._shift()
        match self._random.randrange(9):
            case 0:
                return f"{self._one(_OF_VECTOR)}({self._any(depth - 1)})"
            case 1:
                return f"{self._one(_OF_WINDOW)}({self._window(depth - 1)})"
            case 2 | 3:
                return self._aggregation(depth)
            case 4:
                return f"{self._one(['+', '-'])}{self._any(depth - 1)}"
            case 5:
                return f"({self._any(depth - 1)}){self._often(0.1, self._shift())}"
        return self._operation(depth)

    def _aggregation(self, depth: int) -> str:
        op = self._one(_AGGREGATIONS)
        grouping = f"{self._one(['by', 'without', 'BY'])}{self._space()}{self._labels()}"
        body = f"({_PARAMS.get(op, '')}{self._any(depth - 1)})"
        return self._one([f"{op}{self._space()}{body}", f"{op} {grouping} {body}", f"{op}{body} {grouping}"])

    def _operation(self, depth: int) -> str:
        op = self._one(_OPERATORS)
        how = self._often(0.3 if op[0] in "=!<>" else 0.03, "bool ")
        if self._random.random() < 0.4:
            how += f"{self._one(['on', 'ignoring', 'ON'])}{self._labels()} "
            how += self._often(0.4, f"{self._one(['group_left', 'group_right'])} {self._often(0.5, self._labels())} ")
        left, right = self._any(depth - 1), self._any(depth - 1)
        left, right = self._one([left, left, f"({left})"]), self._one([right, right, f"({right})"])
        return f"{left}{self._space()} {op} {how}{right}"
