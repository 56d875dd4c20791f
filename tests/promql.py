"""Reads the part of PromQL that our pages use, strictly: what it cannot read is a mistake. Knows no metric.

expression = operand { operator [modifier] operand }
operand    = number | "(" expression ")" | aggregation | function "(" ... ")" | selector ["[" duration "]"]
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

AGGREGATIONS = frozenset({"sum", "min", "max", "avg", "count"})
OF_RANGES = frozenset({"rate", "increase", "delta", "changes", "predict_linear"})
FUNCTIONS = OF_RANGES | {"histogram_quantile", "absent", "vector"}
OPERATORS = frozenset({"+", "-", "*", "/", ">", "<", ">=", "<=", "==", "!=", "and", "or", "unless"})
OF_THE_SCRAPE = frozenset({"instance", "job"})  # labels that Prometheus adds
TOKEN = re.compile(
    r"\s*(?:(?P<string>\"(?:[^\"\\]|\\.)*\")|(?P<duration>\$__rate_interval|\d+[smhd])|(?P<number>\d+(?:\.\d+)?(?:e\d+)?)"
    r"|(?P<word>[A-Za-z_:][A-Za-z0-9_:]*)|(?P<sign>=~|!~|[<>=!]=|[-+*/<>=(){}\[\],]))"
)


@dataclass(frozen=True)
class Selector:
    """A metric that a query reads; `is_range`: its values over a time."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...]  # label, operator, value
    is_range: bool
    function: str  # that it is given to; empty: none

    @property
    def labels(self) -> set[str]:
        return {label for label, _, _ in self.matchers}

    def picks(self, labels: dict[str, str]) -> bool:
        """Whether a series of the metric, as a service sends it, is meant; who scraped it is not looked at."""
        return all(
            (re.fullmatch(value, labels.get(label, "")) is not None if "~" in sign else labels.get(label, "") == value)
            != sign.startswith("!")
            for label, sign, value in self.matchers
            if label not in OF_THE_SCRAPE
        )


class Query:
    """One query, read from its first sign to its last.

    Raises:
        ValueError: it is no PromQL, or of a form that is not read here.
    """

    def __init__(self, text: str) -> None:
        self.text, self.selectors = text, list[Selector]()
        self._tokens = list(_tokens(text))
        self._at = 0
        self._expression("")
        if self._at != len(self._tokens):
            raise ValueError(f"{text!r}: {self._next!r} is too much")

    @property
    def _next(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _take(self, *wanted: str) -> str:
        token = self._next
        if not token or (wanted and token not in wanted):
            raise ValueError(f"{self.text!r}: {token!r} in place of {' or '.join(wanted) or 'something'}")
        self._at += 1
        return token

    def _expression(self, function: str) -> None:
        self._operand(function)
        while self._next in OPERATORS:
            self._take()
            if self._next in ("on", "ignoring"):
                self._take()
                self._labels()
            self._operand(function)

    def _operand(self, function: str) -> None:
        token = self._take()
        if token == "(":
            self._expression(function)
            self._take(")")
        elif re.fullmatch(r"[\d.]+(e\d+)?", token):
            return
        elif token in AGGREGATIONS:
            if self._next in ("by", "without"):
                self._take()
                self._labels()
            self._arguments(token, 1)
        elif token in FUNCTIONS:
            self._arguments(token, 2 if token in ("histogram_quantile", "predict_linear") else 1)
        else:
            self._selector(token, function)

    def _arguments(self, function: str, count: int) -> None:
        self._take("(")
        for number in range(count):
            if number:
                self._take(",")
            self._expression(function)
        self._take(")")

    def _selector(self, metric: str, function: str) -> None:
        if not re.fullmatch(r"[A-Za-z_:][\w:]*", metric):
            raise ValueError(f"{self.text!r}: {metric!r} is no metric")
        matchers = self._matchers() if self._next == "{" else []
        is_range = self._next == "["
        if is_range:
            self._take("[")
            if not TOKEN.fullmatch(self._take())["duration"]:  # type: ignore[index]
                raise ValueError(f"{self.text!r}: a range without a duration")
            self._take("]")
        if is_range != (function in OF_RANGES):
            raise ValueError(f"{self.text!r}: {metric} {'with' if is_range else 'without'} a range")
        self.selectors.append(Selector(metric, tuple(matchers), is_range, function))

    def _matchers(self) -> list[tuple[str, str, str]]:
        matchers = []
        self._take("{")
        while self._next != "}":
            label, sign, value = self._take(), self._take("=", "!=", "=~", "!~"), self._take()
            if not value.startswith('"'):
                raise ValueError(f"{self.text!r}: a label is compared with what is no string")
            matchers.append((label, sign, value[1:-1]))
            if self._next != "}":
                self._take(",")
        self._take("}")
        return matchers

    def _labels(self) -> None:
        self._take("(")
        while self._next != ")":
            self._take()
            if self._next != ")":
                self._take(",")
        self._take(")")


def _tokens(text: str) -> Iterator[str]:
    at = 0
    while at < len(text.rstrip()):
        match = TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"{text!r}: {text[at:]!r} cannot be read")
        yield match[0].strip()
        at = match.end()
