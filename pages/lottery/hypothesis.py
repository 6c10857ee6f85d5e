"""What the hypothesis says, how a ticket is found, and what it is compared with."""

import streamlit as st

from efficiency.exports.lottery_published import SOURCE
from efficiency.exports.table import fact
from pages.shared.escape import escape

IDEA = (
    "A large network that has been trained can lose most of its weights and still be right. Train "
    "such a small network from the start, with new random weights, and it learns worse. The "
    "lottery ticket hypothesis says: inside the large network there is a small one that learns as "
    "well and as fast alone, **if it begins with the very weights that it had at the start**. It "
    "drew a winning ticket."
)
STEPS = (
    ("1. Draw", "Random weights; keep a copy of them."),
    ("2. Train", "For so many iterations."),
    ("3. Prune", "The smallest weights of every layer become 0, for good."),
    ("4. Rewind", "The others go back to the copy. This is the ticket."),
    ("5. Repeat", "Train the ticket, and go on with step 3."),
)
CONTROLS = (
    (
        "Same mask, new weights",
        "The ticket's connections, drawn anew: do the first weights matter?",
    ),
    (
        "Random mask",
        "The first weights, as many left in each layer, anywhere: does it matter which?",
    ),
)


def hypothesis() -> None:
    """The idea, five steps, and the two controls at every level."""
    st.markdown(IDEA)
    steps = "".join(fact("", title, sentence) for title, sentence in STEPS)
    st.html(f'<div class="lab-facts">{steps}</div>')
    st.markdown("At every level two **controls** with as many weights are trained beside it:")
    st.markdown("\n".join(f"- **{title}**: {sentence}" for title, sentence in CONTROLS))
    st.caption(escape(f"{SOURCE}."))
