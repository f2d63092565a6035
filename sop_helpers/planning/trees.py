"""Trees of LightGBM for thousands of rows at once.

LightGBM sends one row after the other through all trees. Here all rows go through one node after the other, which for thousands of them takes less than half
the time; what a row is told is the same to the last bit, as the same leaves are added up in the same order.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

ROWS = 8192  # at a time, which fit the processor's cache
SUMS = ("regression", "regression_l1", "quantile", "huber")  # objectives whose forecast is the sum of the leaves itself
CATEGORY, BLANK_LEFT, BLANKS, ZEROS = 1, 2, 8, 4  # bits of a node's type: what it splits by, where a blank goes, whether blanks or zeros were told apart


class Node(NamedTuple):
    """A split: rows with a feature up to the threshold go left, and blank ones if so said; a child below zero is the complement of a leaf's number."""

    feature: int
    threshold: float
    blank_left: bool
    left: int
    right: int


class Tree(NamedTuple):
    """Nodes, each before its children, and the values of the leaves."""

    nodes: list[Node]
    leaves: NDArray[np.float64]


@lru_cache(maxsize=16)
def read(text: str) -> list[Tree]:
    """Read the trees of a model that LightGBM has written as text, of one output and without categories.

    Raises
    ------
    ValueError
        The model splits by categories, takes zeros for blanks, or makes something else of its leaves than their sum.
    """
    header, trees = text.split("\nTree=")[0].splitlines(), []
    objective = next((line.removeprefix("objective=") for line in header if line.startswith("objective=")), "")
    if objective not in SUMS or "average_output" in header or "\nis_linear=1" in text or "version=v4" not in header:
        raise ValueError(f"only sums of leaves are read, in the form of LightGBM 4; found the objective {objective!r}")
    for part in text.split("end of trees")[0].split("\nTree=")[1:]:
        field = dict(line.split("=", 1) for line in part.splitlines() if "=" in line)
        kinds, thresholds = (field["decision_type"].split(), field["threshold"].split()) if int(field["num_leaves"]) > 1 else ([], [])
        if any(int(kind) & (CATEGORY | ZEROS) for kind in kinds):
            raise ValueError("only splits by size are read")
        # Where no blank was seen in training, one counts as zero.
        blank_left = [bool(int(kind) & BLANK_LEFT) if int(kind) & BLANKS else float(at) >= 0 for kind, at in zip(kinds, thresholds, strict=True)]
        features, left, right = (map(int, field[name].split()) if kinds else () for name in ("split_feature", "left_child", "right_child"))
        nodes = [Node(*one) for one in zip(features, map(float, thresholds), blank_left, left, right, strict=True)]
        trees.append(Tree(nodes, np.array(field["leaf_value"].split(), dtype=float)))
    return trees


def predict(text: str, columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return what a model says of each row (n,) of features given column by column (features, n)."""
    total = np.zeros(columns.shape[1])
    for at in range(0, len(total), ROWS):
        part = np.ascontiguousarray(columns[:, at : at + ROWS])
        for tree in read(text):
            total[at : at + ROWS] += tree.leaves.take(_leaf(tree, part))
    return total


def _leaf(tree: Tree, columns: NDArray[np.float64]) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Return the leaf (n,) that each row falls into."""
    n = columns.shape[1]
    # Which rows are at each node and leaf; the numbers of leaves, below zero, count from the end.
    here = np.empty((len(tree.nodes) + len(tree.leaves), n), dtype=bool)
    here[0] = True
    there = np.empty(n, dtype=bool)
    for node, rows in zip(tree.nodes, here, strict=False):
        if node.blank_left:
            goes, stays = here[node.right], here[node.left]
            np.greater(columns[node.feature], node.threshold, out=there)
        else:
            goes, stays = here[node.left], here[node.right]
            np.less_equal(columns[node.feature], node.threshold, out=there)
        np.logical_and(rows, there, out=goes)
        np.not_equal(rows, goes, out=stays)
    number = np.min_scalar_type(len(tree.leaves)).type
    leaf = np.zeros(n, dtype=number)
    for k in range(1, len(tree.leaves)):
        leaf |= np.multiply(here[-1 - k], number(k), dtype=number)
    return leaf
