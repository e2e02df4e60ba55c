"""English for batches."""

from agents.offline_model.building.words.english.bounds import BOUNDS, REVISION
from agents.offline_model.building.words.english.texts import TEXTS
from agents.offline_model.building.words.english.what import WHAT, WHICH
from agents.offline_model.building.words.english.when import WHEN
from agents.offline_model.building.words.vocabulary import BuildingWords

WORDS = BuildingWords(when=WHEN, which=WHICH, what=WHAT, bounds=BOUNDS, revision=REVISION, texts=TEXTS)
