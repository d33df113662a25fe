"""An environment as people have them: charts in a repository, and a git repository that depends on them."""

from __future__ import annotations

import contextlib
import functools
import gzip
import hashlib
import http.server
import io
import json
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

VERSION = "1.0.0"
OBJECTS_OF_A_CHART = 20

_LABELS = """
  labels:
    app.kubernetes.io/name: {{ .Chart.Name }}
    app.kubernetes.io/instance: {{ .Release.Name }}
    app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
    helm.sh/chart: "{{ .Chart.Name }}-{{ .Chart.Version }}"
"""
_CONTAINER = """
      - name: main
        image: "registry.example.org/{{ .Chart.Name }}:{{ .Values.tag }}"
        args: [serve, --port=8080]
        env:
        {{- range $name, $value := .Values.env }}
        - {name: {{ $name }}, value: {{ $value | quote }}}
        {{- end }}
        ports: [{name: http, containerPort: 8080}]
        livenessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 5}
        readinessProbe: {httpGet: {path: /healthz, port: http}, periodSeconds: 5}
        resources: {requests: {cpu: 100m, memory: 128Mi}, limits: {memory: 256Mi}}
"""
_POD = "\n  template:\n    metadata: {labels: {app: NAME}}\n    spec:\n      containers:" + _CONTAINER


def _kinds() -> dict[str, str]:
    """Twenty objects of fifteen kinds: apiVersion and kind, then the rest, by what comes after the chart's name."""
    selector = "\n  selector: {matchLabels: {app: NAME}}"
    config = 'data:\n  {{- range $n := until 8 }}\n  key-{{ $n }}: "value {{ $n }} of {{ $.Values.tag }}"\n  {{- end }}'
    secret = 'type: Opaque\nstringData: {password: "{{ .Values.tag }}-not-so-secret"}'
    service = "spec:\n  selector: {app: NAME}\n  ports: [{name: http, port: 80, targetPort: http}]"
    rules = 'rules: [{apiGroups: [""], resources: [pods, configmaps], verbs: [get, list, watch]}]'
    subject = (
        "subjects: [{kind: ServiceAccount, name: NAME, namespace: {{ .Release.Namespace }}}]\n"
        "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: KIND, name: ROLE}"
    )
    rbac = "rbac.authorization.k8s.io/v1"
    job = _CONTAINER.replace("\n      ", "\n          ").replace("livenessProbe", "startupProbe")
    return {
        "v1 ConfigMap settings": config + '\n  note: "{{ .Values.note }}"',
        "v1 ConfigMap features": config,
        "v1 ConfigMap dashboards": config,
        "v1 Secret credentials": secret,
        "v1 Secret tokens": secret,
        "v1 ServiceAccount ": "automountServiceAccountToken: false",
        "v1 Service ": service,
        "v1 Service metrics": service,
        "apps/v1 Deployment ": f"spec:\n  replicas: 1{selector}{_POD}",
        "apps/v1 Deployment worker": f"spec:\n  replicas: 1{selector}{_POD}",
        "apps/v1 StatefulSet ": f"spec:\n  serviceName: NAME\n  replicas: 1{selector}{_POD}",
        f"{rbac} Role ": rules,
        f"{rbac} RoleBinding ": subject.replace("KIND", "Role").replace("ROLE", "NAME"),
        f"{rbac} ClusterRole GLOBAL": rules,
        f"{rbac} ClusterRoleBinding GLOBAL": subject.replace("KIND", "ClusterRole").replace(
            "ROLE", "{{ .Release.Name }}-NAME"
        ),
        "networking.k8s.io/v1 Ingress ": (
            'spec:\n  rules:\n  - host: "NAME.example.org"\n    http:\n      paths:\n'
            "      - {path: /, pathType: Prefix, backend: {service: {name: NAME, port: {name: http}}}}"
        ),
        "networking.k8s.io/v1 NetworkPolicy ": (
            "spec:\n  podSelector: {matchLabels: {app: NAME}}\n  policyTypes: [Ingress]\n"
            "  ingress: [{ports: [{port: 8080}]}]"
        ),
        "policy/v1 PodDisruptionBudget ": f"spec:\n  maxUnavailable: 1{selector}",
        "autoscaling/v2 HorizontalPodAutoscaler ": (
            "spec:\n  scaleTargetRef: {apiVersion: apps/v1, kind: StatefulSet, name: NAME}\n  minReplicas: 1\n  maxReplicas: 3\n"
            "  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]"
        ),
        "batch/v1 CronJob ": (
            'spec:\n  schedule: "0 3 * * *"\n  suspend: true\n  jobTemplate:\n    spec:\n      template:\n        spec:\n'
            "          restartPolicy: Never\n          containers:" + job
        ),
    }


