"""Archives come from strangers: what is refused, and that our own are always the same."""

from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jx.adapters.helm.archives import Limits, pack, unpack
from jx.adapters.helm.folders import read_folder
from jx.domain.errors import Invalid
from jx.domain.trees import Blob, Tree

CHART = ("redis/Chart.yaml", b"name: redis\nversion: 1.0.0\n")


def archive(*members: tuple[str, bytes] | tarfile.TarInfo) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as tar:
        for member in members:
            if isinstance(member, tarfile.TarInfo):
                tar.addfile(member)
                continue
            info = tarfile.TarInfo(member[0])
            info.size = len(member[1])
            tar.addfile(info, io.BytesIO(member[1]))
    return whole.getvalue()


def link(name: str, target: str, kind: bytes) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type = kind
    info.linkname = target
    return info


def test_a_chart_comes_out_as_it_went_in() -> None:
    tree = Tree(
        {"Chart.yaml": Blob(CHART[1]), "bin/run": Blob(b"#!", executable=True), "a/b/c.txt": Blob(b"")}
    )

    assert unpack(pack("redis", tree), "x", name="redis") == tree


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}(/[a-z]{1,8}){0,3}\.txt", fullmatch=True), st.binary(max_size=50)
    )
)
def test_the_same_files_give_the_same_bytes(contents: dict[str, bytes]) -> None:
    files = {"Chart.yaml": Blob(b"name: a\n")} | {path: Blob(data) for path, data in contents.items()}
    backwards = Tree(dict(reversed(files.items())))

    assert pack("a", Tree(files)) == pack("a", backwards)
    assert unpack(pack("a", Tree(files)), "x") == Tree(files)


@pytest.mark.parametrize(
    "member",
    [
        ("redis/../../etc/passwd", b""),
        ("/redis/absolute", b""),
        ("redis/a/../b", b""),
        ("redis\\windows", b""),
        ("c:/redis/x", b""),
        ("loose", b""),
        link("redis/link", "/etc/passwd", tarfile.SYMTYPE),
        link("redis/inner", "Chart.yaml", tarfile.SYMTYPE),
        link("redis/hard", "redis/Chart.yaml", tarfile.LNKTYPE),
        link("redis/device", "", tarfile.CHRTYPE),
        link("redis/pipe", "", tarfile.FIFOTYPE),
        ("another/Chart.yaml", b""),
    ],
    ids=lambda member: member[0] if isinstance(member, tuple) else member.name,
)
def test_what_could_leave_the_chart_is_refused(member: tuple[str, bytes] | tarfile.TarInfo) -> None:
    with pytest.raises(Invalid) as caught:
        unpack(archive(CHART, member), "redis-1.0.0.tgz")

    assert caught.value.problems[0].where == "redis-1.0.0.tgz"


def test_a_chart_under_another_name_is_refused() -> None:
    with pytest.raises(Invalid):
        unpack(archive(CHART), "x", name="shop")


@pytest.mark.parametrize(
    "data",
    [b"", b"no archive", gzip.compress(b"no tar"), archive(CHART)[:60], archive()],
    ids=["nothing", "text", "no tar", "cut short", "no files"],
)
def test_what_is_no_archive_of_a_chart_is_refused(data: bytes) -> None:
    with pytest.raises(Invalid):
        unpack(data, "x")


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = archive(CHART, ("redis/zeros", bytes(30_000_000)))

    assert len(bomb) < 100_000
    with pytest.raises(Invalid, match="trusted"):
        unpack(bomb, "x", limits=Limits(unpacked=1_000_000, files=10))


def test_too_many_files_are_refused() -> None:
    many = archive(CHART, *((f"redis/{number}", b"") for number in range(20)))

    with pytest.raises(Invalid):
        unpack(many, "x", limits=Limits(files=20))
    assert len(unpack(many, "x", limits=Limits(files=21)).files) == 21


def test_a_large_archive_is_refused() -> None:
    with pytest.raises(Invalid):
        unpack(archive(CHART), "x", limits=Limits(archive=10))


def test_a_folder_with_a_link_that_leaves_it_is_refused(tmp_path: Path) -> None:
    chart = tmp_path / "chart"
    chart.mkdir()
    (chart / "Chart.yaml").write_text("name: a\n")
    (chart / "inside.yaml").symlink_to("Chart.yaml")
    assert read_folder(chart).text("inside.yaml") == "name: a\n"

    (tmp_path / "secret").write_text("x")
    (chart / "outside.yaml").symlink_to("../secret")
    with pytest.raises(Invalid, match=r"outside\.yaml"):
        read_folder(chart)


def test_a_folder_with_a_linked_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "chart").mkdir()
    (tmp_path / "chart" / "all").symlink_to("/")

    with pytest.raises(Invalid):
        read_folder(tmp_path / "chart")
