"""Take the screenshots of docs/first-study.md: `python docs/make_screenshots.py`.

Needs Chromium. A study is made in the browser, from two folders to a report on simulated
participants, exactly as the page says.
"""

import io
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from unittest.mock import patch

from PIL import Image
from playwright.sync_api import Browser, Page

from study_server.app import create_app
from study_server.jobs.runner import run_due_jobs
from study_server.settings import Settings
from study_server.storage.engine import open_engine, write_transaction
from study_server.storage.schema import ensure_current_schema
from study_server.studies.researchers import create_login_token
from tests.browser.conftest import launch
from tests.conftest import SECRET, served
from tests.photographs import write_fakes, write_photographs

FOLDER = Path(__file__).with_name("first-study")
WIDTH, HEIGHT = 1000, 720  # of the pages, in CSS pixels
COLORS = 96  # of a picture, so that it is small
PUBLIC_URL = "https://study.example.org"  # in the links of the pictures


@dataclass(frozen=True)
class Tour:
    """A researcher's browser on a server without studies. pictures: where screenshots go."""

    page: Page
    address: str
    pictures: Path
    sign_in_address: str
    run_jobs: "RunJobs"

    def shoot(self, name: str, at: str = "") -> None:
        """Save what the window shows, from the element `at` on, with few colors."""
        if at:
            self.page.locator(at).first.evaluate("one => one.scrollIntoView()")
        else:
            self.page.evaluate("scrollTo(0, 0)")
        picture = Image.open(io.BytesIO(self.page.screenshot())).convert("RGB")
        small = picture.quantize(COLORS, dither=Image.Dither.NONE)
        small.save(self.pictures / f"{name}.png", optimize=True)

    def go(self, page: str) -> None:
        """Go to a page of the study by its link."""
        links = self.page.get_by_role("navigation", name="Pages of this study")
        links.get_by_role("link", name=page, exact=True).click()

    def finish_jobs(self) -> None:
        """Run what waits in the background, as the server does within seconds, then reload."""
        self.run_jobs()
        self.page.reload()


class RunJobs:
    """Runs the jobs of a server."""

    def __init__(self, url: str) -> None:
        self.engine = open_engine(url)

    def __call__(self) -> None:
        run_due_jobs(self.engine)


def make_screenshots(pictures: Path, browser: Browser, people: int = 20) -> None:
    """Make a study in a browser and save a picture of each step; people: simulated ones."""
    pictures.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, start_tour(Path(name), pictures, browser) as tour:
        upload = make_zip(Path(name))
        create_study(tour)
        upload_images(tour, upload)
        fill_in_texts(tour)
        rehearse(tour, people)
        freeze(tour)
        recruit(tour)


@contextmanager
def start_tour(folder: Path, pictures: Path, browser: Browser) -> Iterator[Tour]:
    """Serve an empty instance, and open a browser that has a sign-in link."""
    url, instance = f"sqlite:///{folder / 'study.sqlite'}", folder / "instance"
    run_jobs = RunJobs(url)
    ensure_current_schema(run_jobs.engine)
    settings = Settings(database_url=url, instance_folder=instance, secret_key=SECRET)
    app = create_app(settings, run_jobs.engine)
    app.extensions["settings"] = settings.model_copy(update={"public_url": PUBLIC_URL})
    with write_transaction(run_jobs.engine) as db:
        token = create_login_token(db, "ada", timedelta(hours=1))
    for_commands = {
        "STUDY_DATABASE_URL": url, "STUDY_INSTANCE": str(instance), "STUDY_SECRET_KEY": SECRET
    }  # fmt: skip
    with served(app) as address, patch.dict(os.environ, for_commands):
        page = browser.new_context(viewport={"width": WIDTH, "height": HEIGHT}).new_page()
        yield Tour(page, address, pictures, f"{address}/researcher/enter/{token}", run_jobs)
    run_jobs.engine.dispose()


def make_zip(folder: Path) -> Path:
    """Write photographs and fakes, and a zip with a folder for each."""
    write_photographs(folder / "photos")
    write_fakes(folder / "photos", folder / "fakes")
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        for source, method in (("photos", "real"), ("fakes", "pale")):
            for file in sorted((folder / source).iterdir()):
                archive.write(file, f"{method}/{file.name}")
    return folder / "images.zip"


def create_study(tour: Tour) -> None:
    """Sign in and create a study from a preset."""
    page = tour.page
    page.goto(tour.sign_in_address)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="New study").click()
    page.get_by_label("Title").fill("Pale colors")
    page.get_by_role("radio", name="Image translation: which is fake?").check()
    tour.shoot("new-study", at=".preset:has(input:checked)")
    page.get_by_role("button", name="Create the study").click()


def upload_images(tour: Tour, upload: Path) -> None:
    """Upload the zip and see the images."""
    page = tour.page
    page.get_by_label("Zip file").set_input_files(upload)
    page.get_by_role("button", name="Upload and check").click()
    page.get_by_text("It starts within seconds.").wait_for()
    tour.finish_jobs()
    page.get_by_role("img", name="pale of").first.wait_for()
    tour.shoot("stimuli", at="#stimuli-title")


def fill_in_texts(tour: Tour) -> None:
    """Fill in the places of every text, in every language."""
    tour.go("Wording")
    page = tour.page
    tour.shoot("wording", at="#title-consent")
    languages = page.locator(".mode-switch a")
    for number in range(max(languages.count(), 1)):
        if languages.count():
            languages.nth(number).click()
        for text in page.locator("textarea[data-part]").all():
            text.fill(re.sub(r"\[\.\.\.[^]]*\]", "Example University", text.input_value()))
        page.get_by_role("button", name="Save all texts").last.click()
        page.get_by_role("status").first.wait_for()


def rehearse(tour: Tour, people: int) -> None:
    """Start a preview, let simulated participants take part, and look at their report."""
    page = tour.page
    tour.go("Rehearse")
    page.get_by_role("link", name="Start a preview").click()
    tour.shoot("consent")
    page.go_back()
    page.get_by_role("spinbutton", name="Participants").fill(str(people))
    page.get_by_role("button", name="Simulate").click()
    tour.finish_jobs()
    tour.shoot("rehearse", at="#simulate-title")
    page.get_by_role("link", name="Report on them").click()
    page.get_by_role("button", name="Make the report").click()
    tour.finish_jobs()
    page.frame_locator(".report-frame").locator("h1").wait_for()
    tour.shoot("report", at=".report-frame")
    tour.go("Overview")
    page.get_by_role("link", name="Simulated").click()
    tour.shoot("overview", at="#progress-title")


def freeze(tour: Tour) -> None:
    """Write the plan and freeze the design."""
    page = tour.page
    tour.go("Freeze")
    page.locator("[name=participants]").fill("20")
    page.get_by_text("Freeze the design", exact=True).click()
    tour.shoot("freeze", at="#plan-title")
    page.get_by_role("button", name="Freeze the design now").click()
    page.get_by_text("The design is frozen. Its SHA-256 is").wait_for()


def recruit(tour: Tour) -> None:
    """Open the study and show the link for participants."""
    page = tour.page
    tour.go("Recruit")
    page.get_by_role("button", name="Open", exact=True).click()
    page.get_by_text("Plain link", exact=True).click()
    tour.shoot("recruit")
    tour.shoot("links", at="#links-title")


if __name__ == "__main__":
    with launch() as chromium:
        make_screenshots(FOLDER, chromium)
