"""The memory has the last batches, without their gradient."""

from __future__ import annotations

import torch

from baselines.memory import Memory


def test_memory_keeps_the_last_batches_without_their_gradient():
    memory, batches = Memory(2), [torch.full((3, 1), float(number), requires_grad=True) for number in range(4)]
    for number, batch in enumerate(batches):
        rows, labels = memory.extend(batch, torch.full((3,), number))
    assert rows.flatten().tolist() == [1] * 3 + [2] * 3 + [3] * 3
    assert labels.tolist() == rows.flatten().tolist()
    rows.sum().backward()
    assert [batch.grad is not None for batch in batches] == [False, False, False, True]
    none = Memory(0)
    none.extend(batches[0])
    assert len(none.extend(batches[1])[0]) == 3


def test_memory_fills_up_to_the_number_of_batches_and_stays_there():
    memory = Memory(5)
    assert [len(memory.extend(torch.zeros(2, 1))[0]) for _ in range(8)] == [2, 4, 6, 8, 10, 12, 12, 12]


def test_memory_survives_a_checkpoint():
    memory, other = Memory(2), Memory(2)
    memory.extend(torch.ones(3, 2), torch.arange(3))
    other.load_state_dict(memory.state_dict())
    batch = torch.zeros(3, 2), torch.arange(3)
    for kept, expected in zip(other.extend(*batch), memory.extend(*batch), strict=True):
        assert torch.equal(kept, expected)
