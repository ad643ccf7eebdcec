"""What the player's scripts say, in English: the page carries it to them, in its language.

A text's {blanks} are filled in by static/player/texts.js.
"""

from study_server.languages import N_

PLAYER_TEXTS = {
    "left_image": N_("Left image"),
    "right_image": N_("Right image"),
    "center_image": N_("Image"),
    "loading": N_("Loading the images…"),
    "saving": N_("Saving your answer…"),
    "sending": N_("No connection. Your answers are saved on this device; sending…"),
    "unreachable": N_("No connection. Trying again…"),
    "elsewhere": N_("The study goes on in another window or on another device."),
    "broken": N_("Something on this page went wrong."),
    "refused": N_("The server answered {status}."),
    "answered": N_("{answered} of {planned}"),
    "qualification_pair": N_("Qualification pair {number} of {of}"),
    "practice_pair": N_("Practice pair {number} of {of}"),
    "test_pair": N_("Pair {number} of {of}"),
    "qualification_image": N_("Qualification image {number} of {of}"),
    "practice_image": N_("Practice image {number} of {of}"),
    "test_image": N_("Image {number} of {of}"),
    "fake": N_("Fake"),
    "real": N_("Real"),
    "right_left": N_("Right: the left image is the fake."),
    "right_right": N_("Right: the right image is the fake."),
    "right_center": N_("Right: the image is a fake."),
    "right_none": N_("Right: the image is a photograph."),
    "wrong_left": N_("Wrong: the left image is the fake."),
    "wrong_right": N_("Wrong: the right image is the fake."),
    "wrong_center": N_("Wrong: the image is a fake."),
    "wrong_none": N_("Wrong: the image is a photograph."),
}
