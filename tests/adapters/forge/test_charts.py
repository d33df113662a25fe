from __future__ import annotations

import hashlib
import http.client
import io
import os
import tarfile
from pathlib import Path

import pytest
import yaml
from tests.support.forge import Users

from jx.adapters.local.forge.charts import Charts
from jx.adapters.local.forge.client import Administration
from jx.domain.errors import Forbidden, Invalid, NotFound, Refused


def archive(name: str, version: str, extra: str = "", *, folder: str = "") -> bytes:
    text = f"apiVersion: v2\nname: {name}\nversion: {version}\n{extra}".encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        info = tarfile.TarInfo(f"{folder or name}/Chart.yaml")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    return out.getvalue()


@pytest.fixture
def charts(tmp_path: Path) -> Charts:
    return Charts(tmp_path / "charts")


def test_the_index_lists_every_version_newest_first(charts: Charts, tmp_path: Path) -> None:
    for version in ("1.2.0", "1.10.0", "1.10.0-rc.1"):
        charts.put(f"redis-{version}.tgz", archive("redis", version, "appVersion: 7.10\nkeywords: [db]\n"))
    charts.put("nginx-0.1.0.tgz", archive("nginx", "0.1.0"))
    index = yaml.safe_load(charts.index())
    assert list(index["entries"]) == ["nginx", "redis"]
    assert [entry["version"] for entry in index["entries"]["redis"]] == ["1.10.0", "1.10.0-rc.1", "1.2.0"]
    entry = index["entries"]["redis"][0]
    data = (tmp_path / "charts" / "redis-1.10.0.tgz").read_bytes()
    assert entry["digest"] == hashlib.sha256(data).hexdigest()
    assert entry["urls"] == ["redis-1.10.0.tgz"]
    assert (entry["appVersion"], entry["keywords"]) == ("7.10", ["db"])


def test_the_same_archives_give_the_same_bytes(charts: Charts, tmp_path: Path) -> None:
    charts.put("redis-1.0.0.tgz", archive("redis", "1.0.0"))
    assert charts.index() == charts.index() == Charts(tmp_path / "charts").index()


def test_a_version_that_yaml_takes_for_a_number_stays_a_text(charts: Charts) -> None:
    charts.put("odd-1.10.tgz", archive("odd", "1.10"))
    assert yaml.safe_load(charts.index())["entries"]["odd"][0]["version"] == "1.10"


def test_dropped_files_are_found_and_what_is_no_chart_is_left_out(charts: Charts, tmp_path: Path) -> None:
    assert yaml.safe_load(charts.index())["entries"] == {}
    path = tmp_path / "charts" / "redis-1.0.0.tgz"
    path.write_bytes(b"half an arch")
    (tmp_path / "charts" / "notes.tgz").write_bytes(archive("notes", "1", folder="deep/er"))
    assert yaml.safe_load(charts.index())["entries"] == {}
    path.write_bytes(archive("redis", "1.0.0"))
    os.utime(path, ns=(10**18, 10**18))
    assert yaml.safe_load(charts.index())["entries"]["redis"][0]["created"] == "2001-09-09T01:46:40Z"
    path.unlink()
    assert yaml.safe_load(charts.index())["entries"] == {}


def test_a_published_version_is_never_replaced(charts: Charts) -> None:
    data = archive("redis", "1.0.0")
    assert charts.put("redis-1.0.0.tgz", data)
    assert not charts.put("redis-1.0.0.tgz", data)
    with pytest.raises(Refused):
        charts.put("redis-1.0.0.tgz", archive("redis", "1.0.0", "description: other\n"))
    with pytest.raises(Invalid):
        charts.put("redis-2.0.0.tgz", data)
    with pytest.raises(Invalid):
        charts.put("x.tgz", b"no archive")


def test_only_archives_of_the_folder_are_read(charts: Charts, tmp_path: Path) -> None:
    (tmp_path / "secret.tgz").write_bytes(b"x")
    for file in ("../secret.tgz", "nothing.tgz", "", "..", ".new"):
        with pytest.raises(NotFound):
            charts.read(file)


def test_a_name_with_a_path_in_it_is_no_chart(charts: Charts) -> None:
    with pytest.raises(Invalid):
        charts.put("../x-1.tgz", archive("../x", "1", folder="x"))


def test_everybody_reads_and_the_administrator_writes(users: Users) -> None:
    data = archive("web", "1.0.0")
    with pytest.raises(Forbidden):
        Administration(users.daemon.url, users.tokens["ann"]).put_chart("web-1.0.0.tgz", data)
    assert users.daemon.admin.put_chart("web-1.0.0.tgz", data)
    connection = http.client.HTTPConnection("127.0.0.1", users.daemon.port)
    connection.request("GET", "/charts/index.yaml")
    assert yaml.safe_load(connection.getresponse().read())["entries"]["web"]
    connection.request("GET", "/charts/web-1.0.0.tgz")
    assert connection.getresponse().read() == data
    connection.request("GET", "/charts/web-9.9.9.tgz")
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 404
    connection.close()


def test_an_index_that_is_known_is_not_sent_again(users: Users) -> None:
    def ask(tag: str) -> tuple[int, str, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", users.daemon.port)
        connection.request("GET", "/charts/index.yaml", headers={"If-None-Match": tag})
        answer = connection.getresponse()
        told = answer.status, answer.headers["ETag"], answer.read()
        connection.close()
        return told

    users.daemon.admin.put_chart("known-1.0.0.tgz", archive("known", "1.0.0"))
    status, tag, body = ask("")
    assert (status, b"known-1.0.0.tgz" in body) == (200, True)
    assert ask(tag) == (304, tag, b"")
    users.daemon.admin.put_chart("known-1.1.0.tgz", archive("known", "1.1.0"))
    status, newer, body = ask(tag)
    assert (status, b"known-1.1.0.tgz" in body) == (200, True)
    assert ask(newer)[0] == 304
