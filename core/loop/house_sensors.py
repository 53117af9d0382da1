"""What the house itself sees, as readings like any other: `signal` holds what may wake the loop, and no ages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any, Final

from core.loop.house import LoopHouse

Reader = Callable[[LoopHouse, datetime], Awaitable[dict[str, Any]]]
SENSORS: Final[Mapping[str, Reader]] = {}