def chart_files(name: str, version: str = VERSION) -> dict[str, str]:
    """The files of a chart of twenty objects, by path."""
    chart = f"apiVersion: v2\nname: {name}\nversion: {version}\nappVersion: '7'\n"
    files = {
        "Chart.yaml": chart,
        "values.yaml": "tag: '1.0'\nnote: first\nenv: {LEVEL: info, REGION: north, WORKERS: '4'}\n",
    }
    for head, rest in _kinds().items():
        version, kind, suffix = head.split(" ")
        full = "{{ .Release.Name }}-NAME" if suffix == "GLOBAL" else f"NAME-{suffix}".rstrip("-")
        text = f"apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: {full}{_LABELS}{rest}\n"
        files[f"templates/{kind.lower()}-{suffix.lower()}.yaml"] = text.replace("NAME", "{{ .Chart.Name }}")
    return files


def archive(name: str, version: str = VERSION) -> bytes:
    """A chart as it lies in a repository; the same bytes each time."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        for path, text in sorted(chart_files(name, version).items()):
            info = tarfile.TarInfo(f"{name}/{path}")
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return gzip.compress(packed.getvalue(), mtime=0)


@contextlib.contextmanager
def chart_repository(folder: Path, names: list[str]) -> Iterator[str]:
    """Charts over HTTP on this machine; gives the URL."""
    entries = {}
    for name in names:
        data = archive(name)
        (folder / f"{name}-{VERSION}.tgz").write_bytes(data)
        entry = {"apiVersion": "v2", "name": name, "version": VERSION, "urls": [f"{name}-{VERSION}.tgz"]}
        entries[name] = [{**entry, "digest": hashlib.sha256(data).hexdigest()}]
    (folder / "index.yaml").write_text(json.dumps({"apiVersion": "v1", "entries": entries}))
    handler = functools.partial(_Silent, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()


class _Silent(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: object) -> None:
        return


@dataclass(frozen=True)
class Clone:
    """A clone of an environment's repository, with a bare one beside it as its remote."""

    folder: Path
    url: str
    namespace: str
    names: list[str]

    @classmethod
    def make(cls, parent: Path, url: str, namespace: str, names: list[str]) -> Clone:
        """A new repository that depends on all charts."""
        bare, folder = parent / "remote.git", parent / "clone"
        _git(parent, "init", "-q", "--bare", "-b", "master", str(bare))
        _git(parent, "init", "-q", "-b", "master", str(folder))
        _git(folder, "remote", "add", "origin", bare.as_uri())
        clone = cls(folder, url, namespace, names)
        (folder / "env").mkdir()
        (folder / "jx-requirements.yml").write_text(
            f"apply:\n  environment: {namespace}\n  namespace: {namespace}\n  release: {namespace}\n  maxDeletions: 1000\n"
        )
        clone.commit(names, note="first")
        return clone

    def commit(self, names: list[str], *, note: str, tag: str = "") -> None:
        """Depend on these charts; one object of the first has this note, seven objects of each the tag."""
        rows = [{"name": name, "version": VERSION, "repository": self.url} for name in names]
        chart = {"apiVersion": "v2", "name": "env", "version": VERSION, "dependencies": rows}
        (self.folder / "env" / "Chart.yaml").write_text(json.dumps(chart, indent=1))
        values: dict[str, dict[str, str]] = {name: {"tag": tag} for name in names if tag}
        values.setdefault(names[0], {})["note"] = note
        (self.folder / "env" / "values.yaml").write_text(json.dumps(values))
        _git(self.folder, "add", "-A")
        _git(self.folder, "commit", "-q", "-m", f"{len(names)} charts, {note}")
        _git(self.folder, "push", "-q", "origin", "master")

    def umbrella(self, folder: Path) -> Path:
        """The umbrella chart as Helm wants it, with all charts inside."""
        target = folder / "env"
        (target / "charts").mkdir(parents=True, exist_ok=True)
        for path in (self.folder / "env").iterdir():
            (target / path.name).write_text(path.read_text())
        for path in (target / "charts").iterdir():
            path.unlink()
        for row in json.loads((target / "Chart.yaml").read_text())["dependencies"]:
            (target / "charts" / f"{row['name']}-{VERSION}.tgz").write_bytes(archive(row["name"]))
        return target


def print_rendered(chart: str, namespace: str) -> None:
    """The objects of an umbrella chart as YAML, with their namespace, for clients that do not render."""
    from jx.adapters.helm.folders import read_folder
    from jx.adapters.helm.renderer import HelmRenderer
    from jx.domain.objects.manifests import Capabilities
    from jx.ports.renderer import RenderRequest

    renderer = HelmRenderer()
    tree = read_folder(Path(chart))
    rendered = renderer.render(RenderRequest(namespace, namespace, tree, {}, Capabilities(), {}))
    renderer.close()
    for one in rendered.objects:
        print(f"---\n{json.dumps(one.body)}")


def _git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Ann Lee", "-c", "user.email=ann@example.com"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)
