"""Routing is right on every row of a small alphabet, and another tie rule is found."""

from __future__ import annotations

import pytest
import torch

from vitaccel.reference.certificate import topk
from vitaccel.reference.topk import ExpertQueues, Queues, TopK


def test_no_row_and_no_queue_is_wrong(seed: int) -> None:
    certificate = topk.certify_topk(seed)
    assert (certificate.rows, certificate.wrong_rows) == (1024, 0)
    assert (certificate.queues, certificate.wrong_queues) == (88, 0)


def test_ties_to_the_higher_expert_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    def higher(self: TopK, logits: torch.Tensor) -> torch.Tensor:
        return self.experts - 1 - logits.flip(-1).sort(dim=-1, descending=True, stable=True).indices[..., : self.k]

    monkeypatch.setattr(TopK, "compute", higher)
    assert topk.certify_topk().wrong_rows > 0


def test_a_queue_in_the_other_order_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    compute = ExpertQueues.compute

    def other(self: ExpertQueues, choices: torch.Tensor) -> Queues:
        return compute(ExpertQueues(self.experts, self.capacity, "token" if self.capacity else ""), choices)

    monkeypatch.setattr(ExpertQueues, "compute", other)
    assert topk.certify_topk().wrong_queues > 0
