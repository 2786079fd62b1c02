"""The scorecard of a model: what its score does beyond ranking, part by part, or why a part is not there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from zoo.benchmark.cell import features_of_glasses
from zoo.benchmark.task import TaskRows
from zoo.errors import ScorecardError, ZooError
from zoo.scorecard.correlation import Decay, autocorrelation, bins_for, decay_of, random_fields, spacing_of
from zoo.scorecard.fields import Held, place_of_rows, quantity_of, stored_column
from zoo.scorecard.response import Arrhenius, Response, arrhenius, response
from zoo.scorecard.shape import Link, link_to_anisotropy, local_anisotropy
from zoo.scorecard.species import Chemistry, chemistry_of
from zoo.sheets.plots import colour_scale

Floats = NDArray[np.float64]

MOST_COLUMNS = 2000
"""Of a descriptor whose own correlation is looked at; images have more."""
BARRIERS = ("barrier_mean", "barrier")
"""Columns that hold the energy barrier of a rearrangement."""
TURNED = ("bottom-fraction", "minus-log10")
"""Label rules by which a high score stands for a low value of what the label is made of."""


@dataclass(frozen=True)
class Curve:
    """A quantity against the score: what it is called, its unit, and whether it is a probability."""

    title: str
    unit: str
    probability: bool
    found: Response


@dataclass(frozen=True)
class Scorecard:
    """Everything that is known about the score of a model.

    Attributes
    ----------
    curves : list of Curve
        The label first; then what the label is made of, and barriers, where they are stored.
    arrhenius : Arrhenius or None
    decays : list of Decay
        Of the score, of what the label is made of, of the descriptor alone.
    temperature : str
        What states it, in the words of the card.
    links : list of Link
        Score, and what the label is made of (negative where a high score stands for a low value), against the
        anisotropy ``measure``.
    chemistry : Chemistry or None
    declined : dict of str to str
        Parts that are not there, with the reason.
    length : str
        Unit of distances.
    anisotropy : ndarray of shape (n_rows,)
        Of the rows of the task; NaN where it is not defined.
    """

    held: Held
    curves: list[Curve]
    arrhenius: Arrhenius | None
    temperature: str
    decays: list[Decay]
    links: list[Link]
    measure: str
    chemistry: Chemistry | None
    declined: dict[str, str]
    length: str
    anisotropy: Floats = field(default_factory=lambda: np.empty(0))


def scorecard(held: Held, temperature: str = "", on_step: Callable[[str], None] = lambda text: None) -> Scorecard:
    """Look at the held-out score of a model from every side that its data allow.

    Parameters
    ----------
    held : Held
    temperature : str
        What states the temperature at which a rearrangement was counted: a key of the metadata of every glass, or a
        column of a table of pairs. Empty: no Arrhenius check.
    on_step : callable of (what is done next)

    Raises
    ------
    ScorecardError
        The score is constant; or a temperature is asked for and cannot be used.
    """
    rows, declined = held.rows, dict[str, str]()
    on_step("score and label")
    curves = _curves(held)
    found = None
    if temperature:
        found = _arrhenius(held, temperature)
    else:
        declined["Arrhenius check"] = why_no_arrhenius(rows)
    decays, links, measure, chemistry = list[Decay](), list[Link](), "", None
    anisotropy = np.full(len(rows), np.nan)
    if rows.dataset.card.kind == "pairs":
        reason = f"{rows.dataset.card.name} is a table of pairs: there is no field over the atoms of a glass"
        declined |= dict.fromkeys(("correlation length", "local anisotropy", "species"), reason)
    else:
        on_step("correlation length")
        try:
            decays = _decays(held)
        except ZooError as error:
            declined["correlation length"] = str(error)
        on_step("local anisotropy")
        try:
            links, measure, anisotropy = _links(held)
        except ZooError as error:
            declined["local anisotropy"] = str(error)
        on_step("species")
        chemistry = chemistry_of(held)
        if chemistry.no_swap:
            declined["species swap"] = chemistry.no_swap
    unit = rows.dataset.card.units.length
    said = next((column.description for column in rows.dataset.card.columns if column.name == temperature), "")
    key = f"{temperature} ({said})" if said else temperature
    return Scorecard(held, curves, found, key, decays, links, measure, chemistry, declined, unit, anisotropy)


def why_no_arrhenius(rows: TaskRows) -> str:
    """Why nothing is said about temperature unless it is asked for, in a sentence."""
    if reason := _label_declines(rows):
        return reason
    card = rows.dataset.card
    stated = {
        column.name: (np.unique(rows.dataset.table[column.name].to_numpy(float)[rows.source]), column.description)
        for column in card.columns
        if card.kind == "pairs" and column.name in ("T", "temperature") and column.role == "identity"
    }
    for name, (values, description) in stated.items():
        if len(values) == 1:
            return f"one temperature only ({name} = {values[0]:g}: {description})"
        listed = " and ".join(f"{value:g}" for value in values)
        return (
            f"the temperatures stated are {listed} ({name}: {description}); if rearrangements were counted at these, "
            f"--temperature {name} fits them"
        )
    return "no glass states a temperature at which rearrangements were counted (--temperature KEY names one)"


def _label_declines(rows: TaskRows) -> str:
    label = rows.task.label
    if rows.task.kind != "classification":
        return "a predicted value is no probability; where barriers are stored, see the barrier against the score"
    if label.rule.endswith("-fraction") and not label.pooled:
        return (
            f"one temperature at a time: the label is a fixed part of each glass ({label.fraction:.0%}), which is as "
            "large at any temperature"
        )
    return ""


def temperature_of(rows: TaskRows, key: str) -> Floats:
    """Temperature of every row.

    Raises
    ------
    ScorecardError
        A glass or the table does not state it, or not as a number.
    """
    card = rows.dataset.card
    try:
        if card.kind == "pairs":
            names = [column.name for column in card.columns]
            if key not in names:
                raise ScorecardError(f"a temperature must be a column of {card.name}, got {key!r}: {', '.join(names)}")
            found = rows.dataset.table[key].to_numpy(float)[rows.source]
        else:
            glasses = [rows.dataset.glasses[name] for name in rows.glass_names]
            for name, glass in zip(rows.glass_names, glasses, strict=True):
                if key not in glass.metadata:
                    there = ", ".join(glass.metadata) or "nothing"
                    raise ScorecardError(f"every glass must state its {key!r}, {name} states {there}")
            found = np.array([float(glass.metadata[key]) for glass in glasses])[rows.glass]
    except (TypeError, ValueError):
        raise ScorecardError(f"temperatures must be numbers, {key!r} of {card.name} is not") from None
    return np.asarray(found)


def _arrhenius(held: Held, key: str) -> Arrhenius:
    rows = held.rows
    if reason := _label_declines(rows):
        raise ScorecardError(f"no Arrhenius check of task {rows.task.name}: {reason}")
    return arrhenius(held.softness, rows.target, temperature_of(rows, key))


def _curves(held: Held) -> list[Curve]:
    rows = held.rows
    classes = rows.task.kind == "classification"
    value, name, unit = quantity_of(held.plan.task)
    card = rows.dataset.card
    rule = {"log10": f"log10 of {name}", "minus-log10": f"-log10 of {name}"}.get(rows.task.label.rule, name)
    title = "P_R, probability of the label" if classes else f"mean {rule}"
    curves = [
        Curve(title, "1" if classes else unit, classes, response(held.softness, rows.target, rows.glass, classes))
    ]
    if classes and rows.task.label.rule != "flag":
        scaled, logarithmic = colour_scale(value)
        more = f"mean log10 of {name}" if logarithmic else f"mean {name}"
        curves.append(Curve(more, unit, False, response(held.softness, scaled, rows.glass, False)))
    for column in card.columns:
        if column.name in BARRIERS and column.name not in rows.task.target and column.role == "target":
            barrier = stored_column(held.plan.task, column.name)
            if np.isfinite(barrier).sum() > 2 * 50:
                of_rows = response(held.softness, barrier, rows.glass, False)
                curves.append(Curve(f"mean {column.name}", column.unit, False, of_rows))
    return curves


def _over_atoms(held: Held, value: Floats, number: int) -> Floats:
    """A quantity of the rows of a task, over all atoms of a glass; NaN for atoms that are no row."""
    rows = held.rows
    here = rows.glass == number
    found = np.full(len(rows.dataset.glasses[rows.glass_names[number]]), np.nan)
    found[place_of_rows(held.plan.task)[here]] = value[here]
    return found


def _target_field(held: Held) -> tuple[Floats, str]:
    """What the label is made of, or its logarithm where it spans decades; its name."""
    value, name, _ = quantity_of(held.plan.task)
    scaled, logarithmic = colour_scale(value)
    return scaled, f"log10 of {name}" if logarithmic else name


def _decays(held: Held) -> list[Decay]:
    rows = held.rows
    glasses = {number: rows.dataset.glasses[rows.glass_names[number]] for number in sorted(held.atoms)}
    edges = bins_for(list(glasses.values()))
    spacing = float(np.mean([spacing_of(glass) for glass in glasses.values()]))
    value, name = _target_field(held)
    parts = features_of_glasses(rows, held.plan.features)
    curves = []
    for number, glass in glasses.items():
        fields = [held.atoms[number], _over_atoms(held, value, number)]
        x = parts[number].load()
        if x.shape[1] <= MOST_COLUMNS:
            alone = random_fields(x, held.plan.seed)
            fields.extend(np.where(np.isfinite(held.atoms[number]), alone, np.nan))
        curves.append(autocorrelation(glass, np.vstack(fields), edges))
    table = np.array(curves)
    decays = [
        decay_of("score", table[:, 0], edges, spacing),
        decay_of(name, table[:, 1], edges, spacing),
    ]
    if table.shape[1] > 2:
        decays.append(decay_of("descriptor alone", table[:, 2:].mean(axis=1), edges, spacing))
    return decays


def _links(held: Held) -> tuple[list[Link], str, Floats]:
    rows = held.rows
    numbers = sorted(held.atoms)
    glasses = [rows.dataset.glasses[rows.glass_names[number]] for number in numbers]
    found = [local_anisotropy(glass) for glass in glasses]
    anisotropy = [values for values, _ in found]
    value, name = _target_field(held)
    if rows.task.label.rule in TURNED:
        value, name = -value, f"-{name}"
    of_rows = np.full(len(rows), np.nan)
    place = place_of_rows(held.plan.task)
    for number, values in zip(numbers, anisotropy, strict=True):
        here = rows.glass == number
        of_rows[here] = values[place[here]]
    links = [
        link_to_anisotropy("score", glasses, anisotropy, [held.atoms[number] for number in numbers]),
        link_to_anisotropy(name, glasses, anisotropy, [_over_atoms(held, value, number) for number in numbers]),
    ]
    return links, found[0][1], of_rows
