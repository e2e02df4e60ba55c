"""The rules that find what a clause asks for, by language: a pattern, and the function that reads what it matched."""

from collections.abc import Mapping

from agents.offline_model.intents import Rules
from agents.offline_model.rules import english, german, italian

# By the language's code.
RULES: Mapping[str, Rules] = {"en": english.RULES, "it": italian.RULES, "de": german.RULES}
