"""What a pod's folder holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jx.adapters.local.node.folders import LOG_BYTES, Account, PodFolder, volume_files, write_files

POD: dict[str, Any] = {"metadata": {"name": "web", "namespace": "jx", "uid": "u"}, "spec": {"containers": []}}


def made(tmp_path: Path) -> PodFolder:
    folder = PodFolder.of(tmp_path, POD)
    folder.make()
    return folder


def test_a_log_that_grew_too_long_keeps_its_newest_lines_and_its_writer_goes_on(tmp_path: Path) -> None:
    folder = made(tmp_path)
    log = folder.begin_log("main")
    with log.open("ab", buffering=0) as writer:
        writer.write(b"old line\n" * (LOG_BYTES // 9 + 1))
        writer.write(b"last line\n")
        folder.cap_log("main")
        writer.write(b"new line\n")
    content = log.read_bytes()
    assert len(content) < LOG_BYTES // 5
    assert content.startswith(b"old line\n")
    assert content.endswith(b"last line\nnew line\n")


def test_a_new_run_keeps_the_log_of_the_run_before_it(tmp_path: Path) -> None:
    folder = made(tmp_path)
    folder.begin_log("main").write_text("first")
    folder.begin_log("main").write_text("second")
    assert (folder.log("main", previous=True).read_text(), folder.log("main").read_text()) == (
        "first",
        "second",
    )


def test_a_folder_holds_exactly_what_it_is_told_and_no_more(tmp_path: Path) -> None:
    write_files(tmp_path, {"a": b"1", "b/c": b"2"})
    write_files(tmp_path, {"a": b"3", "../../d": b"4"})
    files = {
        str(path.relative_to(tmp_path)): path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()
    }
    assert files == {"a": b"3", "d": b"4"}


def test_a_projected_volume_joins_its_sources(tmp_path: Path) -> None:
    sources = [
        {"serviceAccountToken": {"path": "token"}},
        {"configMap": {"name": "settings", "items": [{"key": "a", "path": "x/a"}]}},
        {"downwardAPI": {"items": [{"path": "name", "fieldRef": {"fieldPath": "metadata.name"}}]}},
    ]
    volume = {"name": "all", "projected": {"sources": sources}}
    account = Account(token="t", authority="ca", namespace="jx")
    found = volume_files(
        volume, POD, lambda _kind, _name: {"data": {"a": "1", "b": "2"}}, ip="", account=account
    )
    assert found == {"token": b"t", "x/a": b"1", "name": b"web"}
