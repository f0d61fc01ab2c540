import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from seada.linear_adversary import explained_site_variance


def sites(n, count):
    return torch.arange(n) % count


def test_agrees_with_ridge_regression_on_one_hot_sites():
    torch.manual_seed(0)
    ldr, site = torch.randn(90, 5, dtype=torch.float64), sites(90, 3)
    ldr[:, 0] += site
    got = explained_site_variance(ldr, site, 3, ridge=0.1).item()
    target = np.eye(3)[site] - np.eye(3)[site].mean(axis=0)
    x = ldr.numpy() - ldr.numpy().mean(axis=0)
    penalty = 0.1 * x.var(axis=0).mean() * len(x)
    fitted = Ridge(alpha=penalty, fit_intercept=False).fit(x, target).predict(x)
    assert got == pytest.approx((fitted * target).sum() / (target**2).sum(), rel=1e-9)


def test_nothing_to_read_gives_about_the_share_of_dimensions():
    torch.manual_seed(0)
    assert explained_site_variance(torch.randn(400, 8), sites(400, 4), 4).item() == pytest.approx(8 / 400, abs=0.02)


def test_a_site_does_not_hide_behind_an_inflated_direction():
    torch.manual_seed(0)
    site = sites(400, 2)
    ldr = torch.randn(400, 4)
    ldr[:, 0] = site + 0.1 * torch.randn(400)
    inflated = ldr.clone()
    inflated[:, 1] *= 3
    plain, hidden = (explained_site_variance(x, site, 2, ridge=0.01).item() for x in (ldr, inflated))
    assert plain > 0.85
    assert hidden > 0.8


def test_descending_on_it_removes_what_a_linear_map_can_read():
    torch.manual_seed(0)
    site = sites(200, 2)
    raw = torch.randn(200, 3)
    raw[:, 0] += 2 * site
    weight = torch.eye(3, requires_grad=True)
    optimizer = torch.optim.Adam([weight], 0.05)
    before = explained_site_variance(raw @ weight, site, 2).item()
    for _ in range(200):
        optimizer.zero_grad()
        explained_site_variance(raw @ weight, site, 2).backward()
        optimizer.step()
    assert explained_site_variance(raw @ weight, site, 2).item() < before / 4
