"""How busy this machine is, as Linux tells it in /proc (proc_stat(5), proc_meminfo(5))."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Load(NamedTuple):
    """0 to 100; None where it cannot be read."""

    cpu_percent: float | None
    "Of all processors together, since the reading before."
    memory_percent: float | None
    "What no program could have now."


class Machine:
    def __init__(self, proc: Path = Path("/proc")) -> None:
        self._proc = proc
        self._before: tuple[int, int] | None = None

    def read(self) -> Load:
        """The first reading has no processor load: there is nothing to compare with."""
        return Load(self._cpu(), self._memory())

    def _cpu(self) -> float | None:
        try:
            first = (self._proc / "stat").read_text().partition("\n")[0].split()
            # user nice system idle iowait irq softirq steal; guests are in user already.
            spent = [int(field) for field in first[1:9]]
            total, idle = sum(spent), spent[3] + spent[4]
        except (OSError, ValueError, IndexError):
            return None
        before, self._before = self._before, (total, idle)
        if before is None or total <= before[0]:
            return None
        busy = 1 - (idle - before[1]) / (total - before[0])
        return min(100.0, max(0.0, 100 * busy))

    def _memory(self) -> float | None:
        try:
            lines = (self._proc / "meminfo").read_text().splitlines()
            sizes = {
                name: int(rest.split()[0]) for name, _, rest in (x.partition(":") for x in lines)
            }
            return min(100.0, max(0.0, 100 * (1 - sizes["MemAvailable"] / sizes["MemTotal"])))
        except (OSError, ValueError, IndexError, KeyError, ZeroDivisionError):
            return None
