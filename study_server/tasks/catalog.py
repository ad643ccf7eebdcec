"""The tasks that a protocol can name."""

from study_server.tasks import best_worst, preference, ranking, rating, real_or_fake
from study_server.tasks.task import Task

TASKS: dict[str, Task] = {
    "real_or_fake": real_or_fake,
    "preference": preference,
    "best_worst": best_worst,
    "ranking": ranking,
    "rating": rating,
}
DEFAULT_TASK = "real_or_fake"
