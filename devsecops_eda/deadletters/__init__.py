"""The dead letters: what was refused, why, and sending it to its queue once more."""

from devsecops_eda.deadletters.doing import Done, Fate
from devsecops_eda.deadletters.letter import Letter, letter_of
from devsecops_eda.deadletters.pile import MAX_BATCH, MAX_READ, Dead, Pile, Replayed
from devsecops_eda.deadletters.replaying import obstacle, refused_again, replayed
from devsecops_eda.deadletters.selecting import Wanted
from devsecops_eda.deadletters.showing import masked_text, shown_body, shown_headers

__all__ = [
    "MAX_BATCH",
    "MAX_READ",
    "Dead",
    "Done",
    "Fate",
    "Letter",
    "Pile",
    "Replayed",
    "Wanted",
    "letter_of",
    "masked_text",
    "obstacle",
    "refused_again",
    "replayed",
    "shown_body",
    "shown_headers",
]
