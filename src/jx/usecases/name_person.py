"""Name a person: who acts, for records of what was done without a commit of theirs."""

from __future__ import annotations

from jx.domain.errors import JxError
from jx.domain.names import Person
from jx.ports.cluster import Cluster
from jx.ports.forge import Forge


def name_person(forge: Forge, cluster: Cluster) -> Person:
    """Who the forge says; where it cannot be asked, who the cluster says."""
    try:
        return forge.whoami()
    except JxError:
        return Person(cluster.whoami())
