"""What training asks of gates and of reused attention beyond the right label."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from vitaccel.zoo.lookupvit import Gather
from vitaccel.zoo.router import Router


def load_balance(probabilities: Tensor, indices: Tensor) -> Tensor:
    """Return ``E sum_e f_e P_e``: 1 when the experts share the tokens evenly, more when they do not.

    ``f_e`` is the share of the choices that fall on expert e, ``P_e`` its mean probability (Switch Transformer, arXiv
    2101.03961, equation 4).

    Parameters
    ----------
    probabilities, indices
        ``(S, E)`` gate probabilities and the ``(S, k)`` experts chosen.
    """
    experts = probabilities.shape[-1]
    shares = F.one_hot(indices, experts).to(probabilities.dtype).mean(dim=(0, 1))
    return experts * (shares * probabilities.mean(dim=0)).sum()


def gate_doubt(logits: Tensor, top_k: int) -> Tensor:
    """Return the mean of ``max(0, 1 - (l_k - l_{k+1}))`` over tokens, l sorted: 0 when every choice is clear by 1.

    A clear choice is one that rounding does not change.

    Parameters
    ----------
    logits
        ``(S, E)``, ``E > top_k``.
    """
    ranked = logits.topk(top_k + 1, dim=-1).values
    return F.relu(1 - (ranked[:, top_k - 1] - ranked[:, top_k])).mean()


def attention_pile(probabilities: Tensor) -> Tensor:
    """Return the mean of ``sum_n c_n^2 / M`` with ``c_n = sum_m A_mn``: from M/N (spread evenly) to M (all on one key).

    The rows of the transposed scores that LookupViT reuses sum to c_n and not to 1, so a key on which attention piles
    up becomes an outlier of ``A^T V'``.

    Parameters
    ----------
    probabilities
        ``(B, H, M, N)``, rows that sum to 1.
    """
    return probabilities.sum(dim=-2).square().sum(dim=-1).mean() / probabilities.shape[-2]


@dataclass
class Penalty:
    """What the hooks of :func:`watched` have added up since :meth:`take`."""

    terms: list[Tensor] = field(default_factory=list)

    def take(self) -> Tensor:
        """Return the sum of the penalties of the forward passes so far, and start again at none."""
        total = torch.stack(self.terms).sum() if self.terms else torch.zeros(())
        self.terms.clear()
        return total


@contextmanager
def watched(model: nn.Module, *, balance: float, doubt: float, pile: float) -> Iterator[Penalty]:
    """Collect weighted penalties of every router and every LookupViT gather of ``model`` while inside.

    Parameters
    ----------
    balance, doubt, pile
        Weights of :func:`load_balance`, :func:`gate_doubt` and :func:`attention_pile`.
    """
    penalty = Penalty()

    def on_router(router: Router, args: tuple[Tensor, Tensor | None], out: tuple[Tensor, Tensor]) -> None:
        logits, indices = router.logits(*args), out[1]
        penalty.terms.append(balance * load_balance(logits.softmax(dim=-1), indices))
        penalty.terms.append(doubt * gate_doubt(logits, router.top_k))

    def on_gather(_gather: Gather, _args: object, out: tuple[Tensor, Tensor, Tensor]) -> None:
        penalty.terms.append(pile * attention_pile(out[2]))

    hooks: dict[type[nn.Module], Callable[..., None]] = {Router: on_router, Gather: on_gather}
    handles = [module.register_forward_hook(hooks[type(module)]) for module in model.modules() if type(module) in hooks]
    try:
        yield penalty
    finally:
        for handle in handles:
            handle.remove()
