"""Italian for batches."""

from agents.offline_model.building.words.italian.bounds import BOUNDS, REVISION
from agents.offline_model.building.words.italian.texts import TEXTS
from agents.offline_model.building.words.italian.what import WHAT, WHICH
from agents.offline_model.building.words.italian.when import WHEN
from agents.offline_model.building.words.vocabulary import BuildingWords

WORDS = BuildingWords(when=WHEN, which=WHICH, what=WHAT, bounds=BOUNDS, revision=REVISION, texts=TEXTS)
