"""What the player's scripts say, in English: the page carries it to them, in its language.

A text's {blanks} are filled in by static/player/words.js.
"""

from study_server.languages import N_

WORDS = {
    "left_image": N_("Left image"),
    "right_image": N_("Right image"),
    "center_image": N_("Image"),
    "loading": N_("Loading the images…"),
    "saving": N_("Saving your answer…"),
    "unreachable": N_(
        "No connection: your answer is kept on this page and sent again until it arrives."
    ),
    "broken": N_("Something on this page went wrong."),
    "refused": N_("The server answered {status}."),
    "answered": N_("{answered} of {planned}"),
    "practice": N_("Practice pair {number} of {of}"),
    "test": N_("Pair {number} of {of}"),
    "fake": N_("Fake"),
    "real": N_("Real"),
    "right_left": N_("Right: the left image is the fake."),
    "right_right": N_("Right: the right image is the fake."),
    "wrong_left": N_("Wrong: the left image is the fake."),
    "wrong_right": N_("Wrong: the right image is the fake."),
}
