"""The profile of an engine from what its clients saw: least squares over steps, reweighted towards the median.

Pure. Each gap between two tokens of an answer is one step of the engine. What that step computed is known from the
other requests: those that got a token at its end decoded in it, unless it was their first: then it computed their
prompt. A request alone on the engine waits for nothing before its own step.

A machine's hiccups only ever make a step longer, so plain least squares would find a slower engine than the usual one;
weighing each row again by its distance from the fit, some times, finds the least absolute error instead (Schlossmacher,
"An Iterative Technique for Absolute Deviations Curve Fitting", 1973).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import sqrt
from statistics import median
from typing import Final

import msgspec

from tidegate_bench.sim.profile import Profile

# What is fitted, in the order of a row's columns; a step's constant part is in every row.
COLUMNS: Final = (
    "step_seconds",
    "request_seconds",
    "prefill_token_seconds",
    "decode_seq_seconds",
    "context_token_seconds",
)
REWEIGHTINGS: Final = 12
# No row counts as closer to the fit than this share of its seconds: else one that is hit exactly would weigh all.
CLOSEST: Final = 0.01
# Tokens of different requests that one step made are seen this close together.
SAME_STEP_SECONDS: Final = 0.003


@dataclass(frozen=True, slots=True)
class Seen:
    """One answer as its client saw it; times are seconds."""

    prompt_tokens: int
    sent: float
    tokens: tuple[float, ...]

    @property
    def first_token(self) -> float:
        """From sending to the first token."""
        return self.tokens[0] - self.sent

    @property
    def gaps(self) -> list[float]:
        """Between each token and the next."""
        return [after - before for before, after in pairwise(self.tokens)]


@dataclass(frozen=True, slots=True)
class Row:
    """One step: its seconds, and how much of each it held."""

    seconds: float
    columns: tuple[float, ...]


def rows_alone(seen: Sequence[Seen]) -> list[Row]:
    """Return the rows of answers that were alone: first tokens, and gaps."""
    rows = []
    for one in seen:
        rows.append(Row(one.first_token, (1.0, 1.0, one.prompt_tokens, 0.0, 0.0)))
        rows += [
            Row(gap, (1.0, 0.0, 0.0, 1.0, one.prompt_tokens + number))
            for number, gap in enumerate(one.gaps, 1)
        ]
    return rows


def rows_together(seen: Sequence[Seen]) -> list[Row]:
    """Return the rows of gaps among several answers at a time."""
    rows = []
    for one in seen:
        for before, after in pairwise(one.tokens):
            prefill = decode = context = 0
            for other in seen:
                if other.sent > after or other.tokens[-1] < before:
                    continue
                count = sum(token <= before + SAME_STEP_SECONDS for token in other.tokens)
                if count and count < len(other.tokens):
                    decode += 1
                    context += other.prompt_tokens + count
                elif not count and other.tokens[0] <= after + SAME_STEP_SECONDS:
                    prefill += other.prompt_tokens
            rows.append(Row(after - before, (1.0, 0.0, prefill, decode, context)))
    return rows


def fit(rows: Sequence[Row], profile: Profile) -> Profile:
    """Return the profile with the times that fit these rows best; none is negative.

    What counts is the error as a share of a row's seconds, but of no fewer than usual: the gap after a hiccup is
    nearly nothing, and would else weigh most.
    """
    usual = median(row.seconds for row in rows)
    scales = [1 / max(row.seconds, usual) for row in rows]
    weights = scales
    for _ in range(REWEIGHTINGS):
        found = _solve_nonnegative(rows, weights)
        errors = [
            abs(_predict(row, found) - row.seconds) * scale for row, scale in zip(rows, scales, strict=True)
        ]
        weights = [s / sqrt(max(error, CLOSEST)) for s, error in zip(scales, errors, strict=True)]
    return msgspec.structs.replace(profile, **dict(zip(COLUMNS, found, strict=True)))


def _predict(row: Row, found: Sequence[float]) -> float:
    return sum(value * each for value, each in zip(row.columns, found, strict=True))


def _solve_nonnegative(rows: Sequence[Row], weights: Sequence[float]) -> list[float]:
    """Return the least squares, leaving out one column after the other that would be negative."""
    active = list(range(len(COLUMNS)))
    while True:
        solved = _solve(rows, weights, active)
        worst = min(range(len(active)), key=lambda index: solved[index] * _scale(rows, active[index]))
        if solved[worst] >= 0:
            found = [0.0] * len(COLUMNS)
            for index, value in zip(active, solved, strict=True):
                found[index] = value
            return found
        del active[worst]


def _scale(rows: Sequence[Row], column: int) -> float:
    return sum(row.columns[column] for row in rows) / len(rows)


def _solve(rows: Sequence[Row], weights: Sequence[float], active: Sequence[int]) -> list[float]:
    """Solve the normal equations for these columns."""
    size = len(active)
    matrix = [[0.0] * (size + 1) for _ in range(size)]
    for row, weight in zip(rows, weights, strict=True):
        values = [row.columns[column] * weight for column in active]
        for i, one in enumerate(values):
            for j, other in enumerate(values):
                matrix[i][j] += one * other
            matrix[i][size] += one * row.seconds * weight
    return _eliminate(matrix)


def _eliminate(matrix: list[list[float]]) -> list[float]:
    """Return the solution of linear equations (Gauss, with pivots); what nothing determines is 0."""
    size = len(matrix)
    for column in range(size):
        pivot = max(range(column, size), key=lambda index: abs(matrix[index][column]))
        matrix[column], matrix[pivot] = matrix[pivot], matrix[column]
        lead = matrix[column][column]
        if abs(lead) < 1e-18:
            continue
        for index in range(size):
            if index != column:
                factor = matrix[index][column] / lead
                matrix[index] = [a - factor * b for a, b in zip(matrix[index], matrix[column], strict=True)]
    return [row[size] / row[i] if abs(row[i]) >= 1e-18 else 0.0 for i, row in enumerate(matrix)]
