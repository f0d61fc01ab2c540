"""The linear path begins with a solution in closed form, on any grid."""

from __future__ import annotations

import pytest
import torch
from sklearn.decomposition import PCA

from benchmark.methods.errors import MethodError
from benchmark.methods.linear_path import LinearPath
from benchmark.methods.smoothing import blurred

SHAPE = (8, 8, 16)


@pytest.fixture
def volumes():
    """Mixtures of four smooth patterns and a little noise, shape (30, 1, 8, 8, 16)."""
    draw = torch.Generator().manual_seed(0)
    patterns = torch.randn(4, 1, 2, 2, 4, generator=draw)
    patterns = torch.nn.functional.interpolate(patterns, SHAPE, mode="trilinear").flatten(1)
    weights = torch.randn(30, 4, generator=draw) * torch.tensor([8.0, 6.0, 4.0, 2.0])
    return (weights @ patterns + 0.1 * torch.randn(30, 1024, generator=draw)).view(-1, 1, *SHAPE)


def fitted(volumes, spacing=4.0, ldr_dim=4, components=8):
    path = LinearPath(tuple(volumes.shape[2:]), spacing, ldr_dim, components)
    path.fit(volumes.split(7), len(volumes))
    return path


def test_an_untrained_path_is_an_analysis_of_blurred_volumes_and_their_mirror_images(volumes):
    path = fitted(volumes)
    blurry = blurred(volumes, 4.0)
    both = torch.cat([blurry, blurry.flip(2)]).flatten(1).numpy()
    pca = PCA(4).fit(both)
    expected = pca.inverse_transform(pca.transform(blurry.flatten(1).numpy()))
    ldr = path.ldr(volumes)
    assert ldr.shape == (30, 4)
    torch.testing.assert_close(path.volume(ldr).detach().flatten(1), torch.as_tensor(expected), atol=0.02, rtol=0.01)


def test_distances_of_all_scores_are_those_of_the_blurred_volumes(volumes):
    path = fitted(volumes, components=59)
    scores = path.scores(volumes) * path.unit
    expected = torch.pdist(blurred(volumes, 4.0).flatten(1))
    torch.testing.assert_close(torch.pdist(scores), expected, atol=0.02, rtol=1e-3)


def test_components_beyond_the_training_scans_are_zero(volumes):
    path = fitted(volumes[:3], components=10)
    assert path.basis[:5].square().sum(dim=1).allclose(torch.ones(5))
    assert not path.basis[5:].any()
    assert torch.isfinite(path.ldr(volumes)).all()


def test_denoising_leaves_out_what_views_change(volumes):
    # Views add the pattern that differs most between scans, as a scanner's shading might.
    path = fitted(volumes)
    shading = (path.basis[0] + path.mean * 0).view(1, 1, *SHAPE)
    draw = torch.Generator().manual_seed(1)

    def views():
        for volume in volumes.split(7):
            yield volume, volume + 300 * torch.randn(len(volume), 1, 1, 1, 1, generator=draw) * shading

    before = moved(path, volumes, shading)
    path.denoise(view for _ in range(20) for view in views())
    after = moved(path, volumes, shading)
    assert before > 0.2
    assert after < 0.05 * before
    assert path.ldr(volumes).var(dim=0).mean().item() == pytest.approx(1, rel=0.05)


@torch.no_grad()
def moved(path, volumes, change):
    """How far a change of the volumes moves their LDRs, relative to the differences between them."""
    ldr = path.ldr(volumes)
    return float((path.ldr(volumes + 100 * change) - ldr).norm(dim=1).mean() / torch.pdist(ldr).mean())


def test_without_differences_between_views_denoising_changes_no_distance(volumes):
    # Four patterns and their mirror images: eight dimensions hold all there is.
    path = fitted(volumes, ldr_dim=8)
    ldr = path.ldr(volumes)
    back = path.volume(ldr)
    path.denoise((volume, volume) for volume in volumes.split(7))
    one, other = torch.pdist(path.ldr(volumes)), torch.pdist(ldr)
    torch.testing.assert_close(one / one.mean(), other / other.mean(), atol=0.02, rtol=0.02)
    torch.testing.assert_close(
        path.volume(path.ldr(volumes)) - path.volume(path.ldr(volumes)).mean(0),
        back - back.mean(0),
        atol=0.1,
        rtol=0.05,
    )


@pytest.mark.parametrize(("spacing", "block"), [(8.0, 1), (4.0, 1), (2.0, 2), (1.0, 4)])
def test_the_path_has_the_same_size_on_finer_grids(spacing, block):
    path = LinearPath((40, 48, 40), spacing, 32, 64)
    assert path.block == block
    volume = path.volume(torch.zeros(2, 32))
    assert volume.shape == (2, 1, 40, 48, 40)


def test_blocks_fit_the_grid():
    # 1 mm asks for blocks of 4 voxels, which 6 does not hold.
    assert LinearPath((6, 8, 8), 1.0, 4, 4).block == 2


def test_a_finer_grid_gives_nearly_the_same_distances(volumes):
    fine = torch.nn.functional.interpolate(volumes, scale_factor=2, mode="trilinear")
    one, other = torch.pdist(fitted(fine, spacing=2.0).ldr(fine)), torch.pdist(fitted(volumes).ldr(volumes))
    assert torch.corrcoef(torch.stack([one, other]))[0, 1] > 0.99


def test_many_scans_are_thinned_evenly(volumes, monkeypatch):
    monkeypatch.setattr("benchmark.methods.linear_path.LIMIT", 10)
    chosen = blurred(volumes[::3], 4.0)
    expected = torch.cat([chosen, chosen.flip(2)]).mean(dim=0).flatten()
    torch.testing.assert_close(fitted(volumes).mean, expected, atol=1e-4, rtol=1e-4)


def test_errors_are_for_the_user(volumes):
    with pytest.raises(MethodError, match=r"blocks.components: 3 is not allowed; .* at least ldr_dim, 4"):
        LinearPath(SHAPE, 4.0, 4, 3)
    with pytest.raises(MethodError, match="the training volumes are all the same"):
        fitted(torch.ones(9, 1, *SHAPE))
