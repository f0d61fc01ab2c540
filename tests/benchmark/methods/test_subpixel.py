import torch

from benchmark.methods.subpixel import depth_to_space, space_to_depth


def test_depth_to_space_inverts_space_to_depth():
    volume = torch.arange(2 * 3 * 4 * 8 * 4, dtype=torch.float32).reshape(2, 3, 4, 8, 4)
    packed = space_to_depth(volume, 2)
    assert packed.shape == (2, 24, 2, 4, 2)
    assert torch.equal(depth_to_space(packed, 2), volume)


def test_a_block_becomes_the_channels_of_one_voxel():
    volume = torch.zeros(1, 1, 4, 4, 4)
    volume[0, 0, :2, :2, :2] = torch.arange(8.0).reshape(2, 2, 2)
    packed = space_to_depth(volume, 2)
    assert packed[0, :, 0, 0, 0].tolist() == list(range(8))
    assert packed[0, :, 1, 0, 0].abs().sum() == 0
