import numpy as np
import pandas as pd
import pytest

from benchmark.data.parquet import read_arrow, write_parquet
from benchmark.errors import UserError


@pytest.fixture
def frame():
    return pd.DataFrame({"name": ["a", "b", "c"] * 300, "value": np.random.default_rng(0).normal(size=900)})


def test_what_is_written_is_read(frame, tmp_path):
    write_parquet(frame, tmp_path / "t.parquet", {b"k": b"v"})
    table = read_arrow(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(table.to_pandas(), frame)
    assert table.schema.metadata == {b"k": b"v"}


def test_equal_content_gives_equal_bytes(frame, tmp_path):
    write_parquet(frame, tmp_path / "a.parquet")
    write_parquet(frame.set_axis(range(7, 907)), tmp_path / "b.parquet")
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_a_changed_byte_of_the_data_is_found(frame, tmp_path):
    path = tmp_path / "t.parquet"
    write_parquet(frame, path)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(UserError, match=r"t\.parquet: cannot be read as parquet"):
        read_arrow(path)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"<html></html>"])
def test_other_files_are_refused(tmp_path, content):
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(UserError, match="cannot be read as parquet"):
        read_arrow(tmp_path / "t.parquet")
    with pytest.raises(UserError, match="absent"):
        read_arrow(tmp_path / "absent.parquet")
