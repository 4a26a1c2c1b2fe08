"""The judge against an eye, on 120 pictures that the four painters made; labelled before any verdict was read."""

from collections import defaultdict
from pathlib import Path

import pytest

from lab.measure.judge import RIGHT, UNSURE
from lab.race import LANES
from models.parts.judge import Judge
from tests.audit import asked_of, labels, verdict, words

SUITE = Path(__file__).resolve().parents[1] / "assets" / "classroom"


@pytest.fixture(scope="module")
def marks():
    judge = Judge.from_folder(SUITE / "judge")
    return {family: verdict(family, judge) for family in LANES}


def test_the_table_holds_thirty_prompts_a_family_as_their_seeds_give_them():
    table = labels()
    assert [(row.family, row.number) for row in table] == [(family, k) for family in LANES for k in range(30)]
    for row in table:
        assert list(row.asked) == words(asked_of(row.family)[row.number])
        assert set(row.not_seen) <= set(row.asked), f"{row} labels what was not asked"


def test_judge_and_eye_agree_on_which_pictures_are_right(marks):
    """A picture is right where every word is; the judge's abstaining counts as not right, as in every score."""
    same, words = defaultdict(list), defaultdict(list)
    for row in labels():
        said = marks[row.family][row.number]
        same[row.family].append((said["overall"] == RIGHT) == (not row.not_seen))
        for word in row.asked:
            kind = "words abstained from" if said[word] == UNSURE else "words judged"
            words[kind].append((said[word] == RIGHT) == (word not in row.not_seen))
    every = [each for family in LANES for each in same[family]]
    told = {name: f"{sum(found)}/{len(found)}" for name, found in (same | words).items()}
    print(told, f"all {sum(every)}/{len(every)}")
    assert sum(every) >= 0.95 * len(every)
