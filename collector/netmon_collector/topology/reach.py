"""Who can be reached from where: walks over names and the pairs of them that are joined, without recursion."""

from collections import deque
from collections.abc import Iterable, Sequence, Set


class Web:
    """Names and joined pairs; each question takes time in proportion to all of them."""

    def __init__(self, names: Iterable[str], pairs: Iterable[tuple[str, str]]) -> None:
        self._names = list(names)
        self._number = {name: number for number, name in enumerate(self._names)}
        beside: list[set[int]] = [set() for _ in self._names]
        for one, another in pairs:
            a, b = self._number[one], self._number[another]
            if a != b:
                beside[a].add(b)
                beside[b].add(a)
        self._beside = [sorted(numbers) for numbers in beside]

    def reachable(self, start: str, without: Set[str]) -> set[str]:
        """All that can be reached from one, itself too; empty where it is not there, or not wanted."""
        if start not in self._number or start in without:
            return set()
        seen = bytearray(len(self._names))
        for name in without:
            if name in self._number:
                seen[self._number[name]] = 1
        return {self._names[number] for number in self._flood(self._number[start], seen)}

    def islands(self) -> dict[str, int]:
        """For each name a number that those share which are joined."""
        seen = bytearray(len(self._names))
        island: dict[str, int] = {}
        for start in range(len(self._names)):
            if not seen[start]:
                island.update((self._names[number], start) for number in self._flood(start, seen))
        return island

    def shortest(self, start: str, goal: str) -> list[str] | None:
        """A way with the fewest steps; the same one each time."""
        if start not in self._number or goal not in self._number:
            return None
        first, last = self._number[start], self._number[goal]
        before = {first: first}
        waiting = deque([first])
        while waiting and last not in before:
            here = waiting.popleft()
            for there in self._beside[here]:
                if there not in before:
                    before[there] = here
                    waiting.append(there)
        if last not in before:
            return None
        way = [last]
        while way[-1] != first:
            way.append(before[way[-1]])
        return [self._names[number] for number in reversed(way)]

    def unavoidable(self, way: Sequence[str]) -> list[str]:
        """The inner names of a way that every other way between its ends takes too, in order."""
        cuts = self.cuts()
        return [name for name in way[1:-1] if name in cuts and way[-1] not in self.reachable(way[0], {name})]

    def cuts(self) -> set[str]:
        """Names whose loss parts others."""
        low, order, parent, sequence = self._lows()
        children: dict[int, int] = {}
        cuts = set()
        for here in sequence:
            above = parent[here]
            if above < 0:
                continue
            children[above] = children.get(above, 0) + 1
            if parent[above] >= 0 and low[here] >= order[above]:
                cuts.add(above)
        cuts.update(above for above, count in children.items() if parent[above] < 0 and count > 1)
        return {self._names[number] for number in cuts}

    def bridges(self) -> set[tuple[str, str]]:
        """Pairs whose parting parts others, each in one order only."""
        low, order, parent, sequence = self._lows()
        return {
            (self._names[parent[here]], self._names[here])
            for here in sequence
            if parent[here] >= 0 and low[here] > order[parent[here]]
        }

    def _flood(self, start: int, seen: bytearray) -> list[int]:
        seen[start] = 1
        found = [start]
        for here in found:
            for there in self._beside[here]:
                if not seen[there]:
                    seen[there] = 1
                    found.append(there)
        return found

    def _lows(self) -> tuple[list[int], list[int], list[int], list[int]]:
        """Tarjan's low points (SIAM J. Comput. 1972): per number low point, order of visit, parent; and the visits."""
        size = len(self._names)
        order, low, parent = [-1] * size, [0] * size, [-1] * size
        sequence: list[int] = []
        for root in range(size):
            if order[root] < 0:
                self._descend(root, order, parent, sequence)
        for here in reversed(sequence):
            low[here] = order[here]
            for there in self._beside[here]:
                if parent[there] == here and order[there] > order[here]:
                    low[here] = min(low[here], low[there])
                elif there != parent[here]:
                    low[here] = min(low[here], order[there])
        return low, order, parent, sequence

    def _descend(self, root: int, order: list[int], parent: list[int], sequence: list[int]) -> None:
        """Visits depth first all that can be reached from a number."""
        stack = [(root, iter(self._beside[root]))]
        order[root] = len(sequence)
        sequence.append(root)
        while stack:
            here, onward = stack[-1]
            for there in onward:
                if order[there] < 0:
                    order[there], parent[there] = len(sequence), here
                    sequence.append(there)
                    stack.append((there, iter(self._beside[there])))
                    break
            else:
                stack.pop()
