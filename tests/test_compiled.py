"""Compiled kernels do not outlive the sources that they were made from."""

from __future__ import annotations

from pathlib import Path

from zoo._compiled import drop_stale_kernels


def test_compiled_kernels_go_when_any_source_of_kernels_has_changed(tmp_path: Path) -> None:
    kernels, words = tmp_path / "inner" / "kernels.py", tmp_path / "words.py"
    compiled = tmp_path / "inner" / "__pycache__" / "kernels.sum-1.py311.nbi"
    compiled.parent.mkdir(parents=True)
    kernels.write_text("@njit\ndef total(x): return x.sum()\n")
    words.write_text("HELLO = 1\n")

    def outlives() -> bool:
        compiled.write_bytes(b"machine code")
        drop_stale_kernels(tmp_path)
        return compiled.exists()

    assert not outlives(), "nobody knows what it was made from"
    assert outlives()
    words.write_text("HELLO = 2\n")
    assert outlives(), "no kernel has changed"
    kernels.write_text("@njit\ndef total(x): return 2 * x.sum()\n")
    assert not outlives()
    assert outlives()
