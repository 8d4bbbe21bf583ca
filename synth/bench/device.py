"""What the machine can tell about its accelerator: clocks, power, temperature, driver."""

from __future__ import annotations

import csv
import subprocess
from typing import Final

from attrs import frozen

QUERY: Final = {
    "driver": "driver_version",
    "clock": "clocks.sm",
    "memory_clock": "clocks.mem",
    "power": "power.draw",
    "temperature": "temperature.gpu",
}


@frozen
class State:
    """Clocks in MHz, power in watts, temperature in degrees Celsius; None where the driver does not tell."""

    driver: str | None = None
    clock: float | None = None
    memory_clock: float | None = None
    power: float | None = None
    temperature: float | None = None


def state() -> State:
    """The first device's state as `nvidia-smi` tells it; all None where there is no `nvidia-smi`."""
    command = [
        "nvidia-smi",
        f"--query-gpu={','.join(QUERY.values())}",
        "--format=csv,noheader,nounits",
        "--id=0",
    ]
    try:
        said = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return State()
    return read_state(said)


def read_state(line: str) -> State:
    """A line of `nvidia-smi`'s CSV in the order of `QUERY`; what is not a number there becomes None."""
    rows = list(csv.reader([line.strip()], skipinitialspace=True))
    if not rows or len(rows[0]) != len(QUERY):
        return State()
    driver, *numbers = rows[0]
    return State(driver, *(_number(text) for text in numbers))


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:  # "[N/A]", "[Not Supported]"
        return None
