"""From an empty folder to a verified entry, and what is refused on the way."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import tomli_w
from toy import N_GLASSES, perturbed_crystal, write_task
from toy_descriptor import CARD, write_descriptor

from zoo._files import read_toml, sha256_of
from zoo.benchmark import cell as cells
from zoo.benchmark.cell import folds_of, task_rows
from zoo.benchmark.suite import cells_of
from zoo.cli import console, main
from zoo.cli.verify import _show as show
from zoo.errors import SubmissionError
from zoo.submissions import fresh as freshly
from zoo.submissions.card import read_submission
from zoo.submissions.checks import check
from zoo.submissions.confine import REQUIRED
from zoo.submissions.contribution import contributed
from zoo.submissions.entries import read_entries
from zoo.submissions.folds import checked_table, mean_scores, rows_to_predict
from zoo.submissions.manifest import read_manifest
from zoo.submissions.pack import TEMPLATE, pack, packed_folder, require_filled_in
from zoo.submissions.packed import read_packed
from zoo.submissions.record import FreshScore, record_of, write_record
from zoo.submissions.sandbox import sandboxed
from zoo.submissions.score import places, reference_suite, score
from zoo.submissions.verify import verify

TASK = "toy-class"


def zoo(*words: object) -> int:
    """Exit status of a command."""
    try:
        main([str(word) for word in words])
    except SystemExit as done:
        return int(done.code or 0)
    return 0


@pytest.fixture(autouse=True)
def small(monkeypatch) -> None:
    """The toy descriptor compares every atom with every other; trials are held by the tests that are about them."""
    monkeypatch.setattr("zoo.submissions.checks.LARGE", 500)
    monkeypatch.setattr("zoo.submissions.verify.check", lambda contribution, glasses: iter(()))


@pytest.fixture
def packed(root, tmp_path) -> Path:
    """A scored and packed toy submission."""
    submission = read_submission(write_descriptor(tmp_path / "work"))
    reference = reference_suite("toy", (TASK,))
    with contributed(submission, unsafe=True) as contribution:
        store = score(contribution, reference, tmp_path / "own")
        return pack(contribution, reference, store, tmp_path / "submissions")


def change(folder: Path, **changes: object) -> None:
    """Forge the first claim of a manifest."""
    path = folder / "manifest.json"
    content = json.loads(path.read_text())
    content["claims"][0] |= changes
    path.write_text(json.dumps(content))


def test_the_example_passes_its_own_check_and_its_own_test(root, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert zoo("submit", "new", "my-idea") == 0
    assert sorted(path.name for path in Path("my-idea").iterdir()) == [
        "card.toml",
        "descriptor.py",
        "test_descriptor.py",
    ]
    assert zoo("submit", "check", "my-idea", "--dataset", "toy", "--most", 3, "--unsafe") == 0
    assert "nothing to mend" in capsys.readouterr().out
    assert zoo("submit", "new", "my-idea") == 2
    assert "must be empty" in capsys.readouterr().err
    assert zoo("submit", "new", "voronoi") == 2
    assert "choose another name" in capsys.readouterr().err
    namespace: dict[str, object] = {"__file__": str(Path("my-idea/test_descriptor.py").resolve())}
    exec(Path("my-idea/test_descriptor.py").read_text(), namespace)
    next(value for name, value in namespace.items() if name.startswith("test_"))()  # type: ignore[operator]


def test_a_check_says_what_is_wrong_and_how_to_mend_it(root, tmp_path, capsys):
    body = "return glass.positions[:, :1].astype(np.float32)"
    folder = write_descriptor(tmp_path / "s", body=body)
    assert zoo("submit", "check", folder, "--dataset", "toy", "--most", 3, "--unsafe") == 1
    said = capsys.readouterr().out
    assert "use distances and angles between atoms" in said
    assert "use differences of positions" in said


def test_a_check_finds_state_between_glasses_and_labels_among_the_fields(root, tmp_path, capsys):
    body = "import builtins\nbuiltins.n = getattr(builtins, 'n', {}); builtins.n[len(builtins.n)] = 1"
    folder = write_descriptor(tmp_path / "s", body=body, fields=["slip"])
    path = folder / "descriptor.py"
    text = path.read_text().replace(", compute)", ", compute, fields=('slip',))")
    path.write_text(text.replace("return near.sum(axis=1)", "return (near.sum(axis=1) + len(builtins.n))"))
    assert zoo("submit", "check", folder, "--dataset", "toy", "--most", 3, "--unsafe") == 1
    said = capsys.readouterr().out
    assert "'slip', which is a label of toy" in said
    assert "keep nothing between two calls" in said


def test_what_is_packed_is_verified_and_the_same_to_the_last_bit(packed, tmp_path):
    record = verify(packed, unsafe=True, by="Ada")
    assert record.state == "verified"
    assert [outcome.identical for outcome in record.outcomes] == [True]
    assert record_of(*read_packed(packed), tmp_path / "verified") is None
    write_record(record, tmp_path / "verified")
    assert record_of(*read_packed(packed), tmp_path / "verified") == record
    (entry,) = read_entries(packed.parent, tmp_path / "verified")
    assert (entry.name, entry.state) == ("bold-idea", "verified")
    (outcome,) = entry.outcomes
    assert min(outcome.fit_seconds, outcome.predict_seconds, outcome.microseconds_per_atom) > 0
    assert (outcome.n_glasses, outcome.n_columns) == (N_GLASSES, 1)
    assert outcome.interval == pytest.approx(read_manifest(packed).claims[0].interval)
    change(packed, microseconds_per_atom=1e-9)
    assert read_entries(packed.parent, tmp_path / "verified")[0].state == "unverified"
    (packed / "descriptor.py").write_text((packed / "descriptor.py").read_text() + "\n# changed")
    (entry,) = read_entries(packed.parent, tmp_path / "verified")
    assert entry.state == "broken"
    assert "'descriptor.py' is not what the manifest states" in entry.reason


def test_the_folder_an_author_works_in_does_not_hide_the_packed_one(root, packed, tmp_path, monkeypatch):
    shutil.copytree(packed, root / "leaderboard" / "submissions" / packed.name)
    monkeypatch.chdir(tmp_path)
    write_descriptor(tmp_path / packed.name)
    assert packed_folder(packed.name) == root / "leaderboard" / "submissions" / packed.name
    assert packed_folder(str(packed)) == packed
    assert packed_folder("absent") == Path("absent")


def test_a_card_that_nobody_has_filled_in_is_not_packed(root, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert zoo("submit", "new", "next-idea") == 0
    for at, text in enumerate(TEMPLATE):
        assert zoo("submit", "pack", "next-idea", "--suite", "toy", "--unsafe") == 2
        said = capsys.readouterr().err
        assert all(left in said for left in TEMPLATE[at:])
        assert not any(left in said for left in TEMPLATE[:at])
        assert "in card.toml" in said or "in descriptor.py" in said
        for name in ("card.toml", "descriptor.py"):
            path = Path("next-idea", name)
            path.write_text(path.read_text().replace(text, "my own words"))
    require_filled_in(read_submission(Path("next-idea")))


def test_what_must_be_packed_next_is_what_was_scored(root, tmp_path, capsys):
    folder = write_descriptor(tmp_path / "s")
    assert zoo("submit", "score", folder, "--suite", "toy", "--task", TASK, "--unsafe") == 0
    assert f"next: zoo submit pack {folder} --suite toy --task {TASK}\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("exempt={'identity': 'it is fine'}", "no set is exempt from this (it is fine): remove it from exempt"),
        ("declines=lambda glass: 'too small'", "the set declines: too small"),
    ],
)
def test_trials_are_held_before_packing_and_when_verifying(root, tmp_path, monkeypatch, capsys, more, words):
    """Neither an exemption nor a glass that is declined spares a submission the trials."""
    folder = write_descriptor(tmp_path / "work")
    path = folder / "descriptor.py"
    path.write_text(path.read_text().replace(", compute)", f", compute, {more})"))
    command = ["submit", "pack", folder, "--suite", "toy", "--task", TASK, "--output", tmp_path / "out", "--unsafe"]
    assert zoo(*command) == 2
    assert words in capsys.readouterr().err
    if "exempt" not in more:
        return
    monkeypatch.setattr("zoo.submissions.verify.check", check)
    reference = reference_suite("toy", (TASK,))
    with contributed(read_submission(folder), unsafe=True) as contribution:
        store = score(contribution, reference, tmp_path / "own")
        packed = pack(contribution, reference, store, tmp_path / "submissions")
    record = verify(packed, unsafe=True)
    assert record.state == "refused"
    assert words in record.reason
    assert record.exempt == {"identity": "it is fine"}
    assert {"passed", "failed"} == {finding.state for finding in record.findings}


def test_a_packed_submission_holds_no_labels(packed):
    (path,) = (packed / "predictions").iterdir()
    assert list(pd.read_parquet(path)) == ["fold", "row", "score"]


def test_nothing_is_smuggled_in_beside_the_predictions(packed):
    (packed / "predictions" / "notes.pkl").write_bytes(b"x")
    with pytest.raises(SubmissionError, match=r"does not state 'predictions/notes\.pkl'"):
        verify(packed, unsafe=True)


def test_predictions_that_are_missing_or_a_link_are_refused(packed):
    (path,) = (packed / "predictions").iterdir()
    path.rename(packed.parent / "elsewhere")
    with pytest.raises(SubmissionError, match="must be a plain file"):
        verify(packed, unsafe=True)
    path.symlink_to(packed.parent / "elsewhere")
    with pytest.raises(SubmissionError, match="plain file"):
        verify(packed, unsafe=True)


def test_what_is_shown_of_an_unverified_claim_follows_from_its_predictions(packed, tmp_path):
    honest = read_manifest(packed).claims[0]
    change(packed, scores=honest.scores | {"average_precision": 0.99}, interval=[0.98, 1.0])
    (entry,) = read_entries(packed.parent, tmp_path / "verified")
    assert entry.state == "unverified"
    (outcome,) = entry.outcomes
    assert outcome.found["average_precision"] == pytest.approx(honest.scores["average_precision"], abs=1e-5)
    assert outcome.interval == pytest.approx(honest.interval)


def test_claims_that_do_not_follow_differ(packed):
    honest = read_manifest(packed).claims[0]
    change(packed, scores=honest.scores | {"average_precision": 0.99}, interval=None)
    record = verify(packed, unsafe=True)
    assert record.state == "differs"
    assert "off by" in record.reason


def test_predictions_better_than_the_code_differ(packed):
    claim = read_manifest(packed).claims[0]
    path = packed / claim.predictions
    table = pd.read_parquet(path)
    table["score"] = task_rows(TASK).target[table["row"]].astype(np.float32)  # the labels themselves
    table.to_parquet(path, index=False)
    change(packed, sha256=sha256_of(path), scores=mean_scores(TASK, table), interval=None)
    record = verify(packed, unsafe=True)
    assert record.state == "differs"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"task": "../../secret"}, "task of this project"),
        ({"family": "prior"}, "are scored with"),
        ({"folds": "0" * 64}, "folds of toy-class has changed"),
        ({"data_hash": "0"}, "data of toy-class has changed"),
        ({"predictions": "../../etc/passwd"}, "does not follow its schema"),
        ({"predictions": "predictions/none.parquet"}, "does not state 'predictions/toy-class--logistic.parquet'"),
        ({"sha256": "0"}, "not the file that the manifest states"),
        ({"surprise": 1}, "does not follow its schema"),
        ({"scores": {}}, "must state average_precision"),
        ({"scores": {"average_precision": 7.3}, "interval": [7, 9]}, "must be from 0 to 1, toy-class claims 7.3"),
        ({"scores": {"average_precision": 0.5, "fame": 1.0}}, "got 'fame'"),
        ({"interval": [0.98, 0.99]}, "must hold its score"),
        ({"microseconds_per_atom": -1.0}, "does not follow its schema"),
    ],
)
def test_forged_manifests_are_refused(packed, changes, words):
    change(packed, **changes)
    with pytest.raises(SubmissionError, match=words):
        verify(packed, unsafe=True)


@pytest.mark.parametrize("made", ["2099-01-01T00:00:00+00:00", "soon"])
def test_a_manifest_of_the_future_or_that_claims_twice_is_refused(packed, made):
    path = packed / "manifest.json"
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"made": made}))
    with pytest.raises(SubmissionError, match="a day that has passed"):
        read_packed(packed)
    path.write_text(json.dumps(content | {"claims": content["claims"] * 4}))
    with pytest.raises(SubmissionError, match="each task and family once"):
        read_packed(packed)


def test_a_record_that_nobody_signed_is_neither_written_nor_believed(packed, tmp_path, capsys):
    assert zoo("verify", packed, "--record", tmp_path / "verified", "--unsafe") == 2
    assert "add --by" in capsys.readouterr().err
    path = write_record(verify(packed, unsafe=True, by="Ada"), tmp_path / "verified")
    path.write_text(path.read_text().replace('"Ada"', '" "'))
    (entry,) = read_entries(packed.parent, tmp_path / "verified")
    assert entry.state == "broken"
    assert "no readable record" in entry.reason


def test_a_lead_that_is_lost_on_new_glasses_makes_an_entry_doubtful(packed, tmp_path, capsys):
    lost = FreshScore(
        "toy", "quick", [7], TASK, "logistic", "species", 0.4, 0.2, 0.2, 0.21, None, 0.21, True, "voronoi", -0.036
    )
    record = verify(packed, unsafe=True, by="Ada", fresh=lambda contribution, manifest: [lost])
    assert record.state == "doubtful"
    assert record.reason == "logistic on toy-class: lead over species +0.200 as published, -0.010 on new glasses"
    write_record(record, tmp_path / "verified")
    assert read_entries(packed.parent, tmp_path / "verified")[0].state == "doubtful"
    show(record, console())
    assert (
        "lead +0.200 as published, -0.010 on new glasses; that of voronoi changes by +0.036" in capsys.readouterr().out
    )


def test_names_of_files_cannot_paint_the_terminal(root, capsys):
    folder = root / "leaderboard" / "submissions" / "bold\x1b[2Jidea"
    folder.mkdir(parents=True)
    (folder / "a\x1b[31m\nb.py").symlink_to("/etc/passwd")
    assert zoo("submit", "list") == 0
    said = capsys.readouterr().out
    assert "link or a device" in " ".join(said.split())
    assert "\x1b" not in said


def test_code_that_reaches_out_is_refused_even_if_its_scores_hold(root, tmp_path):
    body = "try: open('/srv/secret')\nexcept OSError: pass"
    submission = read_submission(write_descriptor(tmp_path / "work", body=body))
    reference = reference_suite("toy", (TASK,))
    with contributed(submission, unsafe=True) as contribution:
        store = score(contribution, reference, tmp_path / "own")
        folder = pack(contribution, reference, store, tmp_path / "submissions")
    record = verify(folder, unsafe=True)
    assert (record.state, record.reason) == ("refused", "the code tried to read /srv/secret")


def test_a_submission_stands_among_registered_sets(root, tmp_path):
    reference = reference_suite("toy", (TASK,))
    for cell in cells_of(reference):
        cells.run_cell(cell, tmp_path / "results")
    submission = read_submission(write_descriptor(tmp_path / "work"))
    with contributed(submission, unsafe=True, run="first") as contribution:
        store = score(contribution, reference, tmp_path / "own")
        calls = []
        score(contribution, reference, tmp_path / "own", lambda cell, state: calls.append(contribution.timed[:]))
        (place,) = places(contribution, reference, store, tmp_path / "results")
        assert {row.features for row in place.board.rows} == {"species", "coordination", contribution.entry.name}
        own = next(row for row in place.board.rows if row.features == contribution.entry.name)
        assert place.rank(own) <= 3
        assert len(contribution.timed) == N_GLASSES  # one more at first; the second call of score found all folds done
        assert own.microseconds_per_atom > 0
        other = score(contribution, reference, tmp_path / "another suite")
        (place,) = places(contribution, reference, other, tmp_path / "results")
        again = next(row for row in place.board.rows if row.features == contribution.entry.name)
        assert again.microseconds_per_atom == pytest.approx(own.microseconds_per_atom, abs=1e-3)  # from the cache


def test_rows_to_predict_hold_no_label_and_training_rows_none_of_the_fold(root, tmp_path):
    assert zoo("submit", "folds", "--task", TASK, "--output", tmp_path / "folds") == 0
    wanted = pd.read_parquet(tmp_path / "folds" / "predict.parquet")
    assert list(wanted) == ["fold", "row", "glass", "atom"]
    assert sorted(wanted["row"]) == list(range(len(task_rows(TASK))))
    for fold in range(3):
        train = pd.read_parquet(tmp_path / "folds" / f"train-{fold}.parquet")
        assert not set(train["glass"]) & set(wanted.loc[wanted["fold"] == fold, "glass"])
    first = wanted.iloc[0]
    assert first["row"] == task_rows(TASK).source[first["row"]]
    assert first["atom"] < 108


def test_predictions_of_another_model_are_scored_and_kept_apart_from_verified_ones(root, tmp_path, capsys):
    rows = task_rows(TASK)
    table = rows_to_predict(TASK)[["fold", "row"]]
    random = np.random.default_rng(0)
    table["score"] = rows.target[table["row"]] + random.normal(0, 0.5, len(table))
    table.sample(frac=1, random_state=0).to_csv(tmp_path / "mine.csv", index=False)
    (tmp_path / "card.toml").write_text(tomli_w.dumps(CARD | {"kind": "predictions"}))
    words = ["submit", "predictions", tmp_path / "mine.csv", "--task", TASK, "--card", tmp_path / "card.toml"]
    assert zoo(*words, "--output", tmp_path / "out") == 0
    assert "AP 0." in capsys.readouterr().out
    record = verify(tmp_path / "out" / "bold-idea")
    assert record.state == "scored"
    assert record.layers == []
    expected = [
        _average_precision(rows.target[rows.glass == g], table.set_index("row")["score"].to_numpy(), rows.glass == g)
        for g in range(N_GLASSES)
    ]
    assert record.outcomes[0].found["average_precision"] == pytest.approx(np.mean(expected), abs=1e-5)


def _average_precision(target, score_by_fold_order, mask):
    from sklearn.metrics import average_precision_score

    table = rows_to_predict(TASK)
    score = np.empty(len(table))
    score[table["row"]] = score_by_fold_order
    return average_precision_score(target, score[mask].astype(np.float32))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda t: t.iloc[1:], "1 of 648 rows are missing"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "is there twice"),
        (lambda t: t.assign(score=t["score"].where(t.index != 3)), "must be finite"),
        (lambda t: t.assign(score=1e300), "must be finite"),
        (lambda t: t.assign(row=t["row"] + 1), "is no row of task"),
        (lambda t: t.assign(fold=0), "in another fold"),
        (lambda t: t.drop(columns="score"), "columns row and score"),
        (lambda t: t.assign(score="high"), "must be numbers"),
    ],
)
def test_tables_that_are_not_one_finite_score_for_every_row_are_refused(root, spoil, words):
    table = rows_to_predict(TASK)[["fold", "row"]].assign(score=0.5)
    with pytest.raises(SubmissionError, match=words):
        checked_table(spoil(table), TASK, "mine")


def test_predictions_for_other_folds_are_refused(root, tmp_path):
    (tmp_path / "card.toml").write_text(tomli_w.dumps(CARD | {"kind": "predictions"}))
    rows_to_predict(TASK).assign(score=0.5).to_parquet(tmp_path / "mine.parquet")
    words = ["submit", "predictions", tmp_path / "mine.parquet", "--task", TASK, "--card", tmp_path / "card.toml"]
    assert zoo(*words, "--output", tmp_path / "out") == 0
    write_task(root, TASK, seed=1)
    for cached in (cells.task_rows, cells.folds_of):
        cached.cache_clear()
    with pytest.raises(SubmissionError, match="folds of toy-class has changed"):
        verify(tmp_path / "out" / "bold-idea")
    assert len(folds_of(TASK, "glass")) == 3


def write_toy_recipe(root: Path) -> Path:
    """Only its seeds matter: the test builds the glasses itself."""
    recipe = root / "datasets" / "toy" / "recipe.toml"
    group = {"stratum": "hard", "seeds": [0, 1]}
    variant = {"glasses": [dict(group), {"stratum": "soft", "seeds": [2]}]}
    recipe.write_text(
        tomli_w.dumps({"steps": ["quench", "physics"], "glasses": [group], "variants": {"quick": variant}})
    )
    return recipe


def build_toys(folder: Path, variant: str, workers: int | None, progress: object) -> None:
    """Toy glasses with the seeds of a recipe."""
    from toy import write_root

    content = read_toml(folder / "recipe.toml")["variants"][variant]
    assert content["steps"] == ["quench"]
    made = write_root(folder / "made") / "datasets" / "toy"
    from zoo.formats import write_glass

    card = read_toml(made / "card.toml")
    for entry, seed in zip(card["glasses"], [s for g in content["glasses"] for s in g["seeds"]], strict=True):
        write_glass(made / entry["file"], perturbed_crystal(seed))
    for entry in card["files"]:
        entry |= {"sha256": sha256_of(made / entry["path"]), "bytes": (made / entry["path"]).stat().st_size}
    (made / "card.toml").write_text(tomli_w.dumps(card))
    shutil.copytree(made, folder / "data")


def test_a_descriptor_that_carries_the_labels_along_is_found_on_new_glasses(root, tmp_path, monkeypatch):
    """It looks published glasses up by the sum of their positions."""
    write_toy_recipe(root)
    monkeypatch.setattr(freshly, "build", build_toys)
    rows = task_rows(TASK)
    known = {
        f"{glass.positions.sum():.6f}": rows.target[rows.glass == number].astype(int).tolist()
        for number, glass in enumerate(rows.dataset.glasses.values())
    }
    body = f"known = {known!r}\nfound = known.get(f'{{glass.positions.sum():.6f}}')\n"
    body += "if found: return np.array(found, np.float32)[:, None]"
    reference = reference_suite("toy", (TASK,))
    seen = {}
    for name, code in (("cheat", body), ("honest", "pass")):
        submission = read_submission(write_descriptor(tmp_path / name, body=code))
        with contributed(submission, unsafe=True) as contribution:
            store = score(contribution, reference, tmp_path / f"own-{name}")
            manifest = read_manifest(pack(contribution, reference, store, tmp_path / f"packed-{name}"))
            (seen[name],) = freshly.fresh_scores(contribution, manifest, 3, reference="coordination")
    assert seen["cheat"].public == 1.0
    assert seen["cheat"].suspicious
    assert not seen["honest"].suspicious
    assert not {0, 1, 2} & set(seen["cheat"].seeds)
    assert len(set(seen["cheat"].seeds)) == 6
    assert seen["honest"].usual == "voronoi"
    assert np.isfinite(seen["honest"].usual_drop)


@pytest.mark.parametrize(("usual_new", "suspicious"), [(0.4, True), (0.25, False), (None, True)])
def test_a_drop_that_another_set_shares_is_not_suspicious(root, monkeypatch, usual_new, suspicious):
    """All leads of 0.2 over the reference fall to 0.05 where the glasses are that different."""
    known = {
        ("mine", TASK): 0.4, ("mine", "fresh"): 0.25, ("base", TASK): 0.2, ("base", "fresh"): 0.2,
        ("usual", TASK): 0.4, ("usual", "fresh"): usual_new,
    }  # fmt: skip

    def scores(claim, task, features):
        if known[features, task] is None:
            raise SubmissionError("it declines")
        return known[features, task] + np.array([-0.01, 0.0, 0.01])

    monkeypatch.setattr(freshly, "_scores", scores)
    claim = SimpleNamespace(task=TASK, family="logistic")
    found = freshly._compared("mine", claim, "fresh", "base", "usual", [1], "quick")
    assert found.drop == pytest.approx(0.15)
    assert found.suspicious is suspicious


def test_a_glass_without_a_score_counts_only_if_the_descriptor_is_at_fault():
    own, other = freshly._paired(np.array([0.3, np.nan, np.nan]), np.array([0.1, 0.2, np.nan]))
    assert own.tolist() == [0.3, 0.0]
    assert other.tolist() == [0.1, 0.2]


def test_code_is_verified_under_every_layer_where_the_system_has_them(packed):
    with sandboxed({"d.py": b""}, "d.py", unsafe=True, kernels=False) as sandbox:
        if not set(REQUIRED) <= set(sandbox.layers):
            pytest.skip("this system cannot confine a process")
    record = verify(packed)
    assert record.state == "verified"
    assert set(REQUIRED) <= set(record.layers)
