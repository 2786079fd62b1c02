"""Names are unique, complete, found with a hint, and cheap to list."""

from __future__ import annotations

import importlib
import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from zoo.errors import RegistrationError, UnknownNameError
from zoo.features.declaration import feature_sets
from zoo.models.declaration import model_families
from zoo.registry import Registry

HEAVY = ("torch", "autogluon", "mlflow", "shap", "lightgbm", "xgboost", "catboost", "numba", "sklearn", "pandas")


@dataclass(frozen=True)
class Animal:
    name: str
    citation: str = "Linnaeus (1758)"


@pytest.fixture
def animals(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Registry[Animal]:
    """A registry whose package ``menagerie`` has one module that registers a lion, and one that fails if imported."""
    package = tmp_path / "menagerie"
    package.mkdir()
    (package / "__init__.py").write_text("shelf = []\n")
    (package / "lion.py").write_text("from menagerie import shelf\nshelf[0].register(shelf[1]('lion'))\n")
    (package / "_notes.py").write_text("raise RuntimeError('not an entry')\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in [name for name in sys.modules if name.startswith("menagerie")]:
        monkeypatch.delitem(sys.modules, name)
    registry: Registry[Animal] = Registry("animal", "menagerie")
    importlib.import_module("menagerie").shelf[:] = [registry, Animal]
    return registry


def test_entries_are_collected_from_the_modules_of_the_package(animals: Registry[Animal]) -> None:
    assert "menagerie.lion" not in sys.modules
    assert animals["lion"] == Animal("lion")
    animals.register(Animal("ape"))
    assert animals.names() == ["ape", "lion"]
    assert [animal.name for animal in animals] == ["ape", "lion"]


def test_a_taken_name_names_both_places(animals: Registry[Animal]) -> None:
    animals.register(Animal("owl"))
    with pytest.raises(RegistrationError, match=r"two animals are called 'owl': .*test_registry.py:\d+ and .*\.py:\d+"):
        animals.register(Animal("owl"))


@pytest.mark.parametrize("entry", [Animal(""), Animal("owl", citation="")])
def test_an_entry_without_name_or_citation_is_refused(entry: Animal, animals: Registry[Animal]) -> None:
    with pytest.raises(RegistrationError, match=r"name and a citation, got .* and .* at .*test_registry.py:\d+"):
        animals.register(entry)


def test_an_unknown_name_gets_the_closest_or_all_names(animals: Registry[Animal]) -> None:
    animals.register(Animal("owl"))
    with pytest.raises(UnknownNameError, match=r"^no animal is called 'lions': did you mean lion\?$"):
        animals["lions"]
    with pytest.raises(UnknownNameError, match=r"^no animal is called 'xyz': known: lion, owl$"):
        animals["xyz"]
    with pytest.raises(UnknownNameError, match="known: none"):
        raise UnknownNameError("plant", "rose", [])


def test_an_unknown_name_reaches_another_process() -> None:
    """Worker processes send their exceptions pickled."""
    error = UnknownNameError("feature set", "voronoy", ["voronoi", "radial"])
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, UnknownNameError)
    assert str(again) == str(error) == "no feature set is called 'voronoy': did you mean voronoi?"


@pytest.mark.parametrize("registry", [feature_sets, model_families], ids=["features", "models"])
def test_the_zoo_declares_what_it_holds(registry: Registry) -> None:  # type: ignore[type-arg]
    names = registry.names()
    assert len(names) >= 5
    assert names == sorted(set(names))
    for entry in registry:
        assert registry[entry.name] is entry
        assert len(entry.citation) > 10


def test_listing_the_zoo_imports_nothing_heavy() -> None:
    code = (
        "import sys\n"
        "from zoo.features.declaration import feature_sets\n"
        "from zoo.models.declaration import model_families\n"
        "feature_sets.names(), model_families.names()\n"
        "kinds = ('Cu', 'Zr')\n"
        "[entry.columns(kinds) for entry in feature_sets]\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
