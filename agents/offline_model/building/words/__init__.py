"""How batches are spoken of: the patterns and the answers of each language."""

from collections.abc import Mapping

from agents.offline_model.building.words import english, german, italian
from agents.offline_model.building.words.vocabulary import BuildingWords

BUILDING: Mapping[str, BuildingWords] = {"en": english.WORDS, "de": german.WORDS, "it": italian.WORDS}
