"""How many pods of steps may be there at once, and who is next: the run that came first."""

from __future__ import annotations


class Places:
    """Places for pods, each held under the name of a pod. Owned by the runner's loop."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._held: dict[str, str] = {}
        self._waiting: dict[str, tuple[int, str]] = {}

    def hold(self, pod: str, run: str) -> None:
        """It is there already, whether there is a place or not."""
        self._held[pod] = run
        self._waiting.pop(pod, None)

    def ask(self, pod: str, run: str, arrival: int) -> bool:
        """Whether this pod may be made now; where not, it waits, and is named by `next` when there is a place."""
        if pod in self._held:
            return True
        before = sum(place < arrival for place, _ in self._waiting.values())
        if self._count - len(self._held) <= before:
            self._waiting[pod] = (arrival, run)
            return False
        self.hold(pod, run)
        return True

    def give_back(self, pod: str) -> None:
        """It has ended, or nobody wants it any more."""
        self._held.pop(pod, None)
        self._waiting.pop(pod, None)

    def give_back_run(self, run: str) -> None:
        """All pods of this run are gone, or go."""
        self._held = {pod: each for pod, each in self._held.items() if each != run}
        self._waiting = {pod: each for pod, each in self._waiting.items() if each[1] != run}

    def next(self) -> list[str]:
        """The runs whose pods have their turn now, those that came first first."""
        free = max(0, self._count - len(self._held))
        return [run for _, run in sorted(self._waiting.values())[:free]]

    def where(self, pod: str) -> int:
        """How many wait before this pod."""
        own = self._waiting.get(pod)
        return sum(each < own for each in self._waiting.values()) if own else 0
