"""``zoo`` with model families that do what none should: ``python tests/faulty.py run SUITE``.

Worker processes import this module as their parent does, so they know the families too. With ``DISK_FULL_AFTER`` in the
environment the disk is full once the results folder holds so many results.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np

from zoo.cli import main
from zoo.models.declaration import ModelFamily, model_families

WARM_UP = 60
"""Rows of the first tiny fit."""
RESULTS = Path(os.environ.get("ZOO_RESULTS", "."))


class Good:
    """Predicts the first column."""

    def fit(self, x, y):
        if len(x) > WARM_UP:
            self.go_wrong()
        return self

    def go_wrong(self):
        pass

    def decision_function(self, x):
        return x[:, 0].astype(float)

    def predict(self, x):
        return self.decision_function(x)


class Slow(Good):
    def go_wrong(self):
        time.sleep(0.5)


class Exits(Good):
    def go_wrong(self):
        sys.exit(3)


class Interrupts(Good):
    def go_wrong(self):
        raise KeyboardInterrupt


class Dies(Good):
    def go_wrong(self):
        os.kill(os.getpid(), signal.SIGKILL)


class Hangs(Good):
    """Once, deaf to SIGTERM."""

    def go_wrong(self):
        mark = RESULTS / "has-hung"
        if not mark.exists():
            mark.touch()
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            while True:
                time.sleep(1)


class NotANumber(Good):
    def decision_function(self, x):
        return np.full(len(x), np.nan)


class Wide(Good):
    def decision_function(self, x):
        return np.zeros((len(x), 2))


for family in (Good, Slow, Exits, Interrupts, Dies, Hangs, NotANumber, Wide):
    name = family.__name__.lower()
    model_families.register(ModelFamily(name, name, "none", lambda kind, seed, family=family: family()))

lost = ModelFamily("lost", "lost", "none", lambda kind, seed: Good(), requires=(("no_such_module", "glass-zoo[lost]"),))
model_families.register(lost)

if "DISK_FULL_AFTER" in os.environ:
    write = os.fsync

    def fsync(descriptor):
        if len(list((RESULTS / "results").glob("*.json"))) >= int(os.environ["DISK_FULL_AFTER"]):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(descriptor)

    os.fsync = fsync

if __name__ == "__main__":
    main(sys.argv[1:])
