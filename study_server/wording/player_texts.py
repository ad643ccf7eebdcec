"""English texts of the player's scripts. The page passes them to the scripts, translated.

static/player/texts.js fills in their {placeholders}.
"""

from study_server.languages import N_

PLAYER_TEXTS = {
    "left_image": N_("Left image"),
    "right_image": N_("Right image"),
    "center_image": N_("Image"),
    "loading": N_("Loading the images…"),
    "saving": N_("Saving your answer…"),
    "sending": N_("No connection. Your answers are saved on this device. Trying to send them…"),
    "sending_from_page": N_(
        "No connection. Please keep this page open until your answers have been sent."
    ),
    "unreachable": N_("No connection. Trying again…"),
    "elsewhere": N_("The study is open in another tab or on another device"),
    "broken": N_("Something went wrong on this page."),
    "refused": N_("The server reported an error ({status})."),
    "continue_here": N_("Continue here instead"),
    "answered": N_("{answered} of {planned}"),
    "qualification_pair": N_("Qualification test, pair {number} of {of}"),
    "practice_pair": N_("Practice pair {number} of {of}"),
    "test_pair": N_("Pair {number} of {of}"),
    "qualification_image": N_("Qualification test, image {number} of {of}"),
    "practice_image": N_("Practice image {number} of {of}"),
    "test_image": N_("Image {number} of {of}"),
    "fake": N_("Fake"),
    "real": N_("Real"),
    "correct_left": N_("Correct: the left image is the fake."),
    "correct_right": N_("Correct: the right image is the fake."),
    "correct_center": N_("Correct: the image is a fake."),
    "correct_none": N_("Correct: the image is a photograph."),
    "incorrect_left": N_("Incorrect: the left image is the fake."),
    "incorrect_right": N_("Incorrect: the right image is the fake."),
    "incorrect_center": N_("Incorrect: the image is a fake."),
    "incorrect_none": N_("Incorrect: the image is a photograph."),
}
