"""What a class depends on is found without running it, and told apart by what it computes."""

from __future__ import annotations

import sys

import pytest

from benchmark.sweep.sources import Sources, dotted_names, files_of


@pytest.fixture
def project(tmp_path, monkeypatch):
    """Write files of a folder that modules are imported from; the closure of a dotted name in it."""
    monkeypatch.syspath_prepend(tmp_path)

    def write(**files):
        for name, text in files.items():
            path = tmp_path / f"{name.replace('__in__', '/')}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return lambda *roots, **options: Sources(["numpy"]).closure(roots, **options)

    return write


def test_imports_are_followed_wherever_they_stand(project):
    closure = project(
        aa_one="import aa_two\nimport os, numpy.linalg\n",
        aa_two="def f():\n    if True:\n        from aa_three import x\n",
        aa_three="import importlib\nimportlib.import_module('aa_four')\n",
        aa_four="try:\n    import aa_missing, tabulate\nexcept ImportError:\n    pass\nraise SystemExit('was run')\n",
        aa_five="",
    )
    found = closure("aa_one.Method.Inner")
    assert set(found.modules) == {"aa_one", "aa_two", "aa_three", "aa_four"}
    assert found.outside == {"numpy", "tabulate"}
    assert not {"aa_one", "aa_four"} & set(sys.modules)


def test_packages_count_with_their_own_code_and_relative_imports_are_followed(project):
    closure = project(
        pp__in____init__="",
        pp__in__a="from . import b\nfrom .inner import c\nfrom .inner.d import *\n",
        pp__in__b="from .. import nothing\n",
        pp__in__inner__in____init__="from ..top import x\n",
        pp__in__inner__in__c="",
        pp__in__inner__in__d="",
        pp__in__top="x = 1\n",
        pp__in__unused="",
    )
    names = {"pp", "pp.a", "pp.b", "pp.inner", "pp.inner.c", "pp.inner.d", "pp.top"}
    assert set(closure("pp.a").modules) == names
    assert set(closure("pp.a", without=["pp.inner"]).modules) == {"pp", "pp.a", "pp.b"}
    assert set(closure("pp.a", known=["pp.b", "pp.inner"]).modules) == {"pp", "pp.a", "pp.inner.c", "pp.inner.d"}


def test_of_an_import_whose_name_is_computed_the_package_counts(project):
    closure = project(
        qq__in____init__="",
        qq__in__a="from importlib import import_module\nfor name in 'bc':\n    import_module(f'qq.{name}')\n",
        qq__in__b="",
        qq__in__inner__in____init__="",
        qq__in__inner__in__d="import qq_beside\n",
        qq_beside="",
        qq_other="",
    )
    assert set(closure("qq.a").modules) == {"qq", "qq.a", "qq.b", "qq.inner", "qq.inner.d", "qq_beside"}


def test_names_that_a_package_offers_on_demand_count_where_they_are_used(project):
    closure = project(
        ll__in____init__=(
            "from importlib import import_module\nfrom typing import TYPE_CHECKING\n"
            "if TYPE_CHECKING:\n    from ll.one import f\n    from ll.two import g\n"
            "def __getattr__(name):\n    return getattr(import_module(HOMES[name]), name)\n"
        ),
        ll__in__one="def f(): pass\n",
        ll__in__two="def g(): pass\n",
        ll__in__three="",
        ll_inner="import ll.three\n",
        ll_named="from ll import f\n",
        ll_whole="import ll\n",
    )
    assert set(closure("ll_inner").modules) == {"ll_inner", "ll", "ll.three"}
    assert set(closure("ll_named").modules) == {"ll_named", "ll", "ll.one"}
    assert set(closure("ll_whole").modules) == {"ll_whole", "ll", "ll.one", "ll.two"}


@pytest.mark.parametrize(
    ("other", "same"),
    [
        ('"""Other."""\ndef f(x: int = 1) -> int:\n    return g(x) + 2\n', True),
        ("def f( x : int=1 )->int :  # said\n\n    return (g(x)\n      + 2)\n", True),
        ("def f(x: int = 1) -> int:\n    '''Said.'''\n    pass\n    return g(x) + 2\n", True),
        ("def f(x: int = 1) -> int:\n    return g(x) + 2.0\n", False),
        ("def f(x: int = 2) -> int:\n    return g(x) + 2\n", False),
        ("def f(x: str = 1) -> int:\n    return g(x) + 2\n", False),
        ("def f(x: int = 1) -> int:\n    return 2 + g(x)\n", False),
        ("@cache\ndef f(x: int = 1) -> int:\n    return g(x) + 2\n", False),
        ("def f(x: int = 1) -> int:\n    return g(x) + 2\ny = 'text'\n", False),
    ],
)
def test_a_digest_is_of_what_is_computed(project, other, same):
    plain = "def f(x: int = 1) -> int:\n    return g(x) + 2\n"
    closure = project(rr_one=plain)
    before = closure("rr_one").modules
    assert (project(rr_one=other)("rr_one").modules == before) is same


def test_what_is_compiled_or_no_python_counts_by_its_bytes(project, tmp_path):
    closure = project(ss_one="print 'of long ago'  # said\n")
    before = closure("ss_one").modules
    assert project(ss_one="print 'of long ago'  # other\n")("ss_one").modules != before
    (tmp_path / "ss_two.so").write_bytes(b"machine code")
    first = closure("ss_two").modules["ss_two"]
    (tmp_path / "ss_two.so").write_bytes(b"machine cide")
    assert closure("ss_two").modules["ss_two"] != first


def test_a_file_that_no_distribution_has_installed_is_source(tmp_path, monkeypatch):
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "tt_dropped.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(folder)
    assert set(Sources().closure(["tt_dropped"]).modules) == {"tt_dropped"}
    assert Sources().closure(["tabulate.tabulate", "yaml"]).modules == {}


def test_the_file_is_the_one_that_would_be_imported_now(project, tmp_path, monkeypatch):
    project(uu_one="")
    assert files_of(["uu_one", "uu_gone"]) == {"uu_one": tmp_path / "uu_one.py", "uu_gone": None}
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "uu_one.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path / "first")
    assert files_of(["uu_one"]) == {"uu_one": tmp_path / "first" / "uu_one.py"}


def test_dotted_names_of_a_configuration():
    config = {"a": {"class_path": "x.Y", "init_args": {"of": [{"class_path": "z.W"}, "torch.nn.functional.relu", 1.5]}}}
    assert list(dotted_names(config | {"b": "no name", "c": "data/file.csv"})) == [
        "x.Y",
        "z.W",
        "torch.nn.functional.relu",
    ]
