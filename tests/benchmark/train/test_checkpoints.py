import pytest
import torch

from benchmark.train.checkpoints import damage, usable


@pytest.fixture
def checkpoint(tmp_path):
    torch.save({"state_dict": {"w": torch.arange(5000.0)}}, tmp_path / "last.ckpt")
    return tmp_path / "last.ckpt"


def test_a_whole_one_is_used(checkpoint):
    assert usable(checkpoint)
    assert not usable(checkpoint.with_name("absent.ckpt"))


def test_one_changed_byte_is_found_and_the_file_is_kept(checkpoint, caplog):
    content = bytearray(checkpoint.read_bytes())
    content[len(content) // 2] ^= 1
    checkpoint.write_bytes(content)
    assert not usable(checkpoint)
    assert "last.ckpt cannot be used (its record " in caplog.text
    assert (checkpoint.parent / "last.ckpt.damaged").read_bytes() == content
    assert not checkpoint.exists()


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_torn_one_is_found(checkpoint, share):
    content = checkpoint.read_bytes()
    checkpoint.write_bytes(content[: int(share * len(content))])
    assert damage(checkpoint) != ""


def test_another_file_of_that_name_is_none(checkpoint):
    checkpoint.write_text("<html>")
    assert damage(checkpoint) == "File is not a zip file"
