import torch

from benchmark.methods.memory import LDRMemory


def test_memory_keeps_the_last_batches_without_gradient():
    memory = LDRMemory(2)
    batches = [torch.full((3, 2), float(i), requires_grad=True) for i in range(4)]
    joined = [memory.extend(batch, torch.full((3,), i)) for i, batch in enumerate(batches)]
    assert [len(ldrs) for ldrs, _ in joined] == [3, 6, 9, 9]
    ldrs, sites = joined[3]
    assert ldrs[:, 0].tolist() == sites.tolist() == [1] * 3 + [2] * 3 + [3] * 3
    ldrs.sum().backward()
    assert batches[2].grad is None
    assert batches[3].grad is not None


def test_memory_of_nothing_gives_the_batch_back():
    memory = LDRMemory(0)
    memory.extend(torch.ones(3, 2), torch.zeros(3))
    ldrs, sites = memory.extend(torch.zeros(3, 2), torch.ones(3))
    assert ldrs.shape == (3, 2)
    assert sites.tolist() == [1, 1, 1]


def test_centred_memory_takes_out_the_movement_of_the_mean_alone():
    generator = torch.Generator().manual_seed(0)
    still = torch.randn(4, 64, 3, generator=generator)
    moving = still + torch.arange(4.0)[:, None, None] * torch.tensor([50.0, 0, -7])
    sites = torch.arange(64)
    for batches in (still, moving):
        memory = LDRMemory(3, centred=True)
        for batch in batches:
            joined, _ = memory.extend(batch, sites)
        expected = torch.cat([batch - batch.mean(0) for batch in still])
        torch.testing.assert_close(joined, expected, atol=1e-4, rtol=0)
    plain = LDRMemory(3)
    for batch in moving:
        joined, _ = plain.extend(batch, sites)
    assert torch.equal(joined, moving.flatten(0, 1))


def test_centred_memory_leaves_a_single_scan_as_it_is():
    memory = LDRMemory(1, centred=True)
    ldrs, _ = memory.extend(torch.ones(1, 2), torch.zeros(1))
    assert torch.equal(ldrs, torch.ones(1, 2))


def test_memory_survives_a_checkpoint():
    memory, other = LDRMemory(2), LDRMemory(2)
    memory.extend(torch.ones(3, 2), torch.arange(3))
    other.load_state_dict(memory.state_dict())
    batch = torch.zeros(3, 2), torch.arange(3)
    for kept, expected in zip(other.extend(*batch), memory.extend(*batch), strict=True):
        assert torch.equal(kept, expected)
