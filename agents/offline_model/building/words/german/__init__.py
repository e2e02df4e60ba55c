"""German for batches."""

from agents.offline_model.building.words.german.bounds import BOUNDS, REVISION
from agents.offline_model.building.words.german.texts import TEXTS
from agents.offline_model.building.words.german.what import WHAT, WHICH
from agents.offline_model.building.words.german.when import WHEN
from agents.offline_model.building.words.vocabulary import BuildingWords

WORDS = BuildingWords(when=WHEN, which=WHICH, what=WHAT, bounds=BOUNDS, revision=REVISION, texts=TEXTS)
