"""``Einsum`` as a matrix product, whenever it is one."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from vitaccel.frontend.operators.site import Rule, Site
from vitaccel.ir.ops import Linear, MatMul, TokenMix


@dataclass(frozen=True)
class Product:
    """Labels of a two-operand einsum, by role: shared and kept, of one side and kept, contracted."""

    a: str
    b: str
    out: str

    @property
    def batch(self) -> str:
        """In both operands and in the result."""
        return "".join(c for c in self.out if c in self.a and c in self.b)

    @property
    def rows(self) -> str:
        """Of the first operand, in the result."""
        return "".join(c for c in self.a if c in self.out and c not in self.b)

    @property
    def columns(self) -> str:
        """Of the second operand, in the result."""
        return "".join(c for c in self.b if c in self.out and c not in self.a)

    @property
    def contracted(self) -> str:
        """In both operands, not in the result."""
        return "".join(c for c in self.a if c in self.b and c not in self.out)

    @property
    def is_product(self) -> bool:
        """Whether no label repeats within an operand and none is summed on one side alone."""
        unique = all(len(set(s)) == len(s) for s in (self.a, self.b, self.out))
        return unique and set(self.out) | set(self.contracted) == set(self.a) | set(self.b)


def einsum(site: Site) -> str | None:
    """Linear if an operand is constant and nothing is batched, TokenMix if it mixes tokens, MatMul otherwise."""
    operands = site.graph[site.name].inputs
    terms = parse(site.text("equation", ""), [site.type_of(o).rank for o in operands])
    if terms is None:
        return None
    if len(operands) == 1 and sorted(terms[0]) == sorted(terms[1]) and len(set(terms[0])) == len(terms[0]):
        return site.transpose(operands[0], tuple(terms[0].index(c) for c in terms[1]))
    if len(operands) != 2:
        return None
    (a, b), (left, right, out) = operands, terms
    if site.graph.is_const(a) and not site.graph.is_const(b):
        (a, b), (left, right) = (b, a), (right, left)
    product = Product(left, right, out)
    sizes = _sizes(site, a, left) | _sizes(site, b, right)
    if not product.is_product or not _fits(site, product, sizes, a, b):
        return None
    if site.graph.is_const(b) and not product.batch:
        return _mix(site, a, b, product) or _linear(site, a, b, product, sizes)
    return _batched(site, a, b, product, sizes)


def parse(equation: str, ranks: list[int]) -> tuple[str, ...] | None:
    """Labels of each operand and of the result, ellipsis spelled out; ``None`` if it is not understood."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ranks):
        return None
    if not arrow:
        letters = left.replace(",", "").replace("...", "")
        right = ("..." if "..." in left else "") + "".join(c for c in sorted(set(letters)) if letters.count(c) == 1)
    free = [c for c in "ABCDEFGHIJKLMNOPQRSTUVWXYZ" if c not in equation]
    widest = max(
        (rank - len(t.replace("...", "")) for t, rank in zip(terms, ranks, strict=True) if "..." in t), default=0
    )
    if not 0 <= widest <= len(free):
        return None
    dots = "".join(free[:widest])
    spelled = []
    for term, rank in zip(terms, ranks, strict=True):
        count = rank - len(term.replace("...", ""))
        if count < 0 or ("..." not in term and count):
            return None
        spelled.append(term.replace("...", dots[widest - count :]))
    result = right.replace("...", dots)
    if not all(c.isalpha() for t in (*spelled, result) for c in t):
        return None
    return (*spelled, result)


def _sizes(site: Site, name: str, labels: str) -> dict[str, int]:
    return dict(zip(labels, site.type_of(name).static_shape, strict=True))


def _fits(site: Site, product: Product, sizes: dict[str, int], a: str, b: str) -> bool:
    """Whether every label has one size: no broadcasting of a dimension of 1."""
    shapes = [(product.a, site.type_of(a)), (product.b, site.type_of(b)), (product.out, site.type)]
    return all(sizes.get(c) == d for labels, t in shapes for c, d in zip(labels, t.static_shape, strict=True))


def _mix(site: Site, x: str, matrix: str, product: Product) -> str | None:
    """``mn,bnc->bmc`` and its transposed matrix."""
    shaped = len(product.a) == 3 and len(product.b) == 2 and len(product.contracted) == 1
    if not shaped or product.out != product.a.replace(product.contracted, product.columns):
        return None
    if product.a[1] != product.contracted:
        return None
    turned = product.b[0] == product.contracted
    return site.emit(TokenMix(), x, site.derive(matrix, f"mix {turned}", lambda m: m.T if turned else m))


def _linear(site: Site, x: str, weight: str, product: Product, sizes: dict[str, int]) -> str:
    rows, columns, contracted = product.rows, product.columns, product.contracted
    inner, outer = prod(sizes[c] for c in contracted), prod(sizes[c] for c in columns)
    perm = tuple(product.b.index(c) for c in contracted + columns)

    def as_matrix(values: np.ndarray) -> np.ndarray:
        return values.transpose(perm).reshape(inner, outer)

    matrix = site.derive(weight, f"einsum {perm} {inner}", as_matrix)
    turned = site.transpose(x, tuple(product.a.index(c) for c in rows + contracted))
    lead = tuple(sizes[c] for c in rows)
    made = site.emit(Linear(), site.reshape(turned, (*lead, inner)), matrix)
    return _arranged(site, made, rows + columns, product.out, sizes)


def _batched(site: Site, a: str, b: str, product: Product, sizes: dict[str, int]) -> str:
    batch, rows, columns, contracted = product.batch, product.rows, product.columns, product.contracted
    lead = tuple(sizes[c] for c in batch)
    height, inner, width = (prod(sizes[c] for c in labels) for labels in (rows, contracted, columns))
    left = site.transpose(a, tuple(product.a.index(c) for c in batch + rows + contracted))
    right = site.transpose(b, tuple(product.b.index(c) for c in batch + contracted + columns))
    made = site.emit(MatMul(), site.reshape(left, (*lead, height, inner)), site.reshape(right, (*lead, inner, width)))
    return _arranged(site, made, batch + rows + columns, product.out, sizes)


def _arranged(site: Site, name: str, labels: str, out: str, sizes: dict[str, int]) -> str:
    spread = site.reshape(name, tuple(sizes[c] for c in labels))
    return site.transpose(spread, tuple(labels.index(c) for c in out))


RULES: dict[str, Rule] = {"Einsum": einsum}
