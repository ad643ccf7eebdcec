"""The tasks that a protocol can name."""

from study_server.tasks import real_or_fake
from study_server.tasks.task import Task

TASKS: dict[str, Task] = {
    "real_or_fake": real_or_fake,
}
DEFAULT_TASK = "real_or_fake"
